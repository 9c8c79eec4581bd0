"""The command `python -m builder publish`."""

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import click

from builder.command_options import FOLDER
from mma_bench.errors import MMABenchError


@click.command()
@click.argument("repository", metavar="ORG/NAME")
@click.option(
    "--data",
    type=FOLDER,
    default=Path("mma-bench"),
    show_default=True,
    help="Folder of the dataset.",
)
@click.option("--dry-run", is_flag=True, help="Show what would change without changing anything.")
@click.option("--version", help="Version, such as 1.1.0. Default: package.version of the build.")
@click.option("--note", "notes", multiple=True, help="Line for the changelog; repeatable.")
@click.option("--gated", type=click.Choice(["auto", "manual"]), help="Require readers to request access.")
@click.option("--private", is_flag=True, help="Create the repository as private.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def publish(
    repository: str,
    data: Path,
    dry_run: bool,
    version: str | None,
    notes: tuple[str, ...],
    gated: Literal["auto", "manual"] | None,
    private: bool,
    as_json: bool,
) -> None:
    """Publish a dataset to the Hugging Face hub (or the one that HF_ENDPOINT names), in one commit with a tag.

    Interrupted uploads resume when the command runs again.

    \b
    Examples:
      python -m builder publish my-org/mma-bench --data mma-bench --dry-run
      python -m builder publish my-org/mma-bench --data mma-bench --version 1.0.1 --note "One clip removed."
    """
    from builder.publish import publish_dataset

    if version and not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise MMABenchError(f"--version {version!r}: write it as three numbers, such as 1.1.0")
    done = publish_dataset(
        data, repository, version=version, notes=notes, gated=gated, private=private, dry_run=dry_run
    )
    if as_json:
        click.echo(json.dumps(asdict(done), indent=2))
        return
    for line in (*done.difference.lines(), *done.changelog):
        click.echo(line)
    said = (
        f"{done.commit} is {done.tag}" if done.commit else "dry run: nothing was changed" if dry_run else "up to date"
    )
    click.echo(f"{repository}: {said}")
