"""The command `python -m builder run`."""

import json
from pathlib import Path

import click

from builder.command_options import FOLDER, executor_option, retry_failed_option
from builder.pipeline import BUILD, help_line

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(epilog=help_line(BUILD))
@click.option(
    "--config", "config_path", type=_FILE, required=True, help="YAML file; see builder/configs/ for examples."
)
@click.option("--work", type=FOLDER, required=True, help="Folder for intermediate results; keep it to resume.")
@click.option("--out", type=FOLDER, required=True, help="Folder for the dataset.")
@click.option("--set", "overrides", multiple=True, metavar="NAME=VALUE", help="Override a setting; repeatable.")
@executor_option
@retry_failed_option
@click.option("--dry-run", is_flag=True, help="Check everything that needs no network, then stop.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def run(
    config_path: Path,
    work: Path,
    out: Path,
    overrides: tuple[str, ...],
    executor: str | None,
    retry_failed: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Build a dataset. Interrupted runs resume.

    \b
    Examples:
      python -m builder run --config builder/configs/demo.yaml --work work/demo --out mma-bench
      python -m builder run --config builder/configs/folder.yaml --work work/mine --out my-bench \\
        --set source.csv=clips/clips.csv --set executor.workers=8
      python -m builder run --config builder/configs/audioset.yaml --work work/audioset --out mma-bench \\
        --retry-failed
      python -m builder run --config builder/configs/audioset.yaml --work /shared/work --out /shared/mma-bench \\
        --executor slurm --set executor.workers=64
    """
    from builder.config import load_config
    from builder.dry_run import plan_build
    from builder.executors import engine_override
    from builder.run import run_build
    from builder.status import format_status, status_of
    from mma_bench.files.text import one_line

    config = load_config(config_path, (*overrides, *engine_override(executor)))
    if dry_run:
        plan_build(config, work, out).print()
        return
    result = run_build(config, work, out, retry_failed=retry_failed)
    status = status_of(work)
    if as_json:
        click.echo(json.dumps({"out": str(result.out), "notices": result.notices, **status}, indent=2))
        return
    click.echo(format_status(status, dropped=10))
    for notice in result.notices:
        click.echo(f"Noticed: {one_line(notice)}")
    click.echo(f"Dataset: {result.out}")
