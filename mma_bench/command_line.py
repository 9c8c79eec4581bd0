"""What all our command lines share: errors on one line, exit code 2 for bad input."""

import errno
import sys
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
