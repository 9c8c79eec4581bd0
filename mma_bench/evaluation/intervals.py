"""95% intervals of shares and of averages over classes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_Z = 1.959963984540054  # two-sided 95%
_RESAMPLES = 2_000
_SEED = 20_251_122


def wilson(successes: int, total: int) -> tuple[float, float]:
    """Return Wilson's score interval of a share, which is honest at 0 and at ``total`` too."""
    if total == 0:
        return 0.0, 1.0
    share = successes / total
    scale = 1 + _Z**2 / total
    centre = (share + _Z**2 / (2 * total)) / scale
    half = _Z * ((share * (1 - share) / total + _Z**2 / (4 * total**2)) ** 0.5) / scale
    # At 0 and at `total` the bound is exact, but for rounding of the last digit.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    return low, 1.0 if successes == total else min(1.0, centre + half)


def macro_average(correct: Sequence[bool], classes: Sequence[str]) -> tuple[float, float, float]:
    """Return the mean over classes of the share correct, and its percentile bootstrap interval.

    Clips are drawn with replacement within their class: the classes are fixed by the benchmark, the clips
    are the sample. A class of one clip adds no width; the interval is then too narrow, and says so by
    being no wider than the other classes make it.

    Args:
        correct: whether each clip's question was answered rightly; one question a clip.
        classes: class of each clip.
    """
    names, codes = np.unique(np.asarray(classes), return_inverse=True)
    right = np.asarray(correct, dtype=np.float64)
    generator = np.random.default_rng(_SEED)
    means = np.empty(len(names))
    resampled: NDArray[np.float64] = np.empty((len(names), _RESAMPLES))
    for code in range(len(names)):
        members = right[codes == code]
        means[code] = members.mean()
        # The number right in a resample of n clips is binomial: no need to draw the clips themselves.
        resampled[code] = generator.binomial(len(members), means[code], _RESAMPLES) / len(members)
    low, high = np.percentile(resampled.mean(axis=0), [2.5, 97.5])
    return float(means.mean()), float(low), float(high)
