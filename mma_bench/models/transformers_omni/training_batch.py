"""Training batches of an Omni model, token for token what the adapter asks when it evaluates."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mma_bench.models.transformers_omni.chat import Chat
from mma_bench.models.transformers_omni.encoder_cache import Encoded
from mma_bench.models.transformers_omni.frames import FrameFormat, Patches, scale, to_patches
from mma_bench.models.transformers_omni.sound import log_mel
from mma_bench.models.transformers_omni.thinker import Thinker

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

IGNORED = -100
"""Label of tokens that are not learnt."""


@dataclass(frozen=True)
class Example:
    """A question about a video, a sound, both or neither, and what should be answered.

    Attributes:
        video: from `TrainingBatch.see`, or none.
        spectrum: from `TrainingBatch.hear`, or none.
        prompt: text of the question.
        target: text of the answer.
    """

    video: Patches | None
    spectrum: "torch.Tensor | None"
    prompt: str
    target: str


@dataclass(frozen=True)
class TrainingBatch:
    """Makes the inputs of `thinker.model(**inputs)` from examples.

    Attributes:
        thinker: the model.
        chat: how conversations become tokens.
        extractor: makes spectra.
        frame_format: what the vision encoder expects.
        fps: frames a second of the videos.
    """

    thinker: Thinker
    chat: Chat
    extractor: Any
    frame_format: FrameFormat
    fps: float
    _prefixes: "dict[tuple[tuple[int, int, int] | None, int], tuple[list[int], torch.Tensor]]" = field(
        default_factory=dict, init=False, repr=False
    )

    def see(self, frames: "NDArray[np.uint8]") -> Patches:
        """Return a video, uint8 of shape [frames, height, width, 3], as the vision encoder takes it."""
        return to_patches(frames, self.frame_format)

    def scale(self, frames: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
        """Return frames in the size that the vision encoder sees, for keeping: `see` makes the same of both."""
        scaled: NDArray[np.uint8] = scale(frames, self.frame_format).permute(0, 2, 3, 1).numpy()
        return scaled

    def hear(self, samples: "NDArray[np.float32]") -> "torch.Tensor":
        """Return a sound, float32 of shape [samples] at 16 kHz, as the audio encoder takes it: [bands, frames]."""
        return log_mel(samples, self.extractor, silence_follows=self.thinker.silence_follows_sound)

    def __call__(self, examples: Sequence[Example]) -> "dict[str, Any]":
        """Return input ids, positions, masks, media and labels; rows are padded on the right."""
        import torch

        rows = [self._row(example) for example in examples]
        width = max(len(ids) for ids, _, _ in rows)
        input_ids = torch.full((len(rows), width), self.chat.end_id)
        labels = torch.full((len(rows), width), IGNORED)
        mask = torch.zeros((len(rows), width), dtype=torch.long)
        # Fractions of a position stay, as when the model answers: one family places video between whole positions.
        kind = functools.reduce(torch.promote_types, [placed.dtype for _, _, placed in rows])
        positions = torch.zeros((3, len(rows), width), dtype=kind)
        for number, (ids, learnt, placed) in enumerate(rows):
            input_ids[number, : len(ids)] = torch.tensor(ids)
            labels[number, len(ids) - learnt : len(ids)] = torch.tensor(ids[-learnt:])
            mask[number, : len(ids)] = 1
            positions[:, number, : len(ids)] = placed
        inputs = {"input_ids": input_ids, "attention_mask": mask, "position_ids": positions, "labels": labels}
        return {name: value.to(self.thinker.device) for name, value in (inputs | self._media(examples)).items()}

    def _row(self, example: Example) -> "tuple[list[int], int, torch.Tensor]":
        """Return the tokens of an example, how many at its end are learnt, and their positions [3, tokens]."""
        import torch

        video, spectrum = example.video, example.spectrum
        prefix, placed = self._prefix(video.grid if video else None, 0 if spectrum is None else spectrum.shape[1])
        answer = [*self.chat.text(example.target), self.chat.end_id]
        rest = [*self.chat.question(example.prompt), *answer]
        after = placed[:, -1].max() + 1 + torch.arange(len(rest)).expand(3, -1)
        return [*prefix, *rest], len(answer), torch.cat([placed, after], dim=1)

    def _prefix(self, grid: tuple[int, int, int] | None, frames: int) -> "tuple[list[int], torch.Tensor]":
        """Return the tokens before the question, and their positions [3, tokens]; clips of one form share them."""
        import torch

        if (grid, frames) in self._prefixes:
            return self._prefixes[grid, frames]
        heard = self.thinker.audio_tokens(frames) if frames else 0
        seconds_per_grid = self.frame_format.temporal_patch_size / self.fps
        seen = math.prod(grid) // self.frame_format.merge_size**2 if grid else 0
        if grid and heard:
            order = self.thinker.order(grid, seconds_per_grid, heard)
        else:
            order = np.full(seen or heard, bool(seen))
        prefix = self.chat.media_prefix(order, video=bool(seen), audio=bool(heard))
        empty = torch.empty(0)
        placed = self.thinker.positions(
            torch.tensor([prefix], device=self.thinker.device),
            Encoded(empty, grid=grid) if grid else None,
            Encoded(empty, frames=frames) if heard else None,
            seconds_per_grid,
        )
        self._prefixes[grid, frames] = prefix, placed[:, 0].cpu()
        return self._prefixes[grid, frames]

    def _media(self, examples: Sequence[Example]) -> "dict[str, torch.Tensor]":
        import torch

        videos = [example.video for example in examples if example.video]
        spectra = [example.spectrum for example in examples if example.spectrum is not None]
        found = {}
        if videos:
            found["pixel_values_videos"] = torch.cat([video.pixels for video in videos])
            found["video_grid_thw"] = torch.tensor([video.grid for video in videos])
        if spectra:
            lengths = torch.tensor([spectrum.shape[1] for spectrum in spectra])
            found["input_features"] = torch.nn.utils.rnn.pad_sequence(
                [spectrum.T for spectrum in spectra], batch_first=True
            ).transpose(1, 2)
            found["feature_attention_mask"] = (torch.arange(int(lengths.max())) < lengths[:, None]).long()
        return found
