"""What a report says about the data, before any model: counts, chance and majority."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mma_bench.dataset.layout import conditions_in_order
from mma_bench.dataset.load import Benchmark
from mma_bench.files.text import visible
from mma_bench.questions.detection import detects
from mma_bench.questions.prompts import NONE_OF_THE_ABOVE
from mma_bench.schema import CONDITIONS, Modality


@dataclass(frozen=True)
class ConditionFacts:
    """A condition as the data has it."""

    name: str
    description: str
    stimuli: int
    questions: int

    @property
    def title(self) -> str:
        """The name in words."""
        return self.name.replace("_", " ")


@dataclass(frozen=True)
class DataFacts:
    """The data of a report; counts are of the questions that the runs were to answer.

    Attributes:
        name: of the folder or of the dataset on the hub.
        sha256: of the stimuli.
        split: ``test`` or ``train``.
        clips: number of clips.
        clip_ids: their ids.
        stimuli: number of stimuli.
        questions: number of questions.
        classes: the options, without "None of the above".
        conditions: what was asked under which condition.
    """

    name: str
    sha256: str
    split: str
    clips: int
    clip_ids: Sequence[str]
    stimuli: int
    questions: int
    classes: Sequence[str]
    conditions: Sequence[ConditionFacts]


@dataclass(frozen=True)
class Reference:
    """What one condition and modality would give without either stream.

    Attributes:
        questions: how many there are.
        answerable: false where the asked modality was removed.
        chance: share that guessing among the options gets right.
        majority: share that always naming the most frequent class gets right.
        majority_class: that class.
        classes: classes that occur as answers: always naming one scores 1 / classes in the macro average.
    """

    condition: str
    modality: Modality
    questions: int
    answerable: bool
    chance: float
    majority: float
    majority_class: str
    classes: int


def data_facts(benchmark: Benchmark, data: str | Path, split: str) -> DataFacts:
    """Describe ``benchmark``, which was loaded from ``data``."""
    stimuli = [sample.stimulus for sample in benchmark.samples]
    questions = [question for sample in benchmark.samples for question in sample.questions]
    asked = Counter(question.condition for question in questions)
    carrying = Counter(name for s in benchmark.samples for name in {q.condition for q in s.questions})
    offered = (option for q in questions if detects(q) is None for option in q.options)
    clips = {stream.clip_id for s in stimuli for stream in (s.video, s.audio) if stream.clip_id is not None}
    # A folder is published by its name; its place on this machine is private.
    name = Path(data).resolve().name if Path(data).exists() else str(data)
    return DataFacts(
        name=visible(name, one_line=True),
        sha256=benchmark.fingerprint,
        split=split,
        clips=len(clips),
        clip_ids=sorted(clips),
        stimuli=len(stimuli),
        questions=len(questions),
        classes=[name for name in dict.fromkeys(offered) if name != NONE_OF_THE_ABOVE],
        conditions=[
            ConditionFacts(name, _description(name), carrying[name], asked[name])
            for name in conditions_in_order(set(asked))
        ],
    )


def references(benchmark: Benchmark, variants: Sequence[str]) -> list[Reference]:
    """Return one reference for each condition and modality, in the order of the tables.

    Graded conditions have none: an average over doses means nothing, and their curves show more.

    Args:
        benchmark: all questions.
        variants: wordings that the headline numbers average over.
    """
    questions = [
        question
        for sample in benchmark.samples
        for question in sample.questions
        if question.variant in variants and sample.stimulus.level is None
    ]
    made = []
    for condition in conditions_in_order({question.condition for question in questions}):
        for modality in Modality:
            group = [q for q in questions if q.condition == condition and q.modality is modality]
            if not group:
                continue
            counts = Counter(question.answer for question in group)
            top = max(counts, key=lambda label: (counts[label], label))
            made.append(
                Reference(
                    condition=condition,
                    modality=modality,
                    questions=len(group),
                    answerable=group[0].answerable,
                    chance=sum(1 / len(question.options) for question in group) / len(group),
                    majority=counts[top] / len(group),
                    majority_class=top,
                    classes=len(counts),
                )
            )
    return made


def _description(name: str) -> str:
    return CONDITIONS[name].description if name in CONDITIONS else ""
