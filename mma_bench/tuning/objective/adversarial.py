r"""The adversarial term: the worst small change of what the question does not ask about.

On the embeddings x that enter the language model, with M the mask of the irrelevant modalities:

    delta_0 ~ U(-eps, eps) * M                                    (0 without a random start)
    delta_k = clip(delta_{k-1} + alpha * grad_delta L_sft(x + delta_{k-1}), -eps, eps) * M      k = 1..T
    L_adv = L_sft(x + delta_T)

The gradient is raw, without a sign; delta_T is a constant to the outer loss. The gradient is asked for delta alone,
so no weight's `.grad` changes.
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
    """Return delta_T, of the shape of ``embeddings``, without a gradient.

    Args:
        loss: returns L_sft of embeddings, a scalar.
        embeddings: shape [rows, tokens, hidden size].
        mask: bool of shape [rows, tokens]: what may be perturbed.
        settings: eps, alpha, T and whether the start is random.
        first_gradient: gradient to take in the first step, instead of computing it.
    """
    import torch

    clean, allowed, eps = embeddings.detach(), mask[..., None], settings.eps
    delta = torch.zeros_like(clean)
    if settings.random_start:
        delta = torch.empty_like(clean).uniform_(-eps, eps) * allowed
    for step in range(settings.steps):
        if step == 0 and first_gradient is not None:
            gradient = first_gradient
        else:
            delta.requires_grad_()
            with torch.enable_grad():
                (gradient,) = torch.autograd.grad(loss(clean + delta), delta)
        delta = (delta.detach() + settings.alpha * gradient).clamp(-eps, eps) * allowed
    return delta
