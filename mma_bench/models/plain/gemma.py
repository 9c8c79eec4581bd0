"""Gemma 4 (E2B, E4B) and Gemma 3n."""

from typing import TYPE_CHECKING

from mma_bench.models.plain.family import FAMILIES, PlainFamily

if TYPE_CHECKING:
    import torch


class Gemma4(PlainFamily):
    """Gemma 4: its processor writes the time of each frame, and keeps 30 s of audio.

    E2B and E4B attend causally. In larger ones the tokens of a frame also attend to those after them, but only within
    the frame, which is always read in one pass.
    """

    shares_media = True


class Gemma3n(PlainFamily):
    """Gemma 3n: frames are pictures without a time, audio always takes 188 tokens, of which 30 s are kept."""

    shares_media = True

    def stream(self, hidden: "torch.Tensor") -> "torch.Tensor":
        """Return the mean of the parallel streams, as after the last layer: all scaled to the size of the first.

        Args:
            hidden: shape [streams, rows, tokens, hidden size].
        """
        import torch

        size = hidden[0].square().mean(dim=-1, keepdim=True).sqrt()
        parts = [hidden[0]]
        for projection, other in zip(self.decoder.altup_unembed_projections, hidden[1:], strict=True):
            part = projection(other).to(hidden.dtype)
            parts.append(part * size / part.square().mean(dim=-1, keepdim=True).clamp(min=1e-5).sqrt())
        return torch.stack(parts).mean(dim=0)


FAMILIES.add("Gemma4ForConditionalGeneration", Gemma4)
FAMILIES.add("Gemma3nForConditionalGeneration", Gemma3n)
