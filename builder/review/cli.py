"""The command `review`."""

import json
from pathlib import Path

import click

from builder.command_options import FOLDER
from builder.review.guard import is_loopback
from builder.review.session import annotator_name
from mma_bench.extras import needs


@click.command()
@click.option("--work", type=FOLDER, required=True, help="The --work folder of `run`.")
@click.option("--annotator", help="Name of the annotator. Default: the page asks.")
@click.option("--blind", is_flag=True, help="Hide the model's answers.")
@click.option(
    "--attention",
    type=click.FloatRange(0, 1),
    default=0.1,
    show_default=True,
    help="Attention checks per clip: clips with another clip's audio, which must be rejected.",
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Seed of the attention checks and the order of the clips."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to serve on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=7860, show_default=True, help="Port to serve on; 0: any free port."
)
@click.option("--summary", is_flag=True, help="Print counts, attention checks and agreement, then exit.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def review(
    work: Path,
    annotator: str | None,
    blind: bool,
    attention: float,
    seed: int,
    host: str,
    port: int,
    summary: bool,
    as_json: bool,
) -> None:
    """Accept or reject clips on a page in the browser. The next `run` applies the decisions.

    \b
    Examples:
      python -m builder review --work work/demo
      python -m builder review --work work/demo --annotator Ada --blind
      python -m builder review --work work/demo --summary --json
    """
    if summary or as_json:
        _print_summary(work, as_json=as_json)
        return
    with needs("the review page", "review"):
        import gradio  # noqa: F401
    from builder.review.media import ReviewMedia
    from builder.review.server import listening, make_app, open_review, serve

    session = open_review(work, blind=blind, attention=attention, seed=seed)
    with listening(host, port) as bound:
        media = ReviewMedia(work / "normalise" / "clips", work / "review" / "media")
        app = make_app(session, media, annotator=annotator_name(annotator), host=host)
        address = f"[{host}]" if ":" in host else host
        click.echo(f"Review page: http://{address}:{bound.getsockname()[1]}/   (stop with Ctrl-C)")
        if not is_loopback(host):
            click.echo("warning: no password set; anyone who can reach this address can review clips.", err=True)
        serve(app, bound)


def _print_summary(work: Path, *, as_json: bool) -> None:
    from builder.review.agreement import format_summary, summary
    from builder.review.store import DecisionStore, in_force
    from mma_bench.errors import MMABenchError

    if not work.is_dir():
        raise MMABenchError(f"{work} does not contain a build; pass the --work folder of `python -m builder run`")
    found = summary(in_force(DecisionStore(work / "review").read()))
    click.echo(json.dumps(found, indent=2) if as_json else format_summary(found))
