"""Batches of tensors from samples of different lengths."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from mma_bench.errors import MMABenchError
from mma_bench.schema import Question
from mma_bench.streaming.sample import StreamSample

if TYPE_CHECKING:
    import torch


class TensorBatch(TypedDict):
    """A batch of B samples. A dictionary, so that `pin_memory` and trainers move its tensors.

    Attributes:
        video: [B, frames, height, width, 3], uint8, RGB; black after the end of a shorter video.
        frames: [B], int64: number of frames before padding.
        audio: [B, samples], float32, mono, -1 to 1; zero after the end of shorter audio.
        samples: [B], int64: number of audio samples before padding.
        prompt: what to ask, B texts.
        target: what the model should say, B texts.
        question: the questions, with condition, modality, options, answer and distractor.
        key: keys of the samples.
    """

    video: "torch.Tensor"
    frames: "torch.Tensor"
    audio: "torch.Tensor"
    samples: "torch.Tensor"
    prompt: list[str]
    target: list[str]
    question: list[Question]
    key: list[str]


def collate_tensors(samples: Sequence[StreamSample]) -> TensorBatch:
    """Return samples as one batch, padded at the end to the longest.

    For `torch.utils.data.DataLoader(collate_fn=...)` and `StreamLoader(collate=...)`.

    Args:
        samples: B samples of a stream with output `tensors` or `arrays`.

    Raises:
        MMABenchError: the samples are not decoded, or their frames differ in size.
    """
    import torch

    for sample in samples:
        if not isinstance(sample, StreamSample) or isinstance(sample.video, bytes | None):
            raise MMABenchError(
                "only decoded samples can be batched as tensors: give output='tensors' to mma_bench.stream, or "
                "collate_fn=list to DataLoader to get lists of samples"
            )
    videos = [torch.as_tensor(sample.video) for sample in samples]
    sounds = [torch.as_tensor(sample.audio) for sample in samples]
    if len(sizes := {tuple(video.shape[1:3]) for video in videos}) > 1:
        found = ", ".join(f"{height} x {width}" for height, width in sorted(sizes))
        raise MMABenchError(
            f"frames of one batch must have one size, these have {found}: give size to mma_bench.stream"
        )
    return {
        "video": torch.nn.utils.rnn.pad_sequence(videos, batch_first=True),
        "frames": torch.tensor([len(video) for video in videos]),
        "audio": torch.nn.utils.rnn.pad_sequence(sounds, batch_first=True),
        "samples": torch.tensor([len(sound) for sound in sounds]),
        "prompt": [sample.question.prompt for sample in samples],
        "target": [sample.target for sample in samples],
        "question": [sample.question for sample in samples],
        "key": [sample.key for sample in samples],
    }


def make_default() -> None:
    """Make torch's default collate function use `collate_tensors` for samples of a stream; it rejects their class."""
    from torch.utils.data._utils.collate import default_collate_fn_map

    def collate(samples: Sequence[StreamSample], *, collate_fn_map: Any = None) -> TensorBatch:
        return collate_tensors(samples)

    default_collate_fn_map[StreamSample] = collate
