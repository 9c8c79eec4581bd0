r"""The adversarial term: the worst small change of what the question does not ask about.

On the embeddings x that enter the language model, with M the mask of the irrelevant modalities:

    delta_0 ~ U(-eps, eps) * M                                    (0 without a random start)
    delta_k = clip(delta_{k-1} + alpha * grad_delta sum_i L_i(x_i + delta_{k-1}), -eps, eps) * M   k = 1..T
    L_adv = L_sft(x + delta_T)

L_i is the supervised loss of sample i: with their sum, as no sample's loss depends on another's embeddings, each is
perturbed as if it were alone, however many run together (with the published mean over 8, alpha is 8 times this one).
The gradient is raw, without a sign, and asked for delta alone, so no weight's `.grad` changes; delta_T is a constant to
the outer loss.
Source: projected gradient descent (arXiv 1706.06083) as used by arXiv 2505.19616.

Each inner step costs a forward and a backward pass, so T = 1 costs three times the supervised loss. With
``first_gradient`` the first one is that of the clean batch, which its own backward pass leaves behind, as in "free"
adversarial training (arXiv 1904.12843): it differs by second order in eps, and T = 1 costs twice the supervised loss.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from mma_bench.tuning.settings import AdversarialSettings

if TYPE_CHECKING:
    import torch


def perturbation(
    loss: "Callable[[torch.Tensor], torch.Tensor]",
    embeddings: "torch.Tensor",
    mask: "torch.Tensor",
    settings: AdversarialSettings,
    first_gradient: "torch.Tensor | None" = None,
) -> "torch.Tensor":
    """Return delta_T, float32 of the shape of ``embeddings``, without a gradient.

    Args:
        loss: returns the sum of the samples' losses for embeddings, a scalar.
        embeddings: shape [rows, tokens, hidden size].
        mask: bool of shape [rows, tokens]: what may be perturbed.
        settings: eps, alpha, T and whether the start is random.
        first_gradient: gradient to take in the first step, instead of computing it.
    """
    import torch

    clean, allowed, eps = embeddings.detach(), mask[..., None], settings.eps
    # In float32: beside a random start, bfloat16 would round most of a gradient away.
    delta = torch.zeros_like(clean, dtype=torch.float32)
    if settings.random_start:
        # One draw for each masked token in turn, so that the padding of a batch changes no start.
        delta[mask] = torch.empty_like(delta[mask]).uniform_(-eps, eps)
    for step in range(settings.steps):
        if step == 0 and first_gradient is not None:
            gradient = first_gradient
        else:
            delta.requires_grad_()
            with torch.enable_grad():
                (gradient,) = torch.autograd.grad(loss((clean + delta).to(clean.dtype)), delta)
        delta = (delta.detach() + settings.alpha * gradient).clamp(-eps, eps) * allowed
    return delta
