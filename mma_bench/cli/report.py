"""The command `mma-bench report`."""

from pathlib import Path

import click


@click.command()
@click.argument(
    "runs", nargs=-1, required=True, metavar="RUN...", type=click.Path(path_type=Path, file_okay=False, exists=True)
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for the report.")
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), help="Dataset folder, if it has moved since the runs."
)
@click.option(
    "--examples",
    type=click.IntRange(min=0),
    default=3,
    show_default=True,
    help="Playable examples per media condition.",
)
@click.option("--dataset-id", metavar="ORG/NAME", help="The dataset's name on the hub, for the files in hub/.")
def report(runs: tuple[Path, ...], out: Path, data: Path | None, examples: int, dataset_id: str | None) -> None:
    """Compare runs over the same data on one static page, with tables, figures and playable examples.

    Stored answers are re-scored; no model is called. You can publish the folder unchanged: the page needs no server
    and no network.

    \b
    Examples:
      mma-bench report runs/cascade runs/majority --out report
      mma-bench report runs/cascade --out report --data /media/disk/mma-bench --examples 5
    """
    import json

    from mma_bench.report.write import write_report

    page = write_report(runs, out, data=data, examples=examples, dataset_id=dataset_id, progress=True)
    said = json.loads((out / "report.json").read_bytes())
    for sentence in (*said["answer"], said["answer_note"]):
        click.echo(sentence)
    click.echo(f"\nReport: {page}")
    click.echo(f"Open it in a browser: {page.resolve().as_uri()}")
    click.echo(f"Tables: {out / 'tables.md'}")
