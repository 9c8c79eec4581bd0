"""The command `mma-bench conform`."""

import sys
from pathlib import Path

import click

from mma_bench.console.group import named_options
from mma_bench.console.options import model_options

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("conform")
@model_options()
@click.option(
    "--packing",
    multiple=True,
    metavar="parts|frames|muxed|interleaved",
    help="Also test both streams in this packing; can be repeated. Always tested: that of --model-option media, and "
    "video, images and audio alone.",
)
@click.option("--without", type=click.Choice(["video", "audio"]), help="What the model does not take.")
@click.option("--long-seconds", type=float, default=40.0, show_default=True, help="Length of the long stimuli.")
@click.option(
    "--concurrency", default="1,2,4,8", show_default=True, help="Requests in flight to measure; empty: not measured."
)
@click.option("--gate", type=float, default=0.4, show_default=True, help="Accuracy that must be exceeded.")
@click.option("--against", type=_FILE, help="JSON of another server of the same model: answers must agree with it.")
@click.option("--out", type=_FILE, help="File for the result as JSON.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--dry-run", is_flag=True, help="Check the options, say what would be asked, and stop.")
def conform_command(
    model: str,
    model_option: tuple[str, ...],
    packing: tuple[str, ...],
    without: str | None,
    long_seconds: float,
    concurrency: str,
    gate: float,
    against: Path | None,
    out: Path | None,
    as_json: bool,
    dry_run: bool,
) -> None:
    """Test whether a server gives its model everything that is sent to it.

    Exit code 0: it conforms; 1: it does not, or that is not shown; 2: bad input, or the server does not answer. If it
    stops answering, --json and --out hold the checks made until then, and the error. A finished result in --out is then
    kept.

    Does each part type arrive, alone and next to others? Is the end of long media kept? Do token counts follow the
    media? Are equal requests answered equally, also under load? Are easy questions answered rightly? All media are
    synthetic. What a weak model cannot do is told apart from what the server loses by controls.

    \b
    Examples:
      mma-bench conform --model openai:Qwen/Qwen2.5-Omni-7B@http://127.0.0.1:8000/v1
      mma-bench conform --model openai:M@http://127.0.0.1:8000/v1 --packing frames --json --out conform.json
      mma-bench conform --model openai:M@http://127.0.0.1:8001/v1 --against conform.json
    """
    from mma_bench.conform.result_file import document, read_reference, require_writable, save
    from mma_bench.conform.run import Plan, StoppedError, conform, preview
    from mma_bench.conform.text import as_text
    from mma_bench.conform.verdicts import Conclusion
    from mma_bench.console.dry_run import DryRun
    from mma_bench.errors import MMABenchError
    from mma_bench.schema import Modality

    left_out = {"video": Modality.VISUAL, "audio": Modality.AUDIO}.get(without or "")

    def planned() -> Plan:
        return Plan(
            packings=packing,
            modalities=[modality for modality in Modality if modality is not left_out],
            long_seconds=long_seconds,
            levels=_levels(concurrency),
            gate=gate,
            reference=read_reference(against) if against else None,
        )

    options = named_options(model_option)
    if dry_run:
        check = DryRun()
        if (plan := check.attempt(planned)) is not None:
            check.lines += check.attempt(lambda: preview(model, options, plan)) or []
        if out:
            check.attempt(lambda: require_writable(out))
        check.print()
        return
    if out:
        require_writable(out)  # not only after 300 requests
    stopped: StoppedError | None = None
    try:
        found = conform(model, options, planned())
    except StoppedError as error:
        stopped, found = error, error.found
    unsaved = save(found, out) if out else ""
    if as_json or not stopped:
        click.echo(document(found) if as_json else as_text(found), nl=not as_json)
    if stopped:
        raise MMABenchError(f"{stopped}; {unsaved}" if unsaved else str(stopped)) from stopped
    if unsaved:
        raise MMABenchError(unsaved)
    if found.conclusion is not Conclusion.CONFORMS:
        sys.exit(1)


def _levels(text: str) -> list[int]:
    from mma_bench.errors import MMABenchError

    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isdecimal() and 1 <= int(part) <= 1024 for part in parts):
        raise MMABenchError(f"--concurrency {text!r}: give whole numbers from 1 to 1024, such as 1,2,4,8")
    return sorted({int(part) for part in parts})
