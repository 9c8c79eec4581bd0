"""Asks a model AVHBench's questions: yes/no questions as checks, captions as questions without options."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from pydantic import Field

from mma_bench.avhbench.protocol import protocol
from mma_bench.avhbench.questions import Row
from mma_bench.avhbench.videos import Video
from mma_bench.console.interruption import Interruption
from mma_bench.dataset.load import Sample
from mma_bench.evaluation.store import StoredAnswer
from mma_bench.files.hashing import sha256_json
from mma_bench.models import Answer, Check, Model
from mma_bench.models.checks import NO, YES, CheckAnswer
from mma_bench.schema import Modality, Question

Place = tuple[str, str]
"""Video and name of a question; rows that ask the same question share one."""


class CaptionRequest(Question):
    """A request for free text."""

    options: list[str] = Field(default=[], max_length=0)


class Questions:
    """The questions of some rows, each asked once.

    Args:
        rows: rows of the questions' file.
        videos: the available videos by id; rows about others are not asked.
        model: the model.
        fingerprint: fingerprint of the model.
    """

    def __init__(
        self, rows: Sequence[Row], videos: Mapping[str, Video], model: Model, fingerprint: Mapping[str, str]
    ) -> None:
        self.model = model
        self._samples = {video_id: video.sample() for video_id, video in videos.items()}
        self._rows = {
            (row.video_id, row.name): row
            for row in rows
            if row.video_id in videos and (model.writes or not _is_caption(row))
        }
        self._ids = {place: self._answer_id(row, fingerprint) for place, row in self._rows.items()}
        self._classes: dict[str, list[str]] = {}
        for row in self._rows.values():
            self._classes.setdefault(row.task, []).append(row.asked_object)
        self._classes = {task: sorted(set(names) - {""}) for task, names in self._classes.items()}

    def __len__(self) -> int:
        return len(self._rows)

    def open(self, stored: Mapping[str, StoredAnswer]) -> list[Row]:
        """Return the questions without an answer among ``stored``."""
        return [row for place, row in self._rows.items() if self._ids[place] not in stored]

    def texts(self, stored: Mapping[str, StoredAnswer]) -> dict[Place, str]:
        """Return the raw answers by video and name of the question."""
        return {place: stored[name].text for place, name in self._ids.items() if name in stored}

    def ask(self, rows: Sequence[Row], interruption: Interruption) -> Iterator[list[StoredAnswer]]:
        """Ask ``rows`` and yield the answers about a video as soon as they are available.

        After an ``interruption`` nothing new is asked.
        """
        self.model.prepare([_question(row, row.label) for row in self._rows.values() if not _is_caption(row)])
        checks: dict[str, list[Check]] = {}
        captions: dict[str, list[Question]] = {}
        for row in rows:
            if _is_caption(row):
                captions.setdefault(row.video_id, []).append(_caption_request(row))
            else:
                checks.setdefault(row.video_id, []).append(self._check(row))
        requests = [(self._samples[video_id], asked) for video_id, asked in checks.items()]
        for sample, answers in self.model.check_all(requests) if requests else ():
            yield [self._stored(sample, answer.name, answer, answer.yes_probability) for answer in answers]
        if interruption:
            return
        wanted = [_with_questions(self._samples[video_id], asked) for video_id, asked in captions.items()]
        for sample, said in self.model.answer_all(wanted) if wanted else ():
            yield [self._stored(sample, answer.question_id.partition("/")[2], answer, None) for answer in said]

    def _check(self, row: Row) -> Check:
        modality = protocol().tasks[row.task].modality or Modality.VISUAL
        return Check(row.name, modality, row.asked_object, row.prompt, self._classes[row.task])

    def _stored(self, sample: Sample, name: str, said: CheckAnswer | Answer, yes: float | None) -> StoredAnswer:
        video_id = str(sample.stimulus.video.clip_id)
        scores = {} if yes is None else {YES: math.log(max(yes, 1e-12)), NO: math.log(max(1 - yes, 1e-12))}
        return StoredAnswer(
            id=self._ids[video_id, name],
            question_id=f"{video_id}/{name}",
            text=said.text,
            option_scores={option: round(value, 6) for option, value in scores.items()},
            finish_reason=said.finish_reason,
            reasoning=said.reasoning,
        )

    def _answer_id(self, row: Row, fingerprint: Mapping[str, str]) -> str:
        stimulus = self._samples[row.video_id].stimulus
        media = [stimulus.video.sha256, stimulus.audio.sha256, stimulus.seconds]
        return sha256_json([media, row.name, row.prompt, dict(fingerprint)])


def _is_caption(row: Row) -> bool:
    return protocol().tasks[row.task].asks == "caption"


def _question(row: Row, answer: str) -> Question:
    return Question(
        question_id=f"{row.video_id}/{row.name}",
        condition=row.task,
        modality=protocol().tasks[row.task].modality or Modality.VISUAL,
        prompt=row.prompt,
        options=[YES, NO],
        answer=answer,
        distractor=None,
        answerable=True,
    )


def _caption_request(row: Row) -> Question:
    plain = _question(row, row.label)
    return CaptionRequest(**{**plain.model_dump(), "options": []})


def _with_questions(sample: Sample, questions: list[Question]) -> Sample:
    return replace(sample, questions=questions, stimulus=sample.stimulus.changed(questions=questions))
