"""Which tokens belong to which modality, and which of them a question does not ask about.

arXiv 2505.19616 has two modalities; its image-heavy tasks perturb the text and its text-heavy tasks the image. With
three, a question about what is seen leaves sound and text, one about what is heard leaves picture and text. The
answer and the marks of the conversation are never perturbed.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mma_bench.schema import Modality
from mma_bench.tuning.inputs import Kind

if TYPE_CHECKING:
    import torch

_ASKED = {Modality.VISUAL: Kind.VIDEO, Modality.AUDIO: Kind.AUDIO}


def modality_masks(kinds: "torch.Tensor") -> dict[Kind, "torch.Tensor"]:
    """Return for video, audio and text which tokens are theirs: bool, of the shape of ``kinds``."""
    return {kind: kinds == kind for kind in (Kind.VIDEO, Kind.AUDIO, Kind.TEXT)}


def irrelevant(kinds: "torch.Tensor", asked: Sequence[Modality], *, text: bool = True) -> "torch.Tensor":
    """Return which tokens are of a modality that the row's question does not ask about.

    Args:
        kinds: a `Kind` for each token, shape [rows, tokens].
        asked: modality that each row asks about.
        text: whether the words of the prompt count as one of them.

    Returns:
        bool of the shape of ``kinds``.
    """
    import torch

    masks = modality_masks(kinds)
    rows = []
    for index, modality in enumerate(asked):
        others = [
            mask[index] for kind, mask in masks.items() if kind != _ASKED[modality] and (text or kind != Kind.TEXT)
        ]
        rows.append(torch.stack(others).any(dim=0))
    return torch.stack(rows)
