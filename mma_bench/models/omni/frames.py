"""Turns frames into the patches that Qwen's vision encoders take.

The steps are those of transformers' `Qwen2VLVideoProcessor`, which needs torchvision and therefore cannot run
everywhere: bicubic resizing to a multiple of the patches within a budget of pixels, normalisation, and splitting into
patches of two frames, ordered so that the patches that the encoder merges are adjacent.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mma_bench.errors import MMABenchError

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

_LARGEST_ASPECT_RATIO = 200
"""Above this ratio, Qwen's own processor rejects an image."""


@dataclass(frozen=True)
class FrameFormat:
    """Input format of a vision encoder.

    Attributes:
        patch_size: height and width of a patch, pixels.
        temporal_patch_size: frames in a patch.
        merge_size: number of patches per side that become one token.
        min_pixels: smallest area of a frame; smaller ones are enlarged.
        max_pixels: largest area of a frame.
        mean: of each channel, for values from 0 to 1.
        std: of each channel.
    """

    patch_size: int
    temporal_patch_size: int
    merge_size: int
    min_pixels: int
    max_pixels: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True)
class Patches:
    """A video in the input format of the vision encoder.

    Attributes:
        pixels: float32 of shape [time * height * width, 3 * temporal_patch_size * patch_size ** 2].
        grid: number of patches along time, height and width.
    """

    pixels: "torch.Tensor"
    grid: tuple[int, int, int]


def fitted_size(height: int, width: int, frame_format: FrameFormat) -> tuple[int, int]:
    """Return the size to which a frame is scaled: a multiple of a token's side, within the budget, of similar shape.

    Raises:
        MMABenchError: the frame is far too long and narrow.
    """
    if max(height, width) > _LARGEST_ASPECT_RATIO * min(height, width):
        raise MMABenchError(f"frames of {width}x{height} pixels are too long and narrow for a vision encoder")
    side = frame_format.patch_size * frame_format.merge_size
    rounded = round(height / side) * side, round(width / side) * side
    area = rounded[0] * rounded[1]
    if area > frame_format.max_pixels:
        shrink = math.sqrt(height * width / frame_format.max_pixels)
        return max(side, math.floor(height / shrink / side) * side), max(side, math.floor(width / shrink / side) * side)
    if area < frame_format.min_pixels:
        grow = math.sqrt(frame_format.min_pixels / (height * width))
        return math.ceil(height * grow / side) * side, math.ceil(width * grow / side) * side
    return rounded


def to_patches(frames: "NDArray[np.uint8]", frame_format: FrameFormat) -> Patches:
    """Scale, normalise and split frames.

    Args:
        frames: shape [frames, height, width, 3], uint8, RGB. If their number is not a multiple of
            `temporal_patch_size`, the last is repeated.
        frame_format: input format of the encoder.

    Raises:
        MMABenchError: there is no frame, or the array has another form.
    """
    import torch

    video = scale(frames, frame_format)
    mean = torch.tensor(frame_format.mean).view(3, 1, 1) * 255
    std = torch.tensor(frame_format.std).view(3, 1, 1) * 255
    normalised = (video.to(torch.float32) - mean) / std
    if missing := -len(normalised) % frame_format.temporal_patch_size:
        normalised = torch.cat([normalised, normalised[-1:].expand(missing, -1, -1, -1)])
    return _cut(normalised, frame_format)


def scale(frames: "NDArray[np.uint8]", frame_format: FrameFormat) -> "torch.Tensor":
    """Scale frames to the size that the encoder sees: uint8 of shape [frames, 3, height, width].

    Raises:
        MMABenchError: there is no frame, or the array has not the form that `to_patches` takes.
    """
    import torch

    if frames.ndim != 4 or frames.shape[-1] != 3 or 0 in frames.shape or frames.dtype != np.uint8:
        raise MMABenchError(
            f"frames must be uint8 of shape [frames, height, width, 3], got {frames.dtype} {frames.shape}"
        )
    video = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).contiguous()
    size = fitted_size(frames.shape[1], frames.shape[2], frame_format)
    if size == tuple(video.shape[-2:]):
        return video
    # On uint8, as torchvision does on a CPU: the rounding to whole levels is part of the result.
    return torch.nn.functional.interpolate(video, size=size, mode="bicubic", antialias=True)


def _cut(video: "torch.Tensor", frame_format: FrameFormat) -> Patches:
    side, depth, merge = frame_format.patch_size, frame_format.temporal_patch_size, frame_format.merge_size
    count, channels, height, width = video.shape
    grid = count // depth, height // side, width // side
    blocks = video.reshape(grid[0], depth, channels, grid[1] // merge, merge, side, grid[2] // merge, merge, side)
    # time, block row, block column, row and column within the block | channel, frame, pixel row, pixel column
    ordered = blocks.permute(0, 3, 6, 4, 7, 2, 1, 5, 8)
    return Patches(ordered.reshape(math.prod(grid), channels * depth * side * side), grid)
