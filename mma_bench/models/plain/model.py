"""Checkpoints of any family as models under test."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from mma_bench.dataset.load import Sample
from mma_bench.models.answers import Answer
from mma_bench.models.gpus import enough_memory
from mma_bench.models.interface import Model
from mma_bench.models.omni.answering import Asked, Reply
from mma_bench.models.omni.encode_once import AudioStream, VideoStream
from mma_bench.models.omni.model import answers_of, streams_of
from mma_bench.models.omni.settings import Settings, parse_settings
from mma_bench.models.own import timed_answers
from mma_bench.models.plain.loading import load_plain
from mma_bench.schema import Modality


class PlainModel(Model):
    """A local model of any family that gets both streams of a stimulus through its own processor.

    Args:
        checkpoint: name on the hub, or a folder.
        named: class that its config.json names.
        options: settings as text, see `Settings`.

    Raises:
        MMABenchError: the checkpoint cannot be loaded, or an option is invalid.
    """

    uses_gpu = True
    sorts_by_streams = True
    protocol_settings = ("fps",)

    def __init__(self, checkpoint: str, named: str, options: Mapping[str, str] | None = None) -> None:
        self.name = f"transformers:{checkpoint}"
        self.settings: Settings = parse_settings(options or {})
        self.engine, self._identity = load_plain(checkpoint, named, self.settings)

    @property
    def modalities(self) -> Collection[Modality]:
        """What the processor takes."""
        prompts = self.engine.prompts
        return tuple(
            modality
            for modality, takes in ((Modality.VISUAL, prompts.takes_video), (Modality.AUDIO, prompts.takes_audio))
            if takes
        )

    def fingerprint(self) -> dict[str, str]:
        """Return the identity of the weights, code, versions and settings."""
        return {
            "model": self.name,
            **self._identity,
            **self.settings.deciding(),
            "stop tokens": str(self.engine.stop_ids),
            "decoding": "greedy",
        }

    def answer(self, sample: Sample) -> list[Answer]:
        """Answer every question about both streams."""
        replies = self.ask(*streams_of(sample), [Asked(one.prompt, one.options) for one in sample.questions])
        return answers_of(sample.questions, replies, self.settings)

    def answer_all(self, samples: Sequence[Sample]) -> Iterator[tuple[Sample, list[Answer]]]:
        """Answer stimuli in the order of their streams, as other transformers models do."""
        for sample in sorted(samples, key=lambda sample: sample.streams):
            yield sample, timed_answers(sample, self.answer, self.name)

    def ask(self, video: VideoStream | None, audio: AudioStream | None, questions: Sequence[Asked]) -> list[Reply]:
        """Ask about any streams: both, only video, only audio, or none.

        Raises:
            MMABenchError: a stream cannot be used, or the GPU has too little memory.
        """
        with enough_memory(self.name, "fps or max_new_tokens"):
            return self.engine.answer(video, audio, questions)
