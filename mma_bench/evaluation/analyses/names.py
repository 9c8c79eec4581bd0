"""Names of what a report writes: files, places in the page and keys are named after it."""

import re
from collections.abc import Collection

from mma_bench.errors import MMABenchError
from mma_bench.files.text import shown

_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")


def check_name(what: str, name: object, taken: Collection[str] = ()) -> None:
    """Raise MMABenchError unless ``name`` can be the name of a file, and nothing else has it.

    Args:
        what: what has the name, such as `the table of the analysis`.
        name: any.
        taken: names that something else has.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise MMABenchError(
            f"{what} has the name {shown(str(name))}; use lower-case letters, digits and _, a letter first, at most 60"
        )
    if name in taken:
        raise MMABenchError(f"{what} has the name {name!r}, which is taken; choose another")
