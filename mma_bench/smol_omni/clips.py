"""Procedural clips in the form that the towers take, each rendered once."""

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mma_bench.dataset.columns import AUDIO_RATE
from mma_bench.models.omni.frames import Patches
from mma_bench.models.omni.training_batch import TrainingBatch
from mma_bench.synthetic.augmentation import erased, moved
from mma_bench.synthetic.picture import draw_frames
from mma_bench.synthetic.scene import SECONDS, clip_seed, make_scene
from mma_bench.synthetic.sound import play

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

FOR_TOWERS, FOR_LANGUAGE, FOR_MEASURING = 10_000, 20_000, 30_000
"""Numbers of the first clips. Each purpose has its own clips, and datasets, which count from 0, have others: a
language model that is trained on the towers' own clips relies on them too much."""

_STORED_SIZE = 112
"""Height and width at which clips are rendered, pixels; datasets store them at this size."""

ClipId = tuple[str, int]
"""Class and seed."""


@dataclass
class Clips:
    """Renders clips and keeps them.

    Attributes:
        batch: knows the forms of the towers.
    """

    batch: TrainingBatch
    _kept: "dict[ClipId, tuple[NDArray[np.uint8], torch.Tensor]]" = field(default_factory=dict, init=False)

    def video(self, clip: ClipId, generator: random.Random | None = None, *, cover: bool = False) -> Patches:
        """Return the video of a clip; with a generator shifted and mirrored, with ``cover`` partly covered."""
        frames = self._clip(clip)[0]
        if generator:
            frames = moved(frames, generator)
            if cover:
                frames = erased(frames, generator)
        return self.batch.see(frames)

    def audio(self, clip: ClipId) -> "torch.Tensor":
        """Return the spectrum of a clip, shape [mel bands, frames]."""
        return self._clip(clip)[1]

    def black(self) -> Patches:
        """Return black frames of the form of a clip."""
        side = self.batch.frame_format.patch_size * self.batch.frame_format.merge_size
        size = side * round(self.batch.frame_format.max_pixels**0.5 / side)
        return self.batch.see(np.zeros((round(SECONDS * self.batch.fps), size, size, 3), np.uint8))

    def silence(self) -> "torch.Tensor":
        """Return digital silence of the length of a clip."""
        return self.batch.hear(np.zeros(round(SECONDS * AUDIO_RATE), np.float32))

    def _clip(self, clip: ClipId) -> "tuple[NDArray[np.uint8], torch.Tensor]":
        if clip not in self._kept:
            scene = make_scene(*clip)
            frames = self.batch.scale(draw_frames(scene, fps=self.batch.fps, size=_STORED_SIZE))
            self._kept[clip] = frames, self.batch.hear(play(scene))
        return self._kept[clip]


def training_clip(name: str, number: int, first: int) -> ClipId:
    """Return a clip of the training split."""
    return name, clip_seed("train", first + number)
