"""Users' technical checks: functions that return what is wrong with a clip, if anything.

A package names one in an entry point of the group `mma_bench.checks`; a build selects it in `inspect.checks`.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from mma_bench.files.hashing import sha256_json
from mma_bench.models.own import module_hash
from mma_bench.registry import Registry

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Check = Callable[["NDArray[np.float32]", "NDArray[np.uint8]"], str | None]
"""Returns what is wrong in words, or None. It gets the samples (shape [samples], mono, 16 kHz, -1 to 1) and the luma of
the sampled frames (shape [frames, height, width])."""


def _adopt(found: Any) -> Check:
    if not callable(found):
        raise TypeError("it is not a function of samples and luma")
    check: Check = found
    return check


CHECKS: Registry[Check] = Registry("technical check", "checks", adopt=_adopt)


def code_of(names: Sequence[str]) -> str:
    """Return a hash of the code of the checks called ``names``: if the code changes, clips are checked again.

    Raises:
        MMABenchError: the check is unknown, or its package cannot be loaded.
    """
    return sha256_json([[name, module_hash(str(getattr(CHECKS.find(name), "__module__", "")))] for name in names])
