"""Reads, or replaces, the hidden states between the layers of a thinker."""

from collections.abc import Callable, Collection, Iterator
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


@contextmanager
def kept(thinker: "Layered", layers: Collection[int]) -> Iterator[dict[int, Any]]:
    """Keep what some layers return while the block runs, by the number of the layer, as `skipping` needs it."""
    found: dict[int, Any] = {}

    def keep(number: int) -> Callable[[Any, Any, Any], None]:
        def hook(module: Any, inputs: Any, output: Any) -> None:
            # A copy: a model may add to its hidden states in place.
            found[number] = (output[0].clone(), *output[1:]) if isinstance(output, tuple) else output.clone()

        return hook

    handles = [thinker.layers[number].register_forward_hook(keep(number)) for number in layers]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def skipping(thinker: "Layered", first: int, states: "torch.Tensor", output: Any) -> Iterator[None]:
    """Skip the layers before ``first`` while the block runs; the last of them hands on ``states``.

    Args:
        thinker: the model.
        first: the first layer that runs, at least 1.
        states: what enters it, shape [rows, new tokens, hidden size].
        output: what the layer before it returned in an unchanged run; ``states`` take the place of its hidden states.
    """

    def stand_in(number: int) -> Callable[..., Any]:
        def forward(*inputs: Any, **named: Any) -> Any:
            given = inputs[0] if inputs else named["hidden_states"]
            hidden = states if number == first - 1 else given
            return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

        return forward

    skipped = list(thinker.layers)[:first]
    before = [vars(layer).get("forward") for layer in skipped]  # set where accelerate spreads a model over devices
    for number, layer in enumerate(skipped):
        setattr(layer, "forward", stand_in(number))  # noqa: B010
    try:
        yield
    finally:
        for layer, own in zip(skipped, before, strict=True):
            if own is None:
                del layer.forward
            else:
                setattr(layer, "forward", own)  # noqa: B010
