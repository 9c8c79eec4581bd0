"""The builder's command line."""

import json
from pathlib import Path

import click

from builder.hydrate.cli import hydrate
from builder.publish.cli import publish
from builder.review.cli import review
from builder.select.cli import ontology, select
from builder.status import format_status, status_of
from mma_bench.command_line import Command

_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(cls=Command, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """Build a benchmark from clips.

    \b
    Examples:
      python -m builder run --config builder/configs/demo.yaml --work work/demo --out mma-bench
      python -m builder status --work work/demo
    """


@main.command()
@click.option("--config", "config_path", type=_FILE, required=True, help="Configuration, see builder/configs/.")
@click.option("--work", type=_FOLDER, required=True, help="Folder for what the stages make; keep it to resume.")
@click.option("--out", type=_FOLDER, required=True, help="Folder of the dataset.")
@click.option("--set", "overrides", multiple=True, metavar="SETTING=VALUE", help="Change a setting; may be repeated.")
@click.option("--retry-failed", is_flag=True, help="Ask again for clips that could not be fetched, if it can succeed.")
@click.option("--dry-run", is_flag=True, help="Check configuration and list of clips, then stop.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def run(
    config_path: Path,
    work: Path,
    out: Path,
    overrides: tuple[str, ...],
    retry_failed: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Build a dataset. A run that was interrupted goes on where it stopped.

    \b
    Examples:
      python -m builder run --config builder/configs/demo.yaml --work work/demo --out mma-bench
      python -m builder run --config builder/configs/folder.yaml --work work/mine --out my-bench \\
        --set source.csv=clips/clips.csv --set executor.workers=8
      python -m builder run --config builder/configs/audioset.yaml --work work/audioset --out mma-bench \
        --retry-failed
    """
    from builder.config import load_config
    from builder.run import plan_build, run_build

    config = load_config(config_path, overrides)
    if dry_run:
        click.echo(plan_build(config))
        return
    result = run_build(config, work, out, retry_failed=retry_failed)
    status = status_of(work)
    if as_json:
        click.echo(json.dumps({"out": str(result.out), **status}, indent=2))
        return
    click.echo(format_status(status, dropped=10))
    click.echo(f"Dataset: {result.out}")


@main.command()
@click.option("--work", type=_FOLDER, required=True, help="Folder given to `run`.")
@click.option("--dropped", type=click.IntRange(min=0), default=50, show_default=True, help="Dropped clips to list.")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def status(work: Path, dropped: int, as_json: bool) -> None:
    """Show how many clips each stage kept, and why it dropped the others.

    \b
    Example:
      python -m builder status --work work/demo
    """
    found = status_of(work)
    click.echo(json.dumps(found, indent=2) if as_json else format_status(found, dropped=dropped))


@main.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--data", type=_FOLDER, required=True, help="Folder of the dataset.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def remove(ids: tuple[str, ...], data: Path, as_json: bool) -> None:
    """Take clips out of a finished dataset, and every stimulus that shows or sounds them.

    ID is the id of a clip, or a YouTube id for all segments of a video. Only the shards that hold them are written
    again; the ids go to removed_ids.txt, so that later builds leave them out.

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
    click.echo(f"{len(removal.rewritten)} shards written again, {len(removal.deleted)} deleted: {data}")


@main.command("demo-media")
def demo_media() -> None:
    """Download the photos and sounds of the demo, by package name, into the cache."""
    from builder.sources.demo import fetch_media
    from mma_bench.cache import cache_folder

    fetch_media(cache_folder(), report=lambda line: click.echo(f"[media] {line}"))


main.add_command(review)
main.add_command(publish)
main.add_command(hydrate)
main.add_command(select)
main.add_command(ontology)
