"""The command `mma-bench probe`."""

import json
import sys

import click

from mma_bench.console.group import named_options
from mma_bench.console.options import model_options


@click.command("probe")
@model_options()
@click.option("--json", "as_json", is_flag=True, help="Print verdicts, answers and token counts as JSON.")
def probe_command(model: str, model_option: tuple[str, ...], as_json: bool) -> None:
    """Check that video and audio reach a model. Exit code 2 if one does not.

    The model is asked about clearly different audio with the same video, and clearly different videos with the same
    audio, all synthetic. `mma-bench eval` runs this check before its first question.

    \b
    Examples:
      mma-bench probe --model cascade
      mma-bench probe --model openai:Qwen/Qwen2.5-Omni-7B@http://127.0.0.1:8000/v1 --model-option media=frames
    """
    from mma_bench.console.progress import activity
    from mma_bench.models import load
    from mma_bench.probe import probe, unclear_note

    with activity(f"loading {model}"):
        loaded = load(model, named_options(model_option))
    found = probe(loaded, progress=True)
    if as_json:
        click.echo(json.dumps({"model": model, **found.model_dump(mode="json")}, indent=2))
    else:
        for finding in found.findings:
            click.echo(f"{finding.modality}: {finding.verdict} ({finding.reason})")
    for finding in found.unclear:
        click.echo(f"note: {unclear_note(loaded, finding)}", err=True)
    if found.missing:
        sys.exit(2)
