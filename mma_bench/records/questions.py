"""The questions of a benchmark as a DataFrame."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mma_bench.dataset.layout import conditions_in_order
from mma_bench.dataset.load import Benchmark, Sample
from mma_bench.questions import STANDARD
from mma_bench.records.columns import categories, encodable, numbers, texts
from mma_bench.schema import CONDITIONS, Modality, Question, Stimulus

if TYPE_CHECKING:
    import pandas as pd

Asked = Sequence[tuple[Sample, Question]]
"""Questions with their stimuli, one for each row of a frame."""


def questions_frame(benchmark: Benchmark) -> "pd.DataFrame":
    """Return one row for each question of ``benchmark``; docs/frames.md lists the columns."""
    import pandas as pd

    rows = [(sample, question) for sample in benchmark.samples for question in sample.questions]
    columns = question_columns(rows, classes_of(benchmark))
    columns["prompt"] = texts(question.prompt for _, question in rows)
    columns["split"] = categories((sample.stimulus.split for sample, _ in rows), ("test", "train"))
    columns["stimulus_seconds"] = numbers(sample.stimulus.seconds for sample, _ in rows)
    return pd.DataFrame(columns)


def question_columns(rows: Asked, classes: Sequence[str]) -> "dict[str, pd.Series[Any]]":
    """Return the columns that describe questions, which frames of questions and of answers share."""
    import pandas as pd

    stimuli = [sample.stimulus for sample, _ in rows]
    questions = [question for _, question in rows]
    conditions = conditions_in_order({*CONDITIONS, *(question.condition for question in questions)})
    return {
        "question_id": texts(question.question_id for question in questions),
        "key": texts(stimulus.key for stimulus in stimuli),
        "clip_id": texts(asked_clip(stimulus, question) for stimulus, question in zip(stimuli, questions, strict=True)),
        "video_clip_id": texts(stimulus.video.clip_id for stimulus in stimuli),
        "audio_clip_id": texts(stimulus.audio.clip_id for stimulus in stimuli),
        "condition": categories((question.condition for question in questions), conditions),
        "level": numbers(stimulus.level for stimulus in stimuli),
        "modality": categories((str(question.modality) for question in questions), [str(name) for name in Modality]),
        "variant": categories((question.variant for question in questions), (STANDARD,)),
        "visual_label": categories((stimulus.video.label for stimulus in stimuli), classes),
        "audio_label": categories((stimulus.audio.label for stimulus in stimuli), classes),
        "answer": categories((question.answer for question in questions), classes),
        "distractor": categories((question.distractor for question in questions), classes),
        "answerable": pd.Series([question.answerable for question in questions], dtype=bool),
        "options": _options(questions),
    }


def classes_of(benchmark: Benchmark) -> list[str]:
    """Return all names that a class column can hold: the options of all questions and the labels of all streams.

    One order for all class columns, because pandas compares categories only with others of the same set.
    """
    stimuli = [sample.stimulus for sample in benchmark.samples]
    questions = [question for sample in benchmark.samples for question in sample.questions]
    options = {tuple(question.options) for question in questions}
    names: set[str | None] = {name for names in options for name in names}
    names.update(stream.label for stimulus in stimuli for stream in (stimulus.video, stimulus.audio))
    names.update(name for question in questions for name in (question.answer, question.distractor))
    return sorted(name for name in names if name is not None)


def asked_clip(stimulus: Stimulus, question: Question) -> str | None:
    """Return the clip that ``question`` is about: that of the asked stream, or, where it was removed, of the other."""
    own, other = stimulus.video.clip_id, stimulus.audio.clip_id
    if question.modality is Modality.AUDIO:
        own, other = other, own
    return own or other


def _options(questions: Sequence[Question]) -> "pd.Series[Any]":
    """Return the options as tuples; questions with the same options share one."""
    import pandas as pd

    known: dict[tuple[str, ...], tuple[str, ...]] = {}
    found = []
    for question in questions:
        options = tuple(question.options)
        if options not in known:
            known[options] = tuple(encodable(name) for name in options)
        found.append(known[options])
    return pd.Series(found, dtype=object)
