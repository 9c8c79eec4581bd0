"""Streams without information, in the form that the towers take: black, white, noise, silence and audio noise.

The second paper (arXiv 2505.19616) replaces an irrelevant image with noise, or with an all-black or all-white one.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mma_bench.models.omni.frames import Patches

if TYPE_CHECKING:
    import torch

NOISES = 8
"""Number of noise streams per form, so that the towers need not encode a new one for every sample."""

Grid = tuple[int, int, int]


def black_key(grid: Grid) -> str:
    """Return the key of black frames."""
    return f"black/{grid}"


def silence_key(frames: int) -> str:
    """Return the key of silence."""
    return f"silence/{frames}"


@dataclass(frozen=True)
class Fillers:
    """Building blocks of these streams.

    Attributes:
        black_patch: a patch of black frames, float32.
        white_patch: a patch of white frames, float32.
        silent_frame: a frame of the spectrum of digital silence, float32 of shape [mel bands].
        noise_spectrum: spectrum of white noise, float32 of shape [mel bands, frames].
    """

    black_patch: "torch.Tensor"
    white_patch: "torch.Tensor"
    silent_frame: "torch.Tensor"
    noise_spectrum: "torch.Tensor"

    def black(self, grid: Grid) -> tuple[Patches, str]:
        """Return black frames and their key."""
        return _repeated(self.black_patch, grid), black_key(grid)

    def white(self, grid: Grid) -> tuple[Patches, str]:
        """Return white frames and their key."""
        return _repeated(self.white_patch, grid), f"white/{grid}"

    def noise(self, grid: Grid, number: int) -> tuple[Patches, str]:
        """Return frames of uniform noise from black to white, and their key; ``number`` is below `NOISES`."""
        import torch

        count = grid[0] * grid[1] * grid[2]
        generator = torch.Generator().manual_seed(number)
        drawn = torch.rand((count, len(self.black_patch)), generator=generator)
        # Each value of a patch is normalised independently, so drawing between both ends is noise in any order.
        return Patches(torch.lerp(self.black_patch, self.white_patch, drawn), grid), f"noise/{grid}/{number}"

    def silence(self, frames: int) -> tuple["torch.Tensor", str]:
        """Return the spectrum of silence, shape [mel bands, frames], and its key."""
        return self.silent_frame[:, None].expand(-1, frames), silence_key(frames)

    def audio_noise(self, frames: int, number: int) -> tuple["torch.Tensor", str]:
        """Return the spectrum of white noise, shape [mel bands, frames], and its key."""
        import torch

        length = self.noise_spectrum.shape[1]
        chosen = (torch.arange(frames) + number * length // NOISES) % length
        return self.noise_spectrum[:, chosen], f"audio noise/{frames}/{number}"


def _repeated(patch: "torch.Tensor", grid: Grid) -> Patches:
    return Patches(patch.expand(grid[0] * grid[1] * grid[2], -1), grid)
