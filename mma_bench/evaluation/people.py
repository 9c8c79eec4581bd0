"""Runs of people, who are asked by `python -m builder quiz`: their names, and which are being written to."""

import os
from pathlib import Path

from mma_bench.errors import MMABenchError
from mma_bench.files.lock import hold
from mma_bench.files.text import one_line

PEOPLE_PREFIX = "people:"
"""How the model of a person's run begins."""

LONGEST_NAME = 40


def person_named(name: str) -> str:
    """Return the model of a person's run, such as `people:Ada`.

    Args:
        name: as the person gave it; spaces around it and what cannot be seen are removed.

    Raises:
        MMABenchError: nothing is left of the name, or it is too long.
    """
    plain = one_line(name)
    if not plain or len(plain) > LONGEST_NAME:
        raise MMABenchError(f"--name {plain[:60]!r}: give a name of 1 to {LONGEST_NAME} visible characters")
    return f"{PEOPLE_PREFIX}{plain}"


def refuse_open_quiz(run: Path) -> None:
    """Raise MMABenchError if a quiz has the folder ``run`` locked: overwriting would mix its answers with others."""
    try:
        descriptor = os.open(run, os.O_RDONLY)
    except OSError:  # it does not exist yet, or writing to it will say what is wrong
        return
    try:
        hold(descriptor, wait=False)
    except BlockingIOError as error:
        raise MMABenchError(f"a quiz is writing to {run}; stop it first, or choose another --run") from error
    except OSError:  # a file system without locks
        pass
    finally:
        os.close(descriptor)


def asks_a_person(model: str) -> MMABenchError:
    """Return the error for a command that would load ``model``, a person, as a model."""
    return MMABenchError(
        f"{model} is a person, not a model: ask people with `python -m builder quiz --data DATA --run RUN --name NAME`"
    )
