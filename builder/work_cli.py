"""The commands `status`, `remove`, `shortcuts` and `demo-media` of the builder."""

import json
from pathlib import Path

import click

from builder.command_options import FOLDER


@click.command()
@click.option("--work", type=FOLDER, required=True, help="The --work folder of `run`.")
@click.option(
    "--dropped",
    type=click.IntRange(min=0),
    default=50,
    show_default=True,
    help="Maximum number of dropped clips to list.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def status(work: Path, dropped: int, as_json: bool) -> None:
    """Show how many clips each stage kept, and why the others were dropped.

    \b
    Example:
      python -m builder status --work work/demo
    """
    from builder.status import format_status, status_of

    found = status_of(work)
    click.echo(json.dumps(found, indent=2) if as_json else format_status(found, dropped=dropped))


@click.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--data", type=FOLDER, required=True, help="Folder of the dataset.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def remove(ids: tuple[str, ...], data: Path, as_json: bool) -> None:
    """Remove clips from a finished dataset, with every stimulus that uses their video or audio.

    ID is a clip id, or a YouTube id for all segments of a video. Only the shards that contain them are rewritten. The
    ids are added to removed_ids.txt, so later builds leave them out.

    \b
    Example:
      python -m builder remove 5-SW9ggptX0_30000 --data mma-bench
    """
    from dataclasses import asdict

    from builder.package.remove import remove_clips

    removal = remove_clips(data, ids)
    if as_json:
        click.echo(json.dumps(asdict(removal), indent=2))
        return
    click.echo(f"removed {len(removal.clips)} clips and {len(removal.stimuli)} stimuli: {', '.join(removal.clips)}")
    click.echo(f"{len(removal.rewritten)} shards rewritten, {len(removal.deleted)} deleted: {data}")


@click.command()
@click.argument(
    "runs", nargs=-1, required=True, metavar="RUN...", type=click.Path(path_type=Path, file_okay=False, exists=True)
)
@click.option("--data", type=FOLDER, required=True, help="Folder of the dataset.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def shortcuts(runs: tuple[Path, ...], data: Path, as_json: bool) -> None:
    """Put on a dataset's card what models answer rightly about a modality that they were not given.

    RUN is a finished run about the dataset, of MODEL+blind, MODEL+deaf, MODEL+textonly or a model that takes no video
    or no audio. Only the card and metadata/shortcuts.json change; runs about the dataset stay valid.

    \b
    Examples:
      python -m builder shortcuts runs/blind runs/deaf --data mma-bench
    """
    from builder.package.shortcuts import CARD, record_shortcuts

    found = record_shortcuts(data, runs)
    if as_json:
        click.echo(json.dumps([run.model_dump(mode="json") for run in found], indent=2))
        return
    for run in found:
        for row in run.rows:
            mark = " *" if row.above_chance else ""
            click.echo(
                f"{run.model}, {row.task}: {100 * row.right:.1f}% right [{100 * row.low:.1f}, {100 * row.high:.1f}], "
                f"chance {100 * row.chance:.1f}%, {row.questions} questions{mark}"
            )
    click.echo(f"Card: {data / CARD}   * above chance")


@click.command("demo-media")
def demo_media() -> None:
    """Download the photos and sounds of the demo, by package name, into the cache.

    \b
    Example:
      python -m builder demo-media
    """
    from builder.sources.demo import fetch_media
    from mma_bench.files.cache import cache_folder

    fetch_media(cache_folder(), report=lambda line: click.echo(f"[media] {line}"))
