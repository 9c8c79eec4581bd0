"""Options that several commands of the builder share."""

from pathlib import Path

import click

FOLDER = click.Path(path_type=Path, file_okay=False)

executor_option = click.option(
    "--executor",
    type=click.Choice(["local", "ray", "slurm"]),
    help="Engine that runs the tasks; overrides executor.kind.",
)
retry_failed_option = click.option(
    "--retry-failed", is_flag=True, help="Retry clips whose download failed for a temporary reason."
)
