"""The command `python -m builder hydrate`."""

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from builder.command_options import FOLDER, executor_option, retry_failed_option
from builder.pipeline import HYDRATE, help_line
from mma_bench.counted import counted

if TYPE_CHECKING:
    from builder.hydrate.run import Hydration, Published
    from builder.hydrate.settings import HydrateSettings

_SHOWN = 20


@click.command(epilog=help_line(HYDRATE))
@click.option("--data", required=True, help="Folder of an ids-only dataset, or ORG/NAME on a hub.")
@click.option(
    "--work", type=FOLDER, required=True, help="Folder for media and intermediate results; keep it to resume."
)
@click.option("--out", type=FOLDER, required=True, help="Folder for the full dataset.")
@click.option("--mirror", type=FOLDER, help="Folder with {youtube_id}.mp4, or {clip_id}.mp4 for cut clips.")
@click.option(
    "--set", "overrides", multiple=True, metavar="NAME=VALUE", help="Override download.NAME or executor.NAME."
)
@executor_option
@retry_failed_option
@click.option("--dry-run", is_flag=True, help="Check the dataset and show what would be fetched, then stop.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def hydrate(
    data: str,
    work: Path,
    out: Path,
    mirror: Path | None,
    overrides: tuple[str, ...],
    executor: str | None,
    retry_failed: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Fetch the media of an ids-only dataset and create the full dataset.

    Each clip is cut and encoded as it was for publication. Its streams must have the published hashes or, if
    your ffmpeg writes different bytes, the published fingerprints. Clips that are gone, or that are a different video
    now, are reported and left out. Interrupted runs resume.

    \b
    Examples:
      python -m builder hydrate --data mma-bench-ids --work work/hydrate --out mma-bench
      python -m builder hydrate --data ORG/mma-bench --work work/hydrate --out mma-bench --mirror audioset/videos
      python -m builder hydrate --data mma-bench-ids --work work/hydrate --out mma-bench \\
        --set download.cookies=cookies.txt --set download.concurrency=2 --retry-failed
    """
    from builder.executors import engine_override
    from builder.hydrate.run import hydrate as run_hydration
    from builder.hydrate.run import read_published, settings_for
    from mma_bench.dataset.load import local_folder

    published = read_published(local_folder(data))
    settings = settings_for(published, mirror, (*overrides, *engine_override(executor)))
    if dry_run:
        plan = _plan(published, settings, out)
        click.echo(json.dumps(plan, indent=2) if as_json else "\n".join(f"{name}: {plan[name]}" for name in plan))
        return
    result = run_hydration(published, settings, work, out, retry_failed=retry_failed)
    click.echo(json.dumps(asdict(result), indent=2, default=str) if as_json else _text(result))


def _plan(published: "Published", settings: "HydrateSettings", out: Path) -> dict[str, object]:
    from builder.executors.check import check_engine, engine_lines
    from builder.hydrate.run import make_source

    check_engine(settings.executor)

    source = make_source(published, settings, out)
    kept = [row for row in source.listed if row.kept]
    here = sum(source.in_mirror(row) for row in kept)
    network = source.settings.network
    return {
        "clips": len(published.contents.clips),
        "removed since": len(source.listed) - len(kept),
        "in the mirror": here,
        "to download" if network else "missing from the mirror": len(kept) - here,
        "from": network.url_template if network else str(settings.mirror),
        "stimuli": len(published.contents.stimuli),
        "tasks": "; ".join(line.strip() for line in engine_lines(settings.executor, source.fetch_workers)),
        "encoded as": f"{published.normalise.size} pixels, at most {published.normalise.seconds} s",
    }


def _text(result: "Hydration") -> str:
    lines = [
        f"{result.identical + result.equal} of {result.clips} clips: {result.identical} with the published bytes, "
        f"{result.equal} with other bytes and the same fingerprints"
    ]
    reasons = Counter(f"{clip['stage']}: {clip['reason']}" for clip in result.missing)
    lines += [f"left out, {reason}: {counted(count, 'clip')}" for reason, count in sorted(reasons.items())]
    lines += [f"  {clip['clip_id']}  {clip['reason']}: {clip['detail']}" for clip in result.missing[:_SHOWN]]
    if len(result.missing) > _SHOWN:
        lines.append(f"  and {len(result.missing) - _SHOWN} more; --json lists all")
    lines.append(f"{'condition':<20} {'published':>9} {'here':>6} {'clip missing':>13} {'cannot be made':>15}")
    lines += [
        f"{c.condition:<20} {c.published:>9} {c.hydrated:>6} {c.clip_missing:>13} {c.cannot_be_made:>15}"
        for c in result.conditions
    ]
    return "\n".join([*lines, f"Dataset: {result.out}"])
