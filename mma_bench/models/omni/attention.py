"""Looks into the attention of a thinker, or changes it, through transformers' attention interface.

The model keeps its own kernel (sdpa, eager, flash): a registered function calls it and then lets hooks read, or
replace, what it returned. Hooks compute only the rows that they need, so memory grows linearly with the prompt.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from mma_bench.errors import MMABenchError

if TYPE_CHECKING:
    import torch


_HOOKS = "mma_bench_attention_hooks"
_LASTING = "mma_bench_lasting_attention_hooks"
_PREFIX = "mma_bench_"


@dataclass(frozen=True)
class Attention:
    """The attention of one layer in one forward pass.

    Attributes:
        layer: its number, counted from 0.
        query: shape [rows, heads, new tokens, head size].
        key: shape [rows, key heads, tokens, head size]; the new tokens are the last.
        value: of the shape of ``key``.
        mask: what the kernel got: none for causal attention, bool or additive of shape [rows or 1, 1, new tokens,
            tokens], or which tokens are valid, of shape [rows, tokens].
        scaling: factor of the scores.
    """

    layer: int
    query: "torch.Tensor"
    key: "torch.Tensor"
    value: "torch.Tensor"
    mask: "torch.Tensor | None"
    scaling: float

    def weights(
        self, places: "torch.Tensor", rows: slice = slice(None), blocked: "torch.Tensor | None" = None
    ) -> "torch.Tensor":
        """Return the attention from some of the new tokens: float32 of shape [rows, heads, places, tokens].

        Args:
            places: numbers of the new tokens, shape [places].
            rows: which rows of the batch.
            blocked: pairs that must not attend, bool of shape [places, tokens].
        """
        import torch

        query, key = self.query[rows][:, :, places], self.key[rows]
        count, heads, wide, size = query.shape
        shared = heads // key.shape[1]  # query heads that share a key head
        grouped = query.reshape(count, key.shape[1], shared * wide, size)
        # In place: for a question alone, a copy of the scores costs as much as the scores.
        scores = (grouped @ key.transpose(2, 3)).float().mul_(self.scaling)
        scores = scores.view(count, heads, wide, key.shape[2]).add_(self._added(places, rows))
        if blocked is not None:
            scores.masked_fill_(blocked.to(scores.device), -torch.inf)
        return scores.softmax(dim=-1)

    def attended(self, weights: "torch.Tensor", rows: slice = slice(None)) -> "torch.Tensor":
        """Return the values that `weights` add up: shape [rows, places, heads, head size]."""
        value = self.value[rows]
        count, heads, wide, tokens = weights.shape
        grouped = weights.to(value.dtype).reshape(count, value.shape[1], -1, tokens)
        found: torch.Tensor = (grouped @ value).reshape(count, heads, wide, -1).transpose(1, 2)
        return found

    def _added(self, places: "torch.Tensor", rows: slice) -> "torch.Tensor":
        """Return what is added to the scores: 0 where a token is visible, minus infinity elsewhere."""
        import torch

        tokens, new = self.key.shape[2], self.query.shape[2]
        device = self.query.device
        places = places.to(device)
        mask = self.mask
        if mask is not None and mask.dim() == 4:
            taken = (mask if mask.shape[0] == 1 else mask[rows])[:, :, places, :tokens]
            if taken.dtype != torch.bool:
                return taken.float()
            return torch.zeros(taken.shape, device=device).masked_fill(~taken, -torch.inf)
        visible = torch.arange(tokens, device=device) <= (places + tokens - new)[:, None]
        if mask is not None:
            visible = visible & mask[rows, None, None, :tokens].bool()
        return torch.zeros(visible.shape, device=device).masked_fill(~visible, -torch.inf)


class Hook(Protocol):
    """Reads the attention of a layer and returns its output, unchanged or not."""

    def __call__(self, attention: Attention, output: "torch.Tensor") -> "torch.Tensor":
        """Return the output, shape [rows, new tokens, heads, head size]."""


class Layered(Protocol):
    """A model whose language model has layers of attention."""

    @property
    def decoder(self) -> Any:
        """The language model."""

    @property
    def layers(self) -> "torch.nn.ModuleList":
        """Its layers, each with its attention under `self_attn`."""


@contextmanager
def hooked(thinker: "Layered", *hooks: Hook) -> Iterator[None]:
    """Let ``hooks`` see every layer's attention while the block runs; the encoders are left alone.

    Raises:
        MMABenchError: the model does not use transformers' attention interface.
    """
    for hook in hooks:
        _add(thinker, hook, _HOOKS)
    try:
        yield
    finally:
        for layer in thinker.layers:
            present = getattr(layer.self_attn, _HOOKS)
            for hook in hooks:
                present.remove(hook)


def add_hook(thinker: Layered, hook: Hook) -> None:
    """Let a hook see every layer's attention from now on.

    It runs after those of `hooked`, which may compute an output again: theirs is changed, too.
    """
    _add(thinker, hook, _LASTING)


def _add(thinker: Layered, hook: Hook, kind: str) -> None:
    for layer in thinker.layers:
        attention = getattr(layer, "self_attn", None)
        config = getattr(attention, "config", None)
        if config is None or not hasattr(attention, "layer_idx"):
            raise MMABenchError(
                f"the attention of {type(layer).__name__} does not go through transformers' attention interface, so it "
                "can neither be read nor changed"
            )
        if not hasattr(attention, kind):
            setattr(attention, kind, [])
        getattr(attention, kind).append(hook)
        kernel = config._attn_implementation or "eager"
        if not kernel.startswith(_PREFIX):
            _set_kernel(config, _register(kernel))


def _set_kernel(config: Any, kernel: str) -> None:
    """Set the kernel of a configuration, but not of the encoders' within it, as in Phi-4-multimodal."""
    config._attn_implementation = {"": kernel}


def _register(kernel: str) -> str:
    """Register the function that wraps ``kernel`` and return its name; masks are made as for the kernel itself."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS

    name = _PREFIX + kernel
    AttentionInterface.register(name, _observed(kernel))
    AttentionMaskInterface.register(name, ALL_MASK_ATTENTION_FUNCTIONS[kernel])
    return name


def _observed(kernel: str) -> Callable[..., tuple[Any, Any]]:
    def forward(
        module: Any, query: Any, key: Any, value: Any, attention_mask: Any, scaling: float | None = None, **more: Any
    ) -> tuple[Any, Any]:
        name = module.config._attn_implementation
        _set_kernel(module.config, kernel)  # flash attention looks there for its own name
        try:
            output, weights = _kernel(kernel, module)(
                module, query, key, value, attention_mask, scaling=scaling, **more
            )
        finally:
            _set_kernel(module.config, name)
        hooks = (*getattr(module, _HOOKS, ()), *getattr(module, _LASTING, ()))
        if hooks:
            scale = query.shape[-1] ** -0.5 if scaling is None else scaling
            attention = Attention(module.layer_idx, query, key, value, attention_mask, scale)
            for hook in hooks:
                output = hook(attention, output)
        return output, weights

    return forward


def _kernel(kernel: str, module: Any) -> Callable[..., tuple[Any, Any]]:
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    own = getattr(sys.modules[type(module).__module__], "eager_attention_forward", None)
    found: Callable[..., tuple[Any, Any]] | None = own if kernel == "eager" else ALL_ATTENTION_FUNCTIONS[kernel]
    if found is None:
        raise MMABenchError(f"{type(module).__name__} has no eager attention; use attn_implementation=sdpa")
    return found
