"""A misaligned pair whose frames are covered with black patches: how little of a picture still outvotes a sound?"""

import random
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from builder.assemble.conditions.registry import MEDIA_CONDITIONS, Assembly, Streams, graded_condition
from builder.media_folder import clip_file
from builder.normalise.transcode import cover_video
from mma_bench.schema import Clip, Stream

CELLS = 18
"""Cells in a row and in a column: 28 pixels of 504, the patches of the Qwen models' vision encoders."""


@graded_condition(lambda assembly, clip: MEDIA_CONDITIONS["misaligned"](assembly, clip) is not None)
def occluded_frames(assembly: Assembly, clip: Clip, level: float) -> Streams | None:
    """The same patches in all frames; those of a low level are among those of a high one."""
    streams = MEDIA_CONDITIONS["misaligned"](assembly, clip)
    if streams is None:
        return None
    size = assembly.graded.video.size

    def encode(path: Path) -> float:
        with tempfile.TemporaryDirectory() as folder:
            mask = Path(folder) / "mask.rgba"
            mask.write_bytes(patches(size, level, assembly.generator("patches", clip)).tobytes())
            cover_video(clip_file(assembly.folder, clip.clip_id, "mp4"), mask, path, settings=assembly.graded.video)
        return clip.video_seconds

    recipe = ["occluded_frames", clip.video_sha256, assembly.seed, clip.clip_id, level]
    sha256, seconds = assembly.graded.make("mp4", recipe, encode)
    video = Stream(origin="occluded", clip_id=clip.clip_id, label=clip.visual_label, sha256=sha256, seconds=seconds)
    return video, streams[1]


def patches(size: int, share: float, generator: random.Random) -> NDArray[np.uint8]:
    """Return black patches that cover ``share`` of a square picture, to the nearest cell.

    Returns:
        Shape [size, size, 4], uint8, RGBA; alpha is 255 in a patch, 0 elsewhere.
    """
    cells = min(CELLS, size // 2)
    edges = [2 * round(i * size / cells / 2) for i in range(cells + 1)]  # even, as the chroma planes need it
    drawn = generator.sample(range(cells**2), cells**2)[: round(share * cells**2)]
    mask = np.zeros((size, size, 4), np.uint8)
    for cell in drawn:
        row, column = divmod(cell, cells)
        mask[edges[row] : edges[row + 1], edges[column] : edges[column + 1], 3] = 255
    return mask
