"""Terms of the objective that users add: `objective.terms` of the configuration gives each a weight.

A package names one in an entry point of the group `mma_bench.terms`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mma_bench.errors import MMABenchError
from mma_bench.registry import Registry
from mma_bench.tuning.answers import AnswerLogits
from mma_bench.tuning.example import Example

if TYPE_CHECKING:
    import torch

Term = Callable[[AnswerLogits, Sequence[Example]], "torch.Tensor"]
"""Returns the loss of each sample, shape [rows], from the predictions of its answer tokens."""


def _adopt(found: Any) -> Term:
    if not callable(found):
        raise TypeError("it is not a function of the answers and the examples")
    term: Term = found
    return term


TERMS: Registry[Term] = Registry("term of the objective", "terms", adopt=_adopt)


def own_terms(
    weights: Mapping[str, float], answers: AnswerLogits, examples: Sequence[Example]
) -> "dict[str, torch.Tensor]":
    """Return the mean over the samples of each term named in ``weights``.

    Raises:
        MMABenchError: a term does not return one loss per sample.
    """
    found = {}
    for name in weights:
        losses = TERMS.find(name)(answers, examples)
        if getattr(losses, "shape", None) != (answers.rows,):
            raise MMABenchError(f"objective.terms: {name} must return one loss per sample, shape [{answers.rows}]")
        found[name] = losses.mean()
    return found
