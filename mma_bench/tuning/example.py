"""One question about one clip, made ready for the model on the way out of the stream."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from mma_bench.models.transformers_omni.frames import FrameFormat, Patches, to_patches
from mma_bench.models.transformers_omni.sound import log_mel
from mma_bench.schema import Modality, Question

if TYPE_CHECKING:
    import torch

    from mma_bench.streaming.sample import StreamSample


@dataclass(frozen=True)
class Example:
    """A question with its target and the two streams as the towers take them.

    Attributes:
        question: what is asked, with condition, prompt and options.
        target: what the model should say.
        video: patches of the frames.
        video_key: same key, same frames; names what the vision tower has encoded.
        video_label: class that is seen, none for black frames.
        audio: spectrum of shape [mel bands, frames], float32.
        audio_key: likewise for the sound.
        audio_label: class that is heard, none for silence.
    """

    question: Question
    target: str
    video: Patches
    video_key: str
    video_label: str | None
    audio: "torch.Tensor"
    audio_key: str
    audio_label: str | None

    @property
    def asked(self) -> Modality:
        """The modality that the question asks about."""
        return self.question.modality


@dataclass(frozen=True)
class Emptiness:
    """What the towers take where a modality is removed.

    Attributes:
        black: a patch of black frames, float32.
        silence: a frame of the spectrum of digital silence, float32 of shape [mel bands].
    """

    black: "torch.Tensor"
    silence: "torch.Tensor"


def black_key(grid: tuple[int, int, int]) -> str:
    """Return the key of black frames."""
    return f"black/{grid}"


def silence_key(frames: int) -> str:
    """Return the key of silence."""
    return f"silence/{frames}"


@dataclass(frozen=True)
class Prepare:
    """Makes examples of samples; runs in the worker processes, so it holds nothing that cannot be sent there.

    Attributes:
        frame_format: what the vision tower takes.
        extractor: the feature extractor of the checkpoint.
        silence_follows: see `mma_bench.models.transformers_omni.sound.log_mel`.
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
            video_key=f"{sample.key}/{sample.seconds}" if sample.video_label else black_key(patches.grid),
            video_label=sample.video_label,
            audio=spectrum,
            audio_key=f"{sample.audio_key}/{sample.seconds}" if sample.audio_label else silence_key(spectrum.shape[1]),
            audio_label=sample.audio_label,
        )

    def streams(self, frames: Any, samples: Any) -> "tuple[Patches, torch.Tensor]":
        """Return frames [frames, height, width, 3] and a sound [samples] as the towers take them."""
        spectrum = log_mel(samples, self.extractor, silence_follows=self.silence_follows)
        return to_patches(frames, self.frame_format), spectrum

    def emptiness(self) -> Emptiness:
        """Return what black frames and silence are to the towers."""
        import numpy as np

        frames = np.zeros((self.frame_format.temporal_patch_size, 64, 64, 3), np.uint8)
        silence = log_mel(np.zeros(16_000, np.float32), self.extractor, silence_follows=self.silence_follows)
        return Emptiness(to_patches(frames, self.frame_format).pixels[0], silence[:, 0])
