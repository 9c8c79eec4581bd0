"""One training sample: streams, a question about them, and the target answer."""

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from mma_bench.files.faults import first_fault
from mma_bench.schema import Question, Stimulus
from mma_bench.streaming.conflicts import TEXT_CONFLICTS
from mma_bench.streaming.plan import Planned
from mma_bench.streaming.shards import BadSampleError
from mma_bench.streaming.table import ShardTable

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    Stream = bytes | NDArray[np.uint8] | NDArray[np.float32] | torch.Tensor | None


@dataclass(frozen=True)
class StreamSample:
    """Everything that a training step needs.

    Attributes:
        key: the stored sample from which the question and its original streams come.
        question: what to ask: condition, modality, prompt, options, answer, distractor.
        target: what the model should say: the answer, or that there is nothing to see or to hear.
        seconds: length to play.
        video_label: class that the video shows, none for black frames.
        audio_label: class of the audio, none for silence.
        video_key: the sample that lent its video, none for black frames made on the fly.
        audio_key: the sample that lent its audio, none for silence made on the fly.
        video: frames [frames, height, width, 3], uint8, RGB; or, undecoded, the mp4, none for black frames.
        audio: samples [samples], float32, mono, -1 to 1; or, undecoded, the flac, none for silence.
    """

    key: str
    question: Question
    target: str
    seconds: float
    video_label: str | None
    audio_label: str | None
    video_key: str | None
    audio_key: str | None
    video: "Stream"
    audio: "Stream"

    def messages(self) -> list[dict[str, Any]]:
        """Return the sample as a chat: video, audio and prompt from the user, the target from the assistant."""
        content = [
            {"type": "video", "video": self.video},
            {"type": "audio", "audio": self.audio},
            {"type": "text", "text": self.question.prompt},
        ]
        return [
            {"role": "user", "content": content},
            {"role": "assistant", "content": [{"type": "text", "text": self.target}]},
        ]


def make_question(table: ShardTable, planned: Planned, content: bytes) -> Question:
    """Return the question of a planned sample, made from the stored one about its video or its audio.

    Args:
        table: the samples.
        planned: the planned sample.
        content: the `json` member of the sample that provides the question.

    Raises:
        BadSampleError: the member is not a stimulus, or has no question.
    """
    choice = planned.choice
    key = table.key(choice.row)
    try:
        stimulus = Stimulus.model_validate_json(content)
    except ValidationError as error:
        raise BadSampleError("undecodable", f"{key}.json is no stimulus: {first_fault(error).message}") from error
    # Text conditions of a test stimulus are not used: their text is generated here, with a different one each epoch.
    stored = [q for q in stimulus.questions if q.condition == stimulus.condition and q.variant == "standard"]
    asked = [question for question in stored if question.modality is planned.modality] or stored
    if not asked:
        raise BadSampleError("undecodable", f"{key}.json has no question about its own condition {stimulus.condition}")
    generator = random.Random(f"{planned.seed}/question")  # noqa: S311
    question = generator.choice(asked)
    if choice.condition is None:
        return question
    labels = labels_of(table, planned)
    seen, other = labels if question.modality == "visual" else labels[::-1]
    answer = seen or question.answer
    question = question.changed(
        question_id=f"{key}/{choice.condition}/{question.modality}",
        condition=choice.condition,
        answer=answer,
        distractor=other if other != answer else None,
        answerable=seen is not None,
    )
    text = TEXT_CONFLICTS.get(choice.condition)
    return text(question, labels, generator) if text else question


def labels_of(table: ShardTable, planned: Planned) -> tuple[str | None, str | None]:
    """Return the classes of the planned video and audio, none for black frames and silence."""
    choice = planned.choice
    video = None if choice.video is None else table.label(table.video_label, choice.video)
    return video, None if choice.audio is None else table.label(table.audio_label, choice.audio)
