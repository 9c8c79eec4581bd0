"""A run that nothing changes, whose states are kept, and changed runs that begin where they first differ from it."""

import functools
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mma_bench.diagnosis.hidden_states import kept, skipping

if TYPE_CHECKING:
    import torch

    from mma_bench.models.omni.encode_once import EncodeOnce

_TO_FIRST_LAYER = -1


@dataclass(frozen=True)
class Start:
    """Where a changed run first differs from the unchanged one.

    Attributes:
        layer: first layer that differs, counted from 0. What enters it may differ, too.
        token: first token that differs, counted from the first one of the run.
    """

    layer: int = 0
    token: int = 0


@dataclass(frozen=True)
class Tokens:
    """What enters the language model.

    Attributes:
        embeddings: shape [rows, tokens, hidden size].
        positions: shape [3, rows, tokens].
        mask: what is added to the attention, shape [1, 1, tokens, tokens before and new]; none if it is causal.
        video_mask: which tokens belong to the video, shape [rows, tokens]; none if there are none.
        deepstack: features of one row's video that are added after the first layers.
    """

    embeddings: "torch.Tensor"
    positions: "torch.Tensor"
    mask: "torch.Tensor | None" = None
    video_mask: "torch.Tensor | None" = None
    deepstack: "tuple[torch.Tensor, ...]" = ()

    def copies(self, count: int, first: int) -> "Tokens":
        """Return ``count`` copies of all rows, from the token ``first`` on."""
        mask, seen, deepstack = self.mask, self.video_mask, self.deepstack
        if mask is not None:
            mask = mask[:, :, first:]
        if seen is not None:
            left = int(seen[0, first:].sum())
            rows = count * len(seen)
            deepstack = tuple(level[-left:].repeat(rows, 1) for level in deepstack) if left else ()
            seen = seen[:, first:].repeat(count, 1)
        embeddings, positions = self.embeddings[:, first:], self.positions[:, :, first:]
        return Tokens(embeddings.repeat(count, 1, 1), positions.repeat(1, count, 1), mask, seen, deepstack)


class Unchanged:
    """Runs tokens as they are, once, and changed from any layer and token on.

    What comes before the first difference is taken from the unchanged run: keys and values of earlier tokens, and the
    states that enter the first layer that differs. Layers below it are skipped; the modelling code is the model's own.

    Args:
        engine: the model.
        tokens: what to run.
        cache: keys and values of everything before these tokens, of one row; none if nothing is.
        after: layers after which states are kept, so that changed runs can begin at the next one.
    """

    def __init__(self, engine: "EncodeOnce", tokens: Tokens, cache: Any = None, after: Collection[int] = ()) -> None:
        self._engine = engine
        self._tokens = tokens
        self._given = cache
        self._after = frozenset(after) - {_TO_FIRST_LAYER}
        self._before = int(cache.layers[0].keys.shape[2]) if cache is not None else 0

    def run(self) -> "torch.Tensor":
        """Run once, unless that was done, and return the last hidden states: shape [rows, tokens, hidden size].

        Hooks on the model must wait until this has run.
        """
        return self._run[0]

    def after(self, layer: int) -> "torch.Tensor":
        """Return the states after a layer, or what enters the first one for -1: shape [rows, tokens, hidden size]."""
        if layer == _TO_FIRST_LAYER:
            return self._tokens.embeddings
        output = self._run[2][layer]
        states: torch.Tensor = output[0] if isinstance(output, tuple) else output
        return states

    def changed(
        self, start: Start, copies: int, enter: "Callable[[torch.Tensor], torch.Tensor] | None" = None
    ) -> "torch.Tensor":
        """Return the last hidden states of runs that begin at ``start``.

        Args:
            start: where they first differ.
            copies: number of runs; all rows are repeated for each.
            enter: changes what enters the first layer of the runs, shape [copies x rows, tokens from start.token on,
                hidden size].

        Returns:
            Shape [copies x rows, tokens from start.token on, hidden size].
        """
        tokens = self._tokens.copies(copies, start.token)
        cache = self._cache(start, copies)
        if not start.layer:
            entering = enter(tokens.embeddings) if enter else tokens.embeddings
            return self._pass(replace(tokens, embeddings=entering), cache)
        entering = self.after(start.layer - 1)[:, start.token :].repeat(copies, 1, 1)
        output = self._run[2][start.layer - 1]
        with skipping(self._engine.thinker, start.layer, enter(entering) if enter else entering, output):
            return self._pass(tokens, cache)

    @functools.cached_property
    def _run(self) -> "tuple[torch.Tensor, Any, dict[int, Any]]":
        cache = self._engine.answering.new_cache()
        if self._given is not None:
            for number, layer in enumerate(self._given.layers):
                shape = len(self._tokens.embeddings), -1, -1, -1
                cache.update(layer.keys.expand(*shape), layer.values.expand(*shape), number)
        with kept(self._engine.thinker, self._after) as found:
            hidden = self._pass(self._tokens, cache)
        return hidden, cache, found

    def _cache(self, start: Start, copies: int) -> Any:
        """Return keys and values of everything before ``start.token``; skipped layers need none."""
        found = self._engine.answering.new_cache()
        source = self._run[1] if start.token else self._given
        if source is None:
            return found
        rows, length = copies * len(self._tokens.embeddings), self._before + start.token
        for number, layer in enumerate(source.layers):
            keys, values = layer.keys[:, :, :length], layer.values[:, :, :length]
            if number >= start.layer:
                times = rows // len(keys), 1, 1, 1
                keys, values = (each.expand(rows, -1, -1, -1) if len(each) == 1 else each.repeat(*times)
                                for each in (keys, values))  # fmt: skip
            elif number:
                continue
            # The first layer tells the model how many tokens there are, even if it is skipped.
            found.update(keys, values, number)
        return found

    def _pass(self, tokens: Tokens, cache: Any) -> "torch.Tensor":
        return self._engine.thinker.run(
            tokens.embeddings,
            tokens.positions,
            cache,
            mask=tokens.mask,
            video_mask=tokens.video_mask,
            deepstack=tokens.deepstack,
        )
