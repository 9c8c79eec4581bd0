"""The log-likelihood of options as the beginning of an answer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mma_bench.models.omni.thinker import Thinker

if TYPE_CHECKING:
    import torch

TokenizedOptions = Mapping[str, Sequence[int]]
"""The tokens of each option; there is at least one."""


@dataclass
class Rows:
    """Processed questions, one per row.

    Attributes:
        cache: keys and values of prefix and questions.
        mask: which of them are valid, shape [rows, tokens].
        next_position: position id of the first token of each answer, of shape [rows].
        logits: of the first token of each answer, float32 of shape [rows, vocabulary].
    """

    cache: Any
    mask: "torch.Tensor"
    next_position: "torch.Tensor"
    logits: "torch.Tensor"


@dataclass(frozen=True)
class _Packed:
    """The options of every row, one after another. All tensors have the shape [rows, tokens].

    Attributes:
        token_ids: all tokens of an option except the last, which predicts nothing.
        owner: number of the option to which a token belongs, -1 for padding.
        offset: position of a token in its option.
    """

    token_ids: "torch.Tensor"
    owner: "torch.Tensor"
    offset: "torch.Tensor"


def log_likelihoods(
    thinker: Thinker, rows: Rows, options: Sequence[TokenizedOptions], *, packed: bool
) -> list[dict[str, float]]:
    """Return for every row the log-likelihood of each option, the sum over its tokens. The cache is left unchanged.

    Args:
        thinker: the model.
        rows: processed questions.
        options: options of every row.
        packed: whether all options of a row run at once, which needs an attention kernel that accepts any mask;
            otherwise each runs separately.
    """
    first = rows.logits.log_softmax(dim=-1)
    scores = [{option: float(first[row, ids[0]]) for option, ids in asked.items()} for row, asked in enumerate(options)]
    longer = [{option: ids for option, ids in asked.items() if len(ids) > 1} for asked in options]
    most = max(len(asked) for asked in longer)
    parts = [longer] if packed else [[dict(list(asked.items())[k : k + 1]) for asked in longer] for k in range(most)]
    for part in parts if most else []:
        for row, option, value in _continue(thinker, rows, part, packed=packed):
            scores[row][option] += value
    return scores


def _continue(
    thinker: Thinker, rows: Rows, options: Sequence[TokenizedOptions], *, packed: bool
) -> Iterator[tuple[int, str, float]]:
    """Yield row, option, and log-likelihood of all tokens of the option except the first."""
    import torch

    found = _pack(options, rows.mask)
    before, width = rows.mask.shape[1], found.token_ids.shape[1]
    positions = (rows.next_position[:, None] + found.offset).expand(3, -1, -1)
    seen = torch.cat([rows.mask, rows.mask.new_ones(len(options), width)], dim=1)
    mask = _tree_mask(rows.mask, found.owner, thinker.model.dtype) if packed else seen
    hidden = thinker.run(thinker.embed(found.token_ids), positions, rows.cache, mask=mask)
    for layer in rows.cache.layers:
        layer.keys, layer.values = layer.keys[:, :, :before], layer.values[:, :, :before]
    for row, asked in enumerate(options):
        # One row at a time: with a vocabulary of 150,000, the logits of all rows would take gigabytes.
        likelihood = thinker.logits(hidden[row]).log_softmax(dim=-1)
        start = 0
        for option, ids in asked.items():
            wanted = torch.tensor(ids[1:], device=likelihood.device)
            value = likelihood[start : start + len(wanted)].gather(1, wanted[:, None]).sum()
            yield row, option, float(value)
            start += len(wanted)


def _pack(options: Sequence[TokenizedOptions], mask: "torch.Tensor") -> _Packed:
    width = max(sum(len(ids) - 1 for ids in asked.values()) for asked in options)
    token_ids = mask.new_zeros(len(options), width)
    owner, offset = mask.new_full((len(options), width), -1), mask.new_zeros(len(options), width)
    for row, asked in enumerate(options):
        start = 0
        for number, ids in enumerate(asked.values()):
            place = slice(start, start + len(ids) - 1)
            token_ids[row, place] = mask.new_tensor(ids[:-1])
            owner[row, place], offset[row, place] = number, mask.new_tensor(range(len(ids) - 1))
            start = place.stop
    return _Packed(token_ids, owner, offset)


def _tree_mask(mask: "torch.Tensor", owner: "torch.Tensor", dtype: "torch.dtype") -> "torch.Tensor":
    """Return what is added to the attention: zero for visible tokens, the lowest number elsewhere.

    A token attends to the question and to the tokens before it in its own option.

    Args:
        mask: which previous tokens are valid, of shape [rows, tokens before].
        owner: the option of every new token, of shape [rows, tokens].
        dtype: of the model.

    Returns:
        Tensor of shape [rows, 1, tokens, tokens before and new].
    """
    import torch

    width = owner.shape[1]
    earlier = torch.ones(width, width, device=owner.device).tril().bool()
    own = (owner[:, :, None] == owner[:, None, :]) & earlier
    allowed = torch.cat([mask[:, None, :].bool().expand(-1, width, -1), own], dim=2)
    lowest = torch.full(allowed.shape, torch.finfo(dtype).min, dtype=dtype, device=owner.device)
    return lowest.masked_fill(allowed, 0)[:, None]
