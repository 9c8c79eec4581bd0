"""Which tokens belong to which modality, and which of them a question does not ask about.

arXiv 2505.19616 has two modalities; its image-heavy tasks perturb the text, its text-heavy tasks the image, and tasks
that need both perturb nothing. With three modalities, a question about the visual content perturbs audio and text, one
about the audio content perturbs video and text, and one about a text perturbs both streams. The answer and the markers
of the conversation are never perturbed.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mma_bench.models.omni.conversation import Kind
from mma_bench.tuning.example import Asked

if TYPE_CHECKING:
    import torch

_IRRELEVANT = {
    Asked.VISUAL: (Kind.AUDIO, Kind.TEXT),
    Asked.AUDIO: (Kind.VIDEO, Kind.TEXT),
    Asked.TEXT: (Kind.VIDEO, Kind.AUDIO),
    Asked.BOTH: (),
}


def modality_masks(kinds: "torch.Tensor") -> dict[Kind, "torch.Tensor"]:
    """Return the tokens of video, of audio and of text as bool tensors of the shape of ``kinds``."""
    return {kind: kinds == kind for kind in (Kind.VIDEO, Kind.AUDIO, Kind.TEXT)}


def irrelevant(kinds: "torch.Tensor", asked: Sequence[Asked], *, text: bool = True) -> "torch.Tensor":
    """Return which tokens are of a modality that the row's question does not ask about.

    Args:
        kinds: a `Kind` for each token, shape [rows, tokens].
        asked: what the answer of each row depends on.
        text: whether the words of the prompt count as a modality.

    Returns:
        bool of the shape of ``kinds``.
    """
    import torch

    found = torch.zeros_like(kinds, dtype=torch.bool)
    for row, needed in enumerate(asked):
        for kind in _IRRELEVANT[needed]:
            if text or kind != Kind.TEXT:
                found[row] |= kinds[row] == kind
    return found
