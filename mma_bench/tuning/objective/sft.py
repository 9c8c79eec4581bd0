r"""The supervised term.

    L_sft = 1/B sum_b 1/|y_b| sum_t -log p(y_bt | x_b, y_b<t)

over the tokens y_b of each answer, including its end, but not over prompt, media and padding.
Source: supervised fine-tuning as in arXiv 2511.22826 and 2505.19616. Ours is the mean of each sample's mean, see
`AnswerLogits.row_means`; gradients of accumulated micro-batches then add up to those of the whole batch.
"""

from typing import TYPE_CHECKING

from mma_bench.tuning.answers import AnswerLogits

if TYPE_CHECKING:
    import torch


def cross_entropy(answers: AnswerLogits) -> "torch.Tensor":
    """Return the loss of each row, shape [rows]."""
    import torch

    losses = torch.nn.functional.cross_entropy(answers.logits, answers.targets, reduction="none")
    return answers.row_means(losses)
