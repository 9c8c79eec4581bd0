"""What a dry run reports: what would be done, and what would go wrong, as far as that shows without a network."""

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import click

from mma_bench.errors import MMABenchError
from mma_bench.extras import require

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


def check_model(name: str, options: Mapping[str, str]) -> str:
    """Return what is known of a model without a network: its packages, its folder, its options.

    Raises:
        MMABenchError: the model cannot be used.
    """
    family, _, rest = name.partition(":")
    if family != "transformers":
        from mma_bench.models import load

        load(name, options)  # local weights, or a server that is not asked yet
        return f"model {name}: packages and options are valid"
    from mma_bench.models.omni.settings import parse_settings

    parse_settings(options)
    return check_checkpoint(rest, "models")


def check_checkpoint(name: str, *extras: str) -> str:
    """Return what is known of a checkpoint of transformers without a network, and on what it would run.

    Raises:
        MMABenchError: a package is missing, or the folder is no checkpoint.
    """
    require("transformers models", ("torch", "transformers"), *extras)
    import torch

    device = f"GPU {torch.cuda.get_device_name()}" if torch.cuda.is_available() else "the CPU (no GPU found)"
    folder = Path(name)
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise MMABenchError(f"{folder} has no config.json, so it is not a checkpoint; give another folder")
        where = "a folder"
    elif name.startswith(("/", "./", "../", "~")) or not _could_be_hub_name(name):
        raise MMABenchError(f"there is no folder {name}; give the folder of a checkpoint, or ORG/NAME on a hub")
    else:
        where = "in the hub's cache" if _is_cached(name) else "to be downloaded"
    return f"model {name} ({where}), on {device}"


def _could_be_hub_name(name: str) -> bool:
    owner, slash, rest = name.partition("/")
    return bool(owner and slash and rest) and "/" not in rest


def _is_cached(name: str) -> bool:
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(name, "config.json"), str)


def size(count: float) -> str:
    """Return bytes as people say them."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count / 1e3:.0f} kB"
