"""Omni models of the transformers library as models under test."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from mma_bench.dataset.load import Sample
from mma_bench.errors import MMABenchError
from mma_bench.models.answers import Answer
from mma_bench.models.gpus import enough_memory
from mma_bench.models.interface import Model
from mma_bench.models.omni.answering import Asked, Reply
from mma_bench.models.omni.checkpoint import check_checkpoint, load_checkpoint, other_family
from mma_bench.models.omni.encode_once import AudioStream, VideoStream
from mma_bench.models.omni.settings import Settings, parse_settings
from mma_bench.models.omni.several import Stimulus, answer_several
from mma_bench.models.own import timed_answers
from mma_bench.schema import Question


class TransformersOmni(Model):
    """A local Omni model that gets both streams of a stimulus at the same time.

    Args:
        checkpoint: name on the hub, or a folder.
        options: settings as text, see `Settings`.

    Raises:
        MMABenchError: the checkpoint cannot be loaded, or an option is invalid.
    """

    uses_gpu = True
    sorts_by_streams = True
    protocol_settings = ("fps", "layout")

    @classmethod
    def preview(cls, rest: str, options: Mapping[str, str]) -> str:
        """Check packages, options and the checkpoint's folder or name, without loading weights."""
        settings = parse_settings(options)
        found = check_checkpoint(rest)
        named = other_family(rest, settings)
        return f"{found}, a {named} through its own processor" if named else found

    @classmethod
    def takes_gpu(cls, options: Mapping[str, str]) -> bool:
        """Return whether it is loaded onto a GPU if there is one: not if the options say CPU."""
        return parse_settings(options).device_map != "cpu"

    @classmethod
    def make(cls, rest: str, options: Mapping[str, str]) -> Model:
        """Return the checkpoint called ``rest``, through its own processor if our code does not know its family."""
        if named := other_family(rest, parse_settings(options), look=True):
            from mma_bench.models.plain.model import PlainModel

            return PlainModel(rest, named, options)
        return cls(rest, options)

    def __init__(self, checkpoint: str, options: Mapping[str, str] | None = None) -> None:
        self.name = f"transformers:{checkpoint}"
        self.settings: Settings = parse_settings(options or {})
        if not checkpoint:
            raise MMABenchError("name a checkpoint, such as `transformers:Qwen/Qwen2.5-Omni-7B` or a folder")
        self.engine, self._identity = load_checkpoint(checkpoint, self.settings)

    def fingerprint(self) -> dict[str, str]:
        """Return the identity of the weights, versions and settings."""
        return {
            "model": self.name,
            **self._identity,
            **self.settings.deciding(),
            "stop tokens": str(self.engine.answering.stop_ids),
            "decoding": "greedy",
        }

    def answer(self, sample: Sample) -> list[Answer]:
        """Answer every question about both streams, encoded once."""
        video, audio = streams_of(sample)
        replies = self.ask(video, audio, [Asked(question.prompt, question.options) for question in sample.questions])
        return self.answers(sample.questions, replies)

    def answers(self, questions: Sequence[Question], replies: Sequence[Reply]) -> list[Answer]:
        """Return replies to ``questions``, in their order, as answers."""
        return answers_of(questions, replies, self.settings)

    def answer_all(self, samples: Sequence[Sample]) -> Iterator[tuple[Sample, list[Answer]]]:
        """Answer stimuli with the same video consecutively, so that it is encoded once for all conditions."""
        ordered = sorted(samples, key=lambda sample: sample.streams)
        size = self.settings.batch_stimuli
        for start in range(0, len(ordered), size):
            if size > 1:
                yield from self._answer_several(ordered[start : start + size])
            else:
                yield ordered[start], timed_answers(ordered[start], self.answer, self.name)

    def _answer_several(self, samples: Sequence[Sample]) -> Iterator[tuple[Sample, list[Answer]]]:
        """Answer stimuli in one batch; each answer takes the same share of the time."""
        began = time.perf_counter()
        asked = [[Asked(question.prompt, question.options) for question in sample.questions] for sample in samples]
        stimuli = [Stimulus(*streams_of(sample), these) for sample, these in zip(samples, asked, strict=True)]
        with self.enough_memory():
            replies = answer_several(self.engine, stimuli)
        share = (time.perf_counter() - began) / max(1, sum(map(len, asked)))
        for sample, found in zip(samples, replies, strict=True):
            yield sample, [replace(answer, seconds=share) for answer in self.answers(sample.questions, found)]

    def ask(self, video: VideoStream | None, audio: AudioStream | None, questions: Sequence[Asked]) -> list[Reply]:
        """Ask about any streams: both, only video, or only audio.

        Raises:
            MMABenchError: there is no stream, one cannot be used, or the GPU has too little memory.
        """
        with self.enough_memory():
            return self.engine.answer(video, audio, questions)

    def enough_memory(self) -> AbstractContextManager[None]:
        """Raise a clear error if the block needs more memory than the GPU has."""
        several = f"batch_stimuli (now {self.settings.batch_stimuli}), " if self.settings.batch_stimuli > 1 else ""
        return enough_memory(self.name, f"{several}batch_size (now {self.settings.batch_size}), max_pixels or fps")


def answers_of(questions: Sequence[Question], replies: Sequence[Reply], settings: Settings) -> list[Answer]:
    """Return replies to ``questions``, in their order, as answers."""
    return [
        Answer(
            question.question_id,
            reply.text,
            reply.option_scores,
            reply.option_tokens,
            input_tokens=reply.input_tokens,
            output_tokens=len(reply.token_ids),
            finish_reason="length" if len(reply.token_ids) >= settings.max_new_tokens else "stop",
        )
        for question, reply in zip(questions, replies, strict=True)
    ]


def streams_of(sample: Sample) -> tuple[VideoStream, AudioStream]:
    """Return the two streams of a stimulus, named by their content and the length that is played."""
    stimulus, media = sample.stimulus, sample.media
    return (
        VideoStream(f"{stimulus.video.sha256}/{stimulus.seconds}", media.frames),
        AudioStream(f"{stimulus.audio.sha256}/{stimulus.seconds}", media.audio),
    )
