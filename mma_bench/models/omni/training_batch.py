"""Training batches of an Omni model, token for token the same as in an evaluation."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mma_bench.models.omni.chat import Chat
from mma_bench.models.omni.conversation import Conversation, Kind, Layout
from mma_bench.models.omni.frames import FrameFormat, Patches, scale, to_patches
from mma_bench.models.omni.layout import Arrangement
from mma_bench.models.omni.sound import log_mel
from mma_bench.models.omni.thinker import Thinker

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Exchange:
    """A question about video, audio, both or neither, and its target.

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
    """Makes the inputs of `thinker.model(**inputs)` from exchanges.

    Attributes:
        thinker: the model.
        chat: turns conversations into tokens.
        extractor: makes spectra.
        frame_format: input format of the vision encoder.
        fps: frames per second of the videos.
        layout: order of video, audio and question, see `Settings.layout`.
    """

    thinker: Thinker
    chat: Chat
    extractor: Any
    frame_format: FrameFormat
    fps: float
    layout: Arrangement = "interleaved"

    def see(self, frames: "NDArray[np.uint8]") -> Patches:
        """Return a video, uint8 of shape [frames, height, width, 3], in the format of the vision encoder."""
        return to_patches(frames, self.frame_format)

    def scale(self, frames: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
        """Return frames in the size of the vision encoder, for storage: `see` gives the same result for both."""
        scaled: NDArray[np.uint8] = scale(frames, self.frame_format).permute(0, 2, 3, 1).numpy()
        return scaled

    def hear(self, samples: "NDArray[np.float32]") -> "torch.Tensor":
        """Return audio, float32 of shape [samples] at 16 kHz, in the format of the audio encoder: [bands, frames]."""
        return log_mel(samples, self.extractor, silence_follows=self.thinker.silence_follows_sound)

    def __call__(self, exchanges: Sequence[Exchange]) -> "dict[str, Any]":
        """Return input ids, positions, masks, media and labels; rows are padded on the right."""
        rows = self._conversation.batch([self._row(exchange) for exchange in exchanges])
        inputs = {
            "input_ids": rows.ids,
            "attention_mask": (rows.kinds != Kind.PADDING).long(),
            "position_ids": rows.positions,
            "labels": rows.labels,
            **self._media(exchanges),
        }
        return {name: value.to(self.thinker.device) for name, value in inputs.items()}

    def _row(self, exchange: Exchange) -> Layout:
        video, spectrum = exchange.video, exchange.spectrum
        frames = 0 if spectrum is None else spectrum.shape[1]
        return self._conversation.whole(video.grid if video else None, frames, exchange.prompt, exchange.target)

    @functools.cached_property
    def _conversation(self) -> Conversation:
        return Conversation(self.thinker, self.chat, self.frame_format.temporal_patch_size / self.fps, self.layout)

    def _media(self, exchanges: Sequence[Exchange]) -> "dict[str, torch.Tensor]":
        import torch

        videos = [exchange.video for exchange in exchanges if exchange.video]
        spectra = [exchange.spectrum for exchange in exchanges if exchange.spectrum is not None]
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
