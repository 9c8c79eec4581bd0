"""Agreement of people who answered the same questions, corrected for chance, with missing answers allowed."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mma_bench.evaluation.statistics.bootstrap import bootstrap
from mma_bench.evaluation.statistics.estimate import NOTHING, Estimate
from mma_bench.evaluation.statistics.share import share

Floats = NDArray[np.float64]

MISSING = -1
"""Code of an answer that a person did not give."""


def pairwise_agreement(codes: ArrayLike, clips: ArrayLike) -> Estimate:
    """Return the share of pairs of people who gave the same answer to a question, averaged over questions.

    Args:
        codes: what each person answered, shape [questions, people]; `MISSING` where there is no answer. Questions with
            fewer than two answers do not count.
        clips: clip of each question, shape [questions].
    """
    counts, clips = _shared(codes, clips)
    if not len(counts):
        return NOTHING
    answers = counts.sum(axis=1)
    return share((counts * (counts - 1)).sum(axis=1) / (answers * (answers - 1)), clips)


def krippendorff_alpha(codes: ArrayLike, clips: ArrayLike) -> Estimate:
    """Return Krippendorff's alpha for nominal answers: 1 is perfect agreement, 0 what chance gives.

    alpha = 1 - D_o / D_e, the observed over the expected disagreement of the coincidences of answers (K. Krippendorff,
    "Computing Krippendorff's Alpha-Reliability", 2011). Unlike kappa it takes any number of people, of whom each may
    have answered other questions. The interval is a percentile bootstrap over clips (A. Hayes and K. Krippendorff,
    "Answering the call for a standard reliability measure for coding data", 2007).

    Args:
        codes: see `pairwise_agreement`.
        clips: see `pairwise_agreement`.

    Returns:
        The estimate; NaN where nobody can disagree: no shared question, or only one answer was ever given.
    """
    counts, clips = _shared(codes, clips)
    if not len(counts):
        return NOTHING
    answers = counts.sum(axis=1)
    same = (counts * (counts - 1)).sum(axis=1) / (answers - 1)  # coincidences of equal answers in each question

    def statistic(weights: Floats) -> Floats:
        total = weights @ answers
        per_answer = weights @ counts
        observed = total - weights @ same
        expected = (total**2 - (per_answer**2).sum(axis=1)) / (total - 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            alpha: Floats = np.where(expected > 0, 1 - observed / expected, np.nan)
        return alpha[:, None]

    return bootstrap(statistic, clips)[0]


def _shared(codes: ArrayLike, clips: ArrayLike) -> tuple[Floats, NDArray[np.int64]]:
    """Return how often each answer was given, shape [questions, answers], and the clips, of questions with two."""
    given = np.asarray(codes, dtype=np.int64)
    if not given.size:  # no question, or no person
        return np.zeros((0, 0)), np.zeros(0, dtype=np.int64)
    given = given.reshape(len(given), -1)
    kinds = np.unique(given[given != MISSING])
    counts = (given[:, :, None] == kinds[None, None, :]).sum(axis=1).astype(np.float64)
    rows = counts.sum(axis=1) >= 2 if len(kinds) else np.zeros(len(given), dtype=bool)
    return counts[rows], np.unique(np.asarray(clips), return_inverse=True)[1].reshape(-1)[rows]
