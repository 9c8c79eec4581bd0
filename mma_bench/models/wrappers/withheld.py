"""`+blind`, `+deaf`, `+textonly`: a stream is withheld from every question, also from those about it.

Black frames of the same form instead of the video, silence of the same length instead of the audio: the streams of the
conditions `frames_zeroed` and `audio_removed`. What such a model answers rightly about the withheld stream, it did not
see or hear: it follows from the other stream, the text, the options or how often a class is right. The share is a
shortcut in the data (Goyal et al., "Making the V in VQA Matter", arXiv 1612.00837, ask a visual benchmark without
pictures). An evaluation asks all questions; `mma-bench interference` leaves out those that cannot be answered.

`+solo` withholds the stream that is not asked about, which is another question: what routing alone would give.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import ClassVar

from mma_bench.dataset.load import Sample
from mma_bench.models.checks import Check, CheckAnswer
from mma_bench.models.interface import Answer, Model
from mma_bench.models.wrappers.solo import without
from mma_bench.models.wrappers.wrapper import Wrapper, wrapper
from mma_bench.schema import Modality


class Withheld(Wrapper):
    """A model that is not given some modalities.

    Attributes:
        withheld: what it is not given.
    """

    withheld: ClassVar[Collection[Modality]]

    def __init__(self, model: Model, **settings: float) -> None:
        super().__init__(model, **settings)
        self.sorts_by_streams = False  # the streams that the other model sorts by are not those of the stimuli

    @property
    def modalities(self) -> Collection[Modality]:
        """What of a stimulus the other model is given and this one still is."""
        return tuple(modality for modality in self.model.modalities if modality not in self.withheld)

    def answer_all(self, samples: Sequence[Sample]) -> Iterator[tuple[Sample, list[Answer]]]:
        """Answer ``samples`` from what is left of them."""
        asked = {sample.stimulus.key: sample for sample in samples}
        for part, answers in self.model.answer_all([self._shown(sample) for sample in samples]):
            self._count()
            # Fewer questions than were asked if a server failed.
            yield replace(asked[part.stimulus.key], questions=part.questions), answers

    def check_all(
        self, requests: Sequence[tuple[Sample, Sequence[Check]]]
    ) -> Iterator[tuple[Sample, list[CheckAnswer]]]:
        """Answer the checks of each stimulus from what is left of it."""
        asked = {sample.stimulus.key: sample for sample, _ in requests}
        for part, answers in self.model.check_all([(self._shown(sample), checks) for sample, checks in requests]):
            self._count()
            yield asked[part.stimulus.key], answers

    def _shown(self, sample: Sample) -> Sample:
        for modality in self.withheld:
            sample = without(sample, modality)
        return sample


@wrapper
class Blind(Withheld):
    """+blind: black frames instead of the video, for every question."""

    suffix = "blind"
    withheld = (Modality.VISUAL,)


@wrapper
class Deaf(Withheld):
    """+deaf: silence instead of the audio, for every question."""

    suffix = "deaf"
    withheld = (Modality.AUDIO,)


@wrapper
class TextOnly(Withheld):
    """+textonly: black frames and silence, so that the text alone is left."""

    suffix = "textonly"
    withheld = (Modality.VISUAL, Modality.AUDIO)
