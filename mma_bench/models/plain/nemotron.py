"""Nemotron-3-Nano-Omni."""

from mma_bench.models.plain.family import FAMILIES, PlainFamily


class Nemotron(PlainFamily):
    """Nemotron-3-Nano-Omni: attention and Mamba layers, whose state is copied for each question.

    With pruned video tokens (`video_pruning_rate`), the number of tokens is known only inside the model, and each
    question is read alone.
    """

    shares_media = True

    def can_share(self, prefix: int, longest: int) -> bool:
        """Return whether no video tokens are pruned."""
        return not self.model.config.video_pruning_rate


FAMILIES.add("NemotronH_Omni_Reasoning_V3", Nemotron)
