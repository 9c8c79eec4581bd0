"""Questions that depend on a text, or on both streams together, instead of one stream.

The second paper (arXiv 2505.19616) mixes tasks that depend on the image, on the text, or on both. Here, a question
about one modality is the first kind, and these are the other two. A new task is a function with a decorator.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mma_bench.errors import MMABenchError
from mma_bench.files.faults import first_fault
from mma_bench.questions import prompts
from mma_bench.registry import Registry
from mma_bench.schema import Modality, Prompt, Question
from mma_bench.tuning.example import Asked, Example

ALIGNED, MISALIGNED = "aligned", "misaligned"

_SENTENCES = (
    "My neighbour talked about {} all evening.",
    "The word at the top of the page is {}.",
    "She wrote a short story called {}.",
    "The next chapter of the book is about {}.",
)
_SAME = "Do the visual content and the audio content of this video show the same class?"
_YES_OR_NO = ("Yes", "No")


class TextQuestion(BaseModel):
    """A question that can be answered from its text: a line of the file `data.text_questions`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    question: str = Field(min_length=1, max_length=100_000)
    options: tuple[str, ...] = Field(min_length=2, max_length=1000)
    answer: str

    @model_validator(mode="after")
    def _answer_is_an_option(self) -> "TextQuestion":
        if self.answer not in self.options:
            raise ValueError("the answer must be one of the options")
        return self


@dataclass(frozen=True)
class Task:
    """A kind of question.

    Attributes:
        clips: condition of the clips that it is asked about, per modality: every clip of a mix comes with two
            questions.
        ask: returns an example with the task's question instead of its own.
    """

    clips: Mapping[Modality, str]
    ask: Callable[[Example, Sequence[TextQuestion], random.Random], Example]


TASKS: Registry[Task] = Registry("task", "tasks")


def task(visual: str = ALIGNED, audio: str = ALIGNED) -> Callable[..., Callable[..., Example]]:
    """Register a function as the task of its name, about clips of these conditions."""

    def register(function: Callable[..., Example]) -> Callable[..., Example]:
        TASKS.add(function.__name__, Task({Modality.VISUAL: visual, Modality.AUDIO: audio}, function), function)
        return function

    return register


@task()
def text_question(example: Example, given: Sequence[TextQuestion], generator: random.Random) -> Example:
    """A question that its text answers, so that video and audio are irrelevant; from the user's file, or made here."""
    if given:
        chosen = generator.choice(given)
    else:
        classes = example.question.options
        shown = {example.video_label, example.audio_label}
        answer = generator.choice([name for name in classes if name not in shown] or list(classes))
        sentence = generator.choice(_SENTENCES).format(answer)
        text = f"Which class does the following sentence name? {sentence}"
        chosen = TextQuestion(question=text, options=tuple(classes), answer=answer)
    return _asking(example, Asked.TEXT, chosen.question, chosen.options, chosen.answer)


@task(audio=MISALIGNED)
def both_modalities(example: Example, given: Sequence[TextQuestion], generator: random.Random) -> Example:
    """Whether video and audio show the same class, which needs both."""
    same = example.video_label == example.audio_label
    return _asking(example, Asked.BOTH, _SAME, _YES_OR_NO, _YES_OR_NO[0 if same else 1])


def apply_task(name: str, example: Example, given: Sequence[TextQuestion]) -> Example:
    """Return an example with the task's question; the same one for the same example."""
    seed = f"{name}/{example.question.modality}/{example.video_key}/{example.audio_key}"
    made = TASKS[name].ask(example, given, random.Random(seed))  # noqa: S311
    question_id = f"{example.question.question_id}/{name}"
    return replace(made, question=made.question.changed(question_id=question_id, condition=name))


def read_text_questions(path: Path) -> list[TextQuestion]:
    """Read a JSONL file of `question`, `options` and `answer`.

    Raises:
        MMABenchError: the file or one of its lines is invalid.
    """
    found: list[TextQuestion] = []
    number = 0
    try:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                number += 1
                if line.strip():
                    found.append(TextQuestion.model_validate_json(line))
    except ValidationError as error:
        raise MMABenchError(
            f"{path}, line {number}: {first_fault(error)}; write "
            '{"question": ..., "options": [...], "answer": ...} on each line'
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise MMABenchError(f"data.text_questions: {path} cannot be read: {error}") from error
    if not found:
        raise MMABenchError(f"data.text_questions: {path} contains no questions")
    return found


def _asking(example: Example, asked: Asked, text: str, options: Sequence[str], answer: str) -> Example:
    suffix = prompts.CLASS_NAME_SUFFIX if tuple(options) == tuple(example.question.options) else prompts.CAPTION_SUFFIX
    parts = Prompt(question=f"{prompts.doubled(text)} {prompts.OPTIONS} {{suffix}}", suffix=suffix)
    question = Question(
        question_id=example.question.question_id,
        condition=example.question.condition,
        modality=example.question.modality,
        prompt=prompts.render(parts, options),
        parts=parts,
        options=list(options),
        answer=answer,
        distractor=None,
        answerable=True,
    )
    return replace(example, question=question, target=answer, asked=asked)
