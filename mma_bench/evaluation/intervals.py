"""95% intervals of shares and of averages over classes."""

import numpy as np
from numpy.typing import ArrayLike

_DRAWS = 4_000
_SEED = 20_251_122


def wilson(successes: int, total: int) -> tuple[float, float]:
    """Return Wilson's score interval of a share, which is honest at 0 and at ``total`` too."""
    from scipy.stats import binomtest

    interval = binomtest(successes, total).proportion_ci(confidence_level=0.95, method="wilson")
    return float(interval.low), float(interval.high)


def macro_average(correct: ArrayLike, classes: ArrayLike, clips: ArrayLike) -> tuple[float, float, float]:
    """Return the mean over classes of the share correct, and its 95% interval.

    The interval is that of the mean when each class's share is drawn from its posterior under Jeffreys' prior,
    Beta(right + 1/2, wrong + 1/2). A bootstrap of the clips would call a class of one clip certain: on 15 real
    clips it gave intervals of no width. The interval is widened to hold the mean itself. Several answers about a
    clip count as one, its mean: otherwise repeating a question would narrow the interval.

    Args:
        correct: whether each answer is right, shape [answers].
        classes: class of each answer's clip, shape [answers].
        clips: the clip, shape [answers].
    """
    class_codes, clip_codes = (np.unique(np.asarray(part), return_inverse=True)[1] for part in (classes, clips))
    many = int(clip_codes.max()) + 1
    clip_classes, codes = np.unique(class_codes * many + clip_codes, return_inverse=True)
    means = np.bincount(codes, weights=np.asarray(correct, dtype=np.float64)) / np.bincount(codes)
    names, codes = np.unique(clip_classes // many, return_inverse=True)
    right = np.bincount(codes, weights=means, minlength=len(names))
    total = np.bincount(codes, minlength=len(names))
    mean = float((right / total).mean())
    generator = np.random.default_rng(_SEED)
    draws = generator.beta(right + 0.5, total - right + 0.5, size=(_DRAWS, len(names)))
    low, high = np.percentile(draws.mean(axis=1), [2.5, 97.5])
    return mean, min(mean, float(low)), max(mean, float(high))
