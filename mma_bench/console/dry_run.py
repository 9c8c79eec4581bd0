"""What a dry run reports: what would be done, and what would go wrong, as far as that shows without a network."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import click

from mma_bench.errors import MMABenchError

_T = TypeVar("_T")
_SHOWN = 10


@dataclass
class DryRun:
    """The findings of a dry run.

    Attributes:
        lines: what would be done.
        problems: what would go wrong.
    """

    lines: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def attempt(self, check: Callable[[], _T]) -> _T | None:
        """Return the result of ``check``, or note why it failed."""
        try:
            return check()
        except MMABenchError as error:
            self.problems.append(str(error))
            return None

    def print(self) -> None:
        """Print everything; exit with code 2 if there is a problem."""
        for line in self.lines:
            click.echo(line)
        for problem in self.problems[:_SHOWN]:
            click.echo(f"error: {problem}", err=True)
        if len(self.problems) > _SHOWN:
            click.echo(f"error: and {len(self.problems) - _SHOWN} more problems", err=True)
        if self.problems:
            sys.exit(2)
        click.echo("dry run: no problem found, nothing was written")


def check_space(folder: Path, needed: float, what: str) -> str:
    """Return how much room ``folder`` has.

    Args:
        folder: where files will go; it need not exist.
        needed: estimated bytes.
        what: what needs them.

    Raises:
        MMABenchError: there is less room than needed.
    """
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    if not place.is_dir():
        raise MMABenchError(f"{what} {folder} cannot be made: {place} is a file; choose another folder")
    free = shutil.disk_usage(place).free
    if free < needed:
        raise MMABenchError(
            f"{what} {folder} needs about {size(needed)} and {size(free)} are free; free space or choose another folder"
        )
    return f"{what} {folder}: about {size(needed)} of {size(free)} free"


def size(count: float) -> str:
    """Return bytes as people say them."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count / 1e3:.0f} kB"
