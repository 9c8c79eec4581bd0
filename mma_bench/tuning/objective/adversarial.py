r"""The adversarial term: the worst small change of what the question does not ask about.

On the embeddings x that enter the language model, with M the mask of the irrelevant modalities:

    delta_0 ~ U(-eps, eps) * s * M                                (0 without a random start)
    delta_k = clip(delta_{k-1} + alpha * s^2 * grad_delta sum_i L_i(x_i + delta_{k-1}), -eps * s, eps * s) * M
    L_adv = L_sft(x + delta_T),   k = 1..T

s is the unit of eps. The published form has s = 1, but video and audio embeddings have a spread of 0.5 to 3, at which
bfloat16 cannot represent eps = 1e-3, and most values do not change (`scripts/bench/perturbation.py` measures this).
With ``scale: spread``, s is the standard deviation of the embeddings of the token's modality in its sample, so that eps
means the same for each modality and type; the step is that of the gradient with respect to x / s.

L_i is the supervised loss of sample i. No sample's loss depends on the embeddings of another, so with the sum, each
sample is perturbed independently of the batch size (with the published mean over 8, alpha is 8 times this one). The
gradient is raw, without a sign, and computed only for delta, so no weight's `.grad` changes; delta_T is a constant to
the outer loss.
Source: projected gradient descent (arXiv 1706.06083) as used by arXiv 2505.19616.

Each inner step costs a forward and a backward pass, so T = 1 costs three times the supervised loss. With
``first_gradient`` the first gradient is that of the clean batch, which its backward pass provides, as in "free"
adversarial training (arXiv 1904.12843): it differs by second order in eps, and T = 1 costs twice the supervised loss.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mma_bench.models.omni.conversation import Kind
from mma_bench.tuning.settings import AdversarialSettings

if TYPE_CHECKING:
    import torch


def perturbation(
    loss: "Callable[[torch.Tensor], torch.Tensor]",
    embeddings: "torch.Tensor",
    mask: "torch.Tensor",
    settings: AdversarialSettings,
    *,
    seeds: Sequence[str] | None = None,
    unit: "torch.Tensor | float" = 1.0,
    first_gradient: "torch.Tensor | None" = None,
) -> "torch.Tensor":
    """Return delta_T, float32 of the shape of ``embeddings``, without a gradient.

    Args:
        loss: returns the sum of the samples' losses for embeddings, a scalar.
        embeddings: shape [rows, tokens, hidden size].
        mask: bool of shape [rows, tokens]: what may be perturbed.
        settings: eps, alpha, T and whether the start is random.
        seeds: seed of each row's random start, which therefore does not depend on the other rows of the batch.
        unit: s of the formula: 1, or shape [rows, tokens, 1], see `spread`.
        first_gradient: gradient to use in the first step, instead of computing it.
    """
    import torch

    clean, allowed = embeddings.detach(), mask[..., None]
    bound = torch.as_tensor(settings.eps * unit, device=clean.device)
    # In float32: in bfloat16, adding it to a random start would round most of a gradient away.
    delta = torch.zeros_like(clean, dtype=torch.float32)
    if settings.random_start:
        delta = _random_start(delta, mask, seeds) * bound
    for step in range(settings.steps):
        if step == 0 and first_gradient is not None:
            gradient = first_gradient.float()
        else:
            delta.requires_grad_()
            with torch.enable_grad():
                (gradient,) = torch.autograd.grad(loss((clean + delta).to(clean.dtype)), delta)
        delta = delta.detach() + settings.alpha * unit**2 * gradient
        delta = delta.clamp(-bound, bound) * allowed
    return delta


def spread(embeddings: "torch.Tensor", kinds: "torch.Tensor") -> "torch.Tensor":
    """Return for each token the standard deviation of the embeddings of its kind in its row.

    Args:
        embeddings: shape [rows, tokens, hidden size].
        kinds: a `Kind` for each token, shape [rows, tokens].

    Returns:
        float32 of shape [rows, tokens, 1]; 0 for tokens that belong to no modality.
    """
    import torch

    found = torch.zeros(*kinds.shape, 1, device=embeddings.device)
    for kind in (Kind.VIDEO, Kind.AUDIO, Kind.TEXT):
        for row, chosen in enumerate(kinds == kind):
            if chosen.any():
                found[row, chosen] = embeddings[row, chosen].detach().float().std(correction=0)
    return found


def _random_start(delta: "torch.Tensor", mask: "torch.Tensor", seeds: Sequence[str] | None) -> "torch.Tensor":
    """Return draws between -1 and 1 where ``mask`` is true, row by row and token by token."""
    import torch

    for row, chosen in enumerate(mask):
        generator = None
        if seeds is not None:
            generator = torch.Generator(delta.device)
            generator.manual_seed(int.from_bytes(hashlib.sha256(seeds[row].encode()).digest()[:7]))
        size = int(chosen.sum()), delta.shape[-1]
        delta[row, chosen] = torch.empty(size, device=delta.device).uniform_(-1, 1, generator=generator)
    return delta
