"""Averages over classes."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mma_bench.evaluation.statistics.clusters import codes_of
from mma_bench.evaluation.statistics.estimate import NOTHING, Estimate, around
from mma_bench.evaluation.statistics.share import wilson

Average = Literal["micro", "macro"]
"""Over questions, or over classes of questions."""

AVERAGE_WORDS: dict[Average, str] = {"micro": "mean over questions", "macro": "mean over classes"}
"""How tables and figures name each average."""


@dataclass(frozen=True)
class ClassMeans:
    """Means over classes of means over clips.

    Attributes:
        means: mean of each column of values, shape [columns].
        size: effective number of clips, K^2 / sum(1 / n_c) for K classes of n_c clips.
        clips: their number.
    """

    means: NDArray[np.float64]
    size: float
    clips: int


def class_means(values: ArrayLike, classes: ArrayLike, clips: ArrayLike) -> ClassMeans:
    """Average over each clip's answers, then over each class's clips, then over classes.

    Args:
        values: shape [answers] or [answers, columns].
        classes: class of each answer's clip, shape [answers].
        clips: the clip, shape [answers]. One that has several classes (which only happens with planted data) counts in
            each.
    """
    columns = np.asarray(values, dtype=np.float64).reshape(len(np.asarray(clips)), -1)
    class_codes, clip_codes = codes_of(classes), codes_of(clips)
    many = int(clip_codes.max()) + 1
    names, codes = np.unique(class_codes * many + clip_codes, return_inverse=True)
    answers = np.bincount(codes)
    per_clip = np.stack([np.bincount(codes, weights=column) for column in columns.T], axis=1) / answers[:, None]
    class_of_clip = codes_of(names // many)
    sizes = np.bincount(class_of_clip)
    per_class = np.stack([np.bincount(class_of_clip, weights=column) for column in per_clip.T], axis=1) / sizes[:, None]
    return ClassMeans(per_class.mean(axis=0), len(sizes) ** 2 / float((1 / sizes).sum()), len(names))


def macro_average(correct: ArrayLike, classes: ArrayLike, clips: ArrayLike) -> Estimate:
    """Return the mean over classes of the share correct, with Wilson's interval at the effective number of clips.

    The variance of the mean over K classes of n_c clips is p (1 - p) sum(1 / n_c) / K^2 where all classes are equally
    hard and smaller where they are not, so K^2 / sum(1 / n_c) clips of one class would be worth as much. Measured on
    planted models: 94 to 98% (`docs/statistics.md`). A bootstrap of clips calls a class of one clip certain, and
    posteriors of each class under Jeffreys' prior held the truth in 50% of draws: their means are shrunk towards one
    half, class by class.

    Args:
        correct: whether each answer is right, shape [answers].
        classes: class of each answer's clip, shape [answers].
        clips: the clip, shape [answers]. Several answers about a clip count as one, their mean: otherwise repeating a
            question would narrow the interval.
    """
    if not len(np.asarray(clips)):
        return NOTHING
    found = class_means(correct, classes, clips)
    value = min(1.0, max(0.0, float(found.means[0])))
    return around(value, *wilson(value, found.size), found.clips)
