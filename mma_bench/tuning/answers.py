"""The distributions from which a model draws the tokens of the answers, and only those.

A vocabulary of 152,000 entries at 13,000 positions would take 8 GB in float32; the answers have a handful of tokens.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mma_bench.models.omni.conversation import IGNORED, Kind
from mma_bench.models.omni.thinker import Thinker
from mma_bench.tuning.inputs import Inputs

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class AnswerLogits:
    """Predictions of all answer tokens of a batch, grouped by row.

    Attributes:
        logits: float32 of shape [answer tokens, vocabulary]; each is from the position BEFORE its token.
        targets: the tokens, shape [answer tokens].
        row: which row of the batch each belongs to, shape [answer tokens].
        rows: number of rows.
    """

    logits: "torch.Tensor"
    targets: "torch.Tensor"
    row: "torch.Tensor"
    rows: int

    def row_means(self, values: "torch.Tensor") -> "torch.Tensor":
        """Return the mean over each row's tokens of ``values`` [answer tokens]: shape [rows].

        Each sample then has the same weight: an abstention is a sentence, a class name only a few tokens.
        """
        import torch

        return self.row_sums(values) / torch.bincount(self.row, minlength=self.rows).clamp(min=1)

    def row_sums(self, values: "torch.Tensor") -> "torch.Tensor":
        """Return the sum over each row's tokens of ``values`` [answer tokens]: shape [rows]."""
        import torch

        return torch.zeros(self.rows, device=values.device, dtype=values.dtype).index_add(0, self.row, values)

    def select(self, rows: "torch.Tensor") -> "AnswerLogits":
        """Return the answers of ``rows`` (indices in ascending order, shape [n]), renumbered."""
        import torch

        chosen = torch.isin(self.row, rows)
        number = torch.searchsorted(rows, self.row[chosen])
        return AnswerLogits(self.logits[chosen], self.targets[chosen], number, len(rows))


def answer_logits(thinker: Thinker, inputs: Inputs) -> AnswerLogits:
    """Run the language model.

    The logits of a token come from the position before it: labels are shifted by one.
    """
    import torch

    extra = {}
    if inputs.deepstack:
        extra = {
            "visual_pos_masks": inputs.kinds == Kind.VIDEO,
            "deepstack_visual_embeds": list(inputs.deepstack),
        }
    # Layers that are tuned themselves are float32, and compute in the type of the rest.
    dtype = inputs.embeddings.dtype
    mixed = thinker.decoder.norm.weight.dtype != dtype
    with torch.autocast(inputs.embeddings.device.type, dtype=dtype, enabled=mixed):
        found = thinker.decoder(
            inputs_embeds=inputs.embeddings,
            position_ids=inputs.positions,
            attention_mask=None,
            use_cache=False,
            return_dict=True,
            **extra,
        )
    targets = inputs.labels[:, 1:]
    answered = targets != IGNORED
    row = answered.nonzero()[:, 0]
    logits = thinker.logits(found.last_hidden_state[:, :-1][answered].to(dtype))
    return AnswerLogits(logits, targets[answered], row, len(targets))
