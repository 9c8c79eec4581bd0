"""The command `mma-bench verify-data`."""

import json
import sys
from pathlib import Path

import click

from mma_bench.counted import counted


@click.command("verify-data")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the problems as JSON.")
def verify_data_command(path: Path, as_json: bool) -> None:
    """Check every hash, column, key and number of a dataset, and list the problems.

    Exit code 0: no problems; 1: damaged, one problem per line; 2: PATH is not a dataset. Nothing is extracted or
    executed.

    \b
    Examples:
      mma-bench verify-data mma-bench
      mma-bench verify-data downloads/mma-bench --json
    """
    from mma_bench.dataset.integrity import verify_data

    problems = verify_data(path)
    if as_json:
        found = [{"kind": p.kind, "where": p.where, "detail": p.detail} for p in problems]
        click.echo(json.dumps({"path": str(path), "sound": not problems, "problems": found}, indent=2))
    else:
        for problem in problems:
            click.echo(str(problem))
        click.echo(f"{path}: {counted(len(problems), 'problem') if problems else 'sound'}")
    if problems:
        sys.exit(1)
