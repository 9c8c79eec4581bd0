"""From the log-likelihoods of options to the one that a model finds likeliest, and how sure it is."""

import math
from collections.abc import Mapping, Sequence

NORMALISATIONS = ("sum", "mean", "prior", "batch")


def normalised(
    scores: Mapping[str, float], tokens: Mapping[str, int], how: str, *, prior: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Return the scores of options made comparable.

    Args:
        scores: log-likelihood of each option, the sum over its tokens.
        tokens: number of tokens of each option; one where it is not known.
        how: ``sum`` as they are, which favours options of few tokens; ``mean`` per token; ``prior`` less the score
            of the option without evidence (domain-conditional pointwise mutual information, arXiv 2104.08315);
            ``batch`` less the option's mean score over the run's questions (after arXiv 2309.17249).
        prior: what is subtracted for ``prior`` and ``batch``.

    Raises:
        ValueError: there is no such normalisation, or no prior for it.
    """
    if how == "sum":
        return dict(scores)
    if how == "mean":
        return {option: value / max(1, tokens.get(option, 1)) for option, value in scores.items()}
    if how in ("prior", "batch") and prior is not None:
        return {option: value - prior[option] for option, value in scores.items()}
    raise ValueError(f"no normalisation {how!r} of option scores")


def likeliest(
    scores: Mapping[str, float], options: Sequence[str], tokens: Mapping[str, int], how: str
) -> tuple[float, str | None]:
    """Return the probability of the likeliest option among all, and that option; NaN and none without all scores."""
    if not scores:
        return math.nan, None
    found = normalised(scores, tokens, how)
    values = [found.get(option, math.nan) for option in options]
    highest = max(values)
    total = sum(math.exp(value - highest) for value in values)
    return (1 / total, options[values.index(highest)]) if math.isfinite(total) else (math.nan, None)
