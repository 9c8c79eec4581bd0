r"""The consistency term: a conflict must not change the distribution from which the answer is drawn.

With p_t the distribution of the t-th answer token for the original sample, q_t for its conflict variant:

    KL:  D(p, q) = sum_v p(v) log(p(v) / q(v))
    JS:  D(p, q) = 1/2 KL(p || m) + 1/2 KL(q || m),   m = (p + q) / 2,   between 0 and log 2

    L_consistency = 1/B sum_b 1/|y_b| sum_t D(p_bt, q_bt)

p is detached: the variant moves towards the original, never the original towards the variant.
Source: arXiv 2505.19616, following its equations rather than its code. The code takes the logits one position late
(ours come from `AnswerLogits`, shifted) and computes KL(m || p) + KL(m || q), which is not the Jensen-Shannon
divergence.
"""

from typing import TYPE_CHECKING, Literal

from mma_bench.tuning.answers import AnswerLogits

if TYPE_CHECKING:
    import torch


def divergence(original: AnswerLogits, variant: AnswerLogits, kind: Literal["js", "kl"]) -> "torch.Tensor":
    """Return the divergence of each row, shape [rows].

    Args:
        original: answers of the samples.
        variant: answers of their variants, with the same targets in the same order.
        kind: Jensen-Shannon or Kullback-Leibler, in nats.
    """
    import torch

    if not torch.equal(original.targets, variant.targets) or not torch.equal(original.row, variant.row):
        raise ValueError("original and variant must have the same answers")
    log_p = original.logits.detach().log_softmax(dim=-1)
    log_q = variant.logits.log_softmax(dim=-1)
    if kind == "kl":
        return original.row_means(_kl(log_p, log_q))
    log_m = torch.logaddexp(log_p, log_q) - torch.log(log_p.new_tensor(2.0))
    return original.row_means((_kl(log_p, log_m) + _kl(log_q, log_m)) / 2)


def _kl(log_p: "torch.Tensor", log_q: "torch.Tensor") -> "torch.Tensor":
    import torch

    return torch.nn.functional.kl_div(log_q, log_p, reduction="none", log_target=True).sum(dim=-1)
