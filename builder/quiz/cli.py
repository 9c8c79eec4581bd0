"""The command `quiz`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from builder.review.guard import is_loopback
from mma_bench.console.options import condition_option, data_option, limit_option, overwrite_option, split_option
from mma_bench.extras import needs

if TYPE_CHECKING:
    from builder.quiz.run import OpenQuiz


@click.command()
@data_option()
@click.option("--name", required=True, help="Name of the person; the run's model is people:NAME.")
@click.option("--run", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for the answers.")
@click.option(
    "--protocol",
    default="robust",
    show_default=True,
    metavar="paper|robust|controls|phrasing|detection|FILE",
    help="Protocol that defines the questions, as in `mma-bench eval`; paper asks each question once.",
)
@condition_option()
@split_option()
@limit_option()
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the order of the questions.")
@overwrite_option()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to serve on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=7861, show_default=True, help="Port to serve on; 0: any free port."
)
@click.option("--dry-run", is_flag=True, help="Say what would be asked; serve nothing, write nothing.")
def quiz(
    data: str,
    name: str,
    run: Path,
    protocol: str,
    condition: tuple[str, ...],
    split: str,
    limit: int | None,
    seed: int,
    overwrite: bool,
    host: str,
    port: int,
    dry_run: bool,
) -> None:
    """Ask a person the benchmark's questions on a page in the browser: the human baseline.

    The answers form an ordinary run, which `mma-bench report`, `compare` and `leaderboard` accept like any model's.
    A stopped quiz resumes: start it again with the same options.

    \b
    Examples:
      python -m builder quiz --data mma-bench --name Ada --run runs/ada --limit 20
      python -m builder quiz --data mma-bench --name Bob --run runs/bob --limit 20 --protocol paper
    """
    with needs("the quiz page", "review"):
        import fastapi  # noqa: F401
        import uvicorn  # noqa: F401
    from builder.quiz.run import open_quiz

    asked = open_quiz(
        data, name=name, run=run, protocol=protocol, condition=condition, split=split, limit=limit, seed=seed,
        overwrite=overwrite,
    )  # fmt: skip
    if dry_run:
        click.echo(asked.workload)
        click.echo("dry run: no problem found, nothing was written")
        return
    _serve(asked, host, port)


def _serve(asked: "OpenQuiz", host: str, port: int) -> None:
    import tempfile

    from builder.quiz.server import make_app
    from builder.review.server import listening, serve

    with listening(host, port) as bound, asked.begun() as quiz, tempfile.TemporaryDirectory() as media:
        app = make_app(quiz, Path(media), name=asked.person, host=host)
        address = f"[{host}]" if ":" in host else host
        click.echo(f"Quiz: http://{address}:{bound.getsockname()[1]}/   (stop with Ctrl-C)")
        click.echo(asked.workload, err=True)
        if not is_loopback(host):
            click.echo("warning: no password set; anyone who can reach this address can answer.", err=True)
        serve(app, bound)
        state = quiz.show()
    click.echo(f"{state.done} of {state.total} questions answered. Report: mma-bench report {asked.run} --out report")
