"""From the log-likelihoods of options to the one that a model finds likeliest, and how sure it is."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

NORMALISATIONS = ("sum", "mean", "prior", "batch")

FEWEST_ANSWERS = 20
"""Answers with the same options that a mean over the run must rest on; with fewer, scores are divided by length."""


def normalised(
    scores: Mapping[str, float], tokens: Mapping[str, int], how: str, *, usual: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Return the scores of options made comparable.

    Args:
        scores: log-likelihood of each option, the sum over its tokens.
        tokens: number of tokens of each option; one where it is not known.
        how: ``sum`` as they are, which favours options of few tokens; ``mean`` per token; ``prior`` less the score
            of the option without evidence (domain-conditional pointwise mutual information, arXiv 2104.08315);
            ``batch`` less the option's mean score over the run's questions (after arXiv 2309.17249).
        usual: what is subtracted for ``prior`` and ``batch``.

    Raises:
        ValueError: the normalisation is unknown, or nothing to subtract was given for it.
    """
    if how == "sum":
        return dict(scores)
    if how == "mean":
        return {option: value / max(1, tokens.get(option, 1)) for option, value in scores.items()}
    if how in ("prior", "batch") and usual is not None:
        return {option: value - usual[option] for option, value in scores.items()}
    raise ValueError(f"option scores cannot be normalised by {how!r}")


class OptionConfidence:
    """How sure a model is of an option, by the normalisation that a measurement chose (docs/evaluate.md).

    Sums over several tokens are compared with their mean over the run. Other scores, such as the first token's at
    a server or the cascade's, are used unchanged.

    Args:
        answers: option scores and numbers of tokens of all answers of a run.
    """

    def __init__(self, answers: Iterable[tuple[Mapping[str, float], Mapping[str, int]]]) -> None:
        sums: dict[frozenset[str], dict[str, float]] = {}
        counts: dict[frozenset[str], int] = defaultdict(int)
        for scores, tokens in answers:
            if not scores or not tokens:
                continue
            key = frozenset(scores)
            counts[key] += 1
            total = sums.setdefault(key, dict.fromkeys(scores, 0.0))
            for option, value in scores.items():
                total[option] += value
        self._usual = {
            key: {option: total / counts[key] for option, total in sums[key].items()}
            for key in sums
            if counts[key] >= FEWEST_ANSWERS
        }

    def likeliest(
        self, scores: Mapping[str, float], tokens: Mapping[str, int], options: Sequence[str]
    ) -> tuple[float, str | None]:
        """Return the probability of the likeliest of ``options`` and that option; NaN and None without all scores."""
        if not scores:
            return math.nan, None
        usual = self._usual.get(frozenset(scores)) if tokens else None
        how = "sum" if not tokens else "mean" if usual is None else "batch"
        found = normalised(scores, tokens, how, usual=usual)
        values = [found.get(option, math.nan) for option in options]
        highest = max(values)
        total = sum(math.exp(value - highest) for value in values)
        return (1 / total, options[values.index(highest)]) if math.isfinite(total) else (math.nan, None)
