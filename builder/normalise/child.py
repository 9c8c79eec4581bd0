"""Child processes with limits: a media file determines the work of its decoder, so limits come from outside."""

import resource
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from builder.stage import Dropped
from mma_bench.errors import MMABenchError

GIBIBYTE = 1 << 30
_LARGEST_OUTPUT = 16_000_000
"""Bytes of a child's output that are kept; the description of a file with a million streams is long."""


@dataclass(frozen=True)
class Limits:
    """What a child may use.

    Attributes:
        memory: bytes of address space. 4K HEVC at 10 bits takes 1.1 GiB in one thread.
        processor: seconds of processor time.
        wall: seconds of wall time.
        written: maximum size in bytes of a file that it writes.
    """

    memory: int = 3 * GIBIBYTE
    processor: int = 240
    wall: int = 300
    written: int = 4 * GIBIBYTE


@dataclass(frozen=True)
class Finished:
    """Result of a child: its output and its messages, both as text."""

    output: str
    messages: str


def run_limited(command: Sequence[str], limits: Limits) -> Finished:
    """Run ``command``, a program and its arguments.

    Raises:
        Dropped: it failed or used up a limit; the reason says which: `timeout`, `too_large` or `undecodable`.
        MMABenchError: the program is missing or the disk is full, which would affect every other clip too.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as messages:
        try:
            # One thread: the builder's processes fork, so a hook before exec is safe.
            code = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=messages,
                timeout=limits.wall,
                check=False,
                preexec_fn=_limiter(limits),
            ).returncode
        except FileNotFoundError as error:
            raise MMABenchError(
                f"{command[0]} is not installed; run scripts/setup.sh or install it with your system"
            ) from error
        except subprocess.TimeoutExpired as error:
            raise Dropped("timeout", f"{command[0]} did not finish within {limits.wall} s") from error
        found = Finished(_head(output), _head(messages))
    _check(command[0], code, found.messages, limits)
    return found


def _limiter(limits: Limits) -> Callable[[], None]:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
        resource.setrlimit(resource.RLIMIT_CPU, (limits.processor, limits.processor + 5))
        resource.setrlimit(resource.RLIMIT_FSIZE, (limits.written, limits.written))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    return limit


def _check(program: str, code: int, messages: str, limits: Limits) -> None:
    if "No space left on device" in messages:
        raise MMABenchError("the disk is full; free some space and run the same command again to resume")
    if code == 0:
        return
    if code in (-24, -9):  # SIGXCPU, and SIGKILL where it was ignored
        raise Dropped("timeout", f"{program} used more than {limits.processor} s of processor time")
    if code == -25:  # SIGXFSZ
        raise Dropped("too_large", f"{program} wrote more than {limits.written >> 30} GiB")
    if "Cannot allocate memory" in messages or "bad_alloc" in messages:
        raise Dropped("too_large", f"{program} needs more than {limits.memory / GIBIBYTE:g} GiB of memory")
    if code < 0:
        raise Dropped("undecodable", f"{program} crashed on it (signal {-code})")
    raise Dropped("undecodable", f"{program} cannot decode it: {last_words(messages)}")


def last_words(messages: str) -> str:
    """Return the last line without addresses and paths, which differ between runs and machines."""
    lines = [line for line in messages.splitlines() if line.strip()]
    words = [word for word in (lines[-1] if lines else "no message").split() if "/" not in word and "0x" not in word]
    return " ".join(words)[:200]


def _head(file: BinaryIO) -> str:
    file.seek(0)
    return file.read(_LARGEST_OUTPUT).decode("utf-8", errors="replace")
