"""Reads, or replaces, the hidden states between the layers of a thinker."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from mma_bench.models.omni.attention import Layered

Watch = Callable[[int, "torch.Tensor"], "torch.Tensor | None"]
"""Gets the number of a layer and its output, shape [rows, new tokens, hidden size]; may return another."""


@contextmanager
def watched(thinker: "Layered", watch: Watch) -> Iterator[None]:
    """Call ``watch`` after every layer while the block runs."""

    def after(number: int) -> Callable[[Any, Any, Any], Any]:
        def hook(module: Any, inputs: Any, output: Any) -> Any:
            # Some versions of transformers return a tuple of which the first is the hidden states.
            hidden = output[0] if isinstance(output, tuple) else output
            changed = watch(number, hidden)
            if changed is None:
                return None
            return (changed, *output[1:]) if isinstance(output, tuple) else changed

        return hook

    handles = [layer.register_forward_hook(after(number)) for number, layer in enumerate(thinker.layers)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
