"""One question about one clip, prepared for the model as it leaves the stream."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, cast

from mma_bench.models.omni.frames import FrameFormat, Patches, to_patches
from mma_bench.models.omni.sound import log_mel
from mma_bench.schema import Question
from mma_bench.tuning.fillers import Fillers, black_key, silence_key

if TYPE_CHECKING:
    import torch

    from mma_bench.streaming.sample import StreamSample


class Asked(StrEnum):
    """What the answer of a question depends on."""

    VISUAL = "visual"
    AUDIO = "audio"
    TEXT = "text"
    BOTH = "both"
    """Video and audio together."""


@dataclass(frozen=True)
class Example:
    """A question with its target and the two streams as the towers take them.

    Attributes:
        question: what is asked, with condition, prompt and options.
        target: what the model should say.
        video: patches of the frames.
        video_key: equal keys mean equal frames; identifies what the vision tower has encoded.
        video_label: class of the video, none for black frames.
        audio: spectrum of shape [mel bands, frames], float32.
        audio_key: the same for the audio.
        audio_label: class of the audio, none for silence.
        asked: what the answer depends on.
    """

    question: Question
    target: str
    video: Patches
    video_key: str
    video_label: str | None
    audio: "torch.Tensor"
    audio_key: str
    audio_label: str | None
    asked: Asked


@dataclass(frozen=True)
class Prepare:
    """Makes examples from samples. Runs in the worker processes, so it contains nothing that cannot be sent there.

    Attributes:
        frame_format: what the vision tower takes.
        extractor: the feature extractor of the checkpoint.
        silence_follows: see `mma_bench.models.omni.sound.log_mel`.
    """

    frame_format: FrameFormat
    extractor: Any
    silence_follows: bool

    def __call__(self, sample: "StreamSample") -> Example:
        """Return the example of a decoded sample.

        Raises:
            MMABenchError: a stream cannot be used by the model.
        """
        video, audio = cast("Any", sample.video), cast("Any", sample.audio)
        patches, spectrum = self.streams(video, audio)
        return Example(
            question=sample.question,
            target=sample.target,
            video=patches,
            video_key=f"{sample.video_key}/{sample.seconds}" if sample.video_label else black_key(patches.grid),
            video_label=sample.video_label,
            audio=spectrum,
            audio_key=f"{sample.audio_key}/{sample.seconds}" if sample.audio_label else silence_key(spectrum.shape[1]),
            audio_label=sample.audio_label,
            asked=Asked(sample.question.modality),
        )

    def streams(self, frames: Any, samples: Any) -> "tuple[Patches, torch.Tensor]":
        """Return frames [frames, height, width, 3] and audio [samples] in the form that the towers take."""
        spectrum = log_mel(samples, self.extractor, silence_follows=self.silence_follows)
        return to_patches(frames, self.frame_format), spectrum

    def fillers(self) -> Fillers:
        """Return black, white and noise frames, silence and audio noise in the form that the towers take."""
        import numpy as np

        depth, side = self.frame_format.temporal_patch_size, 64
        black, white = (
            to_patches(np.full((depth, side, side, 3), level, np.uint8), self.frame_format).pixels[0]
            for level in (0, 255)
        )
        silence = log_mel(np.zeros(16_000, np.float32), self.extractor, silence_follows=self.silence_follows)
        samples = np.random.default_rng(0).uniform(-0.1, 0.1, 10 * 16_000).astype(np.float32)
        noise = log_mel(samples, self.extractor, silence_follows=self.silence_follows)
        return Fillers(black, white, silence[:, 0], noise)
