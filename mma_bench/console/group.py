"""What all our command lines share: commands that load when used, errors in one line, interruptions in order.

Exit codes: 2 for bad input, 130 after Ctrl-C, 143 after SIGTERM.
"""

import errno
import importlib
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import click

from mma_bench.console.interruption import exit_code, terminable
from mma_bench.errors import MMABenchError, unknown
from mma_bench.extras import missing_package

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_ARGUMENTS = "mma_bench.arguments"
_OF_THE_SYSTEM = frozenset(
    getattr(errno, name)
    for name in [
        "ENOSPC",
        "EDQUOT",
        "EACCES",
        "EPERM",
        "EROFS",
        "ENOENT",
        "ENOTDIR",
        "EISDIR",
        "EEXIST",
        "ENOTEMPTY",
        "ENAMETOOLONG",
        "ELOOP",
        "EIO",
        "ESTALE",
        "EMFILE",
        "ENFILE",
        "EFBIG",
        "EXDEV",
        "ETXTBSY",
    ]
)
"""What can go wrong with files from outside, whatever the code does."""

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


@dataclass(frozen=True)
class Entry:
    """A command of a group.

    Attributes:
        target: where it is, as `module:attribute`; imported when the command is used.
        help: what it does, for the list of commands: a line of at most 60 characters.
        kept: what an interruption leaves to go on from; empty where the command begins again.
    """

    target: str
    help: str
    kept: str = ""


class Command(click.Group):
    """A group of commands, each imported when it is used.

    An `MMABenchError`, a full disk or a missing optional package ends as one line and exit code 2.

    Args:
        entries: the commands by name, in the order of the list.
        kept: what an interruption leaves, for commands that are not among the entries.
    """

    def __init__(self, *args: Any, entries: Mapping[str, Entry] | None = None, kept: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.entries = dict(entries or {})
        self.kept = kept

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, the entries first."""
        return [*self.entries, *(name for name in super().list_commands(ctx) if name not in self.entries)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, imported now."""
        if cmd_name not in self.entries or cmd_name in self.commands:
            return super().get_command(ctx, cmd_name)
        entry = self.entries[cmd_name]
        module, _, attribute = entry.target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        command.short_help = entry.help
        self.add_command(command, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        others = [name for name in self.list_commands(ctx) if name not in self.entries]
        rows = [(name, entry.help) for name, entry in self.entries.items()]
        rows += [(name, self.commands[name].get_short_help_str(formatter.width)) for name in others]
        if not rows:  # a single command that shares this class for its errors
            return
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one was probably meant."""
        if args and not args[0].startswith("-") and args[0] not in self.list_commands(ctx):
            raise click.UsageError(unknown("there is no command", args[0], self.list_commands(ctx)), ctx)
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the arguments, which `invoke` needs when the command is interrupted."""
        ctx.meta[_ARGUMENTS] = tuple(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            with terminable():
                return super().invoke(ctx)
        except MMABenchError as error:
            _fail(error)
        except ImportError as error:
            message = missing_package(error, f"{ctx.command_path} {ctx.invoked_subcommand or ''}".strip())
            if message is None:
                raise
            _fail(message)
        except KeyboardInterrupt as interrupt:
            _close_bars()
            click.echo(f"\ninterrupted; {self._what_is_kept(ctx)}", err=True)
            sys.exit(exit_code(interrupt))
        except Exception as error:
            if (failure := _of_the_system(error)) is None:
                raise
            _fail(failure)
        sys.exit(2)

    def _what_is_kept(self, ctx: click.Context) -> str:
        entry = self.entries.get(ctx.invoked_subcommand or "")
        kept = entry.kept if entry else self.kept
        if not kept:
            return "nothing was left half-written; run the same command to start again"
        again = " without --overwrite" if "--overwrite" in ctx.meta.get(_ARGUMENTS, ()) else ""
        return f"{kept} are kept: run the same command{again or ' again'} to resume"


def _fail(message: object) -> None:
    _close_bars()
    click.echo(f"error: {message}", err=True)


def _of_the_system(error: BaseException) -> MMABenchError | None:
    """Return what to say if the files of the system are at fault; None if the code is.

    Libraries that write files themselves turn a full disk into errors of their own: torch into a RuntimeError about a
    position in the file, matplotlib into an AttributeError, both with the cause in their context; safetensors into an
    error without an error number.
    """
    if isinstance(error, OSError) and error.errno in _OF_THE_SYSTEM:
        where = error.filename or error.filename2 or "a file"
        removed = " (was its folder removed meanwhile?)" if error.errno in (errno.ENOENT, errno.ESTALE) else ""
        return MMABenchError(f"{error.strerror}: {where}{removed}; nothing finished was lost")
    cause: BaseException | None = error
    while cause is not None:
        for code in _NO_ROOM:
            if isinstance(cause, OSError) and cause.errno == code:
                return MMABenchError(f"{os.strerror(code)}; nothing finished was lost")
            if type(cause).__name__ == "SafetensorError" and os.strerror(code) in str(cause):
                return MMABenchError(f"{os.strerror(code)}; nothing finished was lost")
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return None


def _close_bars() -> None:
    """Close progress bars that were left open, so that they do not draw over the last message."""
    if "tqdm" in sys.modules:
        for bar in list(getattr(sys.modules["tqdm"].tqdm, "_instances", ())):
            bar.close()


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
