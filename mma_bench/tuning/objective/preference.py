r"""The preference term: the class of the asked modality is preferred to what misleads.

With y_w the target, y_l the distractor, pi the tuned model, pi_ref the base (the same weights without the updates):

    h = log pi(y_w | x) - log pi_ref(y_w | x) - log pi(y_l | x) + log pi_ref(y_l | x)

    L_dpo = 1/B sum_b -log sigmoid(beta h_b)

log pi(y | x) is the sum over the tokens of y with its end. Pairs need no annotation: under conflict, the stream knows
the class of the asked modality (or that there is nothing to see or to hear) and the class that another modality or a
caption suggests. Samples without a distractor have no pair and count as 0.
Source: direct preference optimization, arXiv 2305.18290, equation 7. The recipe adds it to the supervised term, as
arXiv 2404.19733 does: with DPO alone, the chosen answer may become less likely if the rejected one loses more.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mma_bench.tuning.answers import AnswerLogits
from mma_bench.tuning.example import Example

if TYPE_CHECKING:
    import torch


def rejected(examples: Sequence[Example]) -> list[tuple[int, Example]]:
    """Return each example with a distractor, with the distractor as its target, and its index.

    Where the asked modality was removed, the distractor is the class of the other one.
    """
    found = []
    for index, example in enumerate(examples):
        distractor = example.question.distractor
        if distractor is not None and distractor != example.target:
            found.append((index, replace(example, target=distractor)))
    return found


def preference(
    chosen: "torch.Tensor",
    rejected: "torch.Tensor",
    reference_chosen: "torch.Tensor",
    reference_rejected: "torch.Tensor",
    beta: float,
) -> "torch.Tensor":
    """Return the loss of each pair, shape [pairs], from log-likelihoods of that shape, in nats.

    Args:
        chosen: of the targets, by the tuned model.
        rejected: of the distractors, by the tuned model.
        reference_chosen: of the targets, by the base.
        reference_rejected: of the distractors, by the base.
        beta: how strongly the model is held to the base; a smaller value allows a larger distance.
    """
    import torch

    margin = (chosen - reference_chosen) - (rejected - reference_rejected)
    return -torch.nn.functional.logsigmoid(beta * margin)


def log_likelihoods(answers: AnswerLogits) -> "torch.Tensor":
    """Return the log-likelihood of each row's whole answer, shape [rows], in nats."""
    import torch

    losses = torch.nn.functional.cross_entropy(answers.logits, answers.targets, reduction="none")
    return -answers.row_sums(losses)
