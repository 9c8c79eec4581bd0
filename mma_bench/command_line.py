"""What all our command lines share: errors on one line, exit code 2 for bad input."""

import errno
import sys
from collections.abc import Iterable
from typing import Any

import click

from mma_bench.errors import MMABenchError


class Command(click.Group):
    """A group of commands whose `MMABenchError`s end as one line and exit code 2."""

    def invoke(self, context: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(context)
        except MMABenchError as error:
            click.echo(f"error: {error}", err=True)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
                raise
            click.echo(f"error: {error.strerror}: {error.filename or 'a file'}; nothing finished was lost", err=True)
        sys.exit(2)


def named_options(arguments: Iterable[str], flag: str = "--model-option") -> dict[str, str]:
    """Return arguments such as `dtype=float32` as a mapping; ``flag`` is what they follow.

    Raises:
        MMABenchError: one has no name, or a name occurs twice.
    """
    options: dict[str, str] = {}
    for argument in arguments:
        name, separator, value = argument.partition("=")
        if not separator or not name or name in options:
            raise MMABenchError(f"{flag} {argument!r}: write each option once, as NAME=VALUE")
        options[name] = value
    return options
