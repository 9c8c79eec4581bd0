"""Questions about a text or about both streams, captions that tell the truth, and how they get into a mix."""

import json
import random
from pathlib import Path

import pytest

from mma_bench import MMABenchError
from mma_bench.questions import prompts
from mma_bench.schema import Modality, Question
from mma_bench.streaming.conflicts import TEXT_CONFLICTS
from mma_bench.tuning.example import Asked, Example
from mma_bench.tuning.mix import Mixture
from mma_bench.tuning.model import load_for_tuning
from mma_bench.tuning.tasks import read_text_questions
from tests.tuning.test_tune import base, tiny  # noqa: F401  (a fixture)

MIX = "data.mix=[{clips: {text_question: 2, both_modalities: 2, true_caption: 1}}]"


def steps(demo: Path, base: Path, *changes: str) -> list[Example]:  # noqa: F811
    settings = tiny(demo, base, MIX, "held_out=null", *changes)
    mixture = Mixture(settings, load_for_tuning(settings).prepare)
    return [example for step in range(4) for example in mixture.step(step)]


def test_a_mix_of_tasks(demo: Path, base: Path) -> None:  # noqa: F811
    examples = steps(demo, base)
    assert [one.question for one in examples] == [one.question for one in steps(demo, base)]  # the same draws
    both, text, caption = (
        [one for one in examples if one.question.condition == name]
        for name in ("both_modalities", "text_question", "true_caption")
    )
    assert (len(both), len(text), len(caption)) == (16, 16, 8)
    assert {one.target for one in both} == {"Yes", "No"}
    for one in both:
        assert one.asked is Asked.BOTH
        assert (one.target == "Yes") is (one.video_label == one.audio_label)
    for one in text:
        assert one.asked is Asked.TEXT
        assert one.target in one.question.prompt.split("Options:")[0]
        assert one.target not in (one.video_label, one.audio_label)
    assert len({one.target for one in text}) > 2
    for one in caption:
        assert one.question.prompt.startswith(f"Video_caption: {one.target}. ")


def test_text_questions_of_a_file(demo: Path, base: Path, tmp_path: Path) -> None:  # noqa: F811
    path = tmp_path / "questions.jsonl"
    rows = [{"question": f"What is {n} + 1?", "options": ["3", str(n + 1)], "answer": str(n + 1)} for n in (3, 4)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    text = [e for e in steps(demo, base, f"data.text_questions={path}") if e.asked is Asked.TEXT]
    assert {(e.question.prompt, e.target) for e in text} == {
        (f"What is {n} + 1? Options: 3, {n + 1}. Answer the question using a single word or phrase.", str(n + 1))
        for n in (3, 4)
    }


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            '{"question": "a", "options": ["b", "c"], "answer": "b"}\n{"question": "a"}\n',
            "line 2: options: this field",
        ),
        ('{"question": "a", "options": ["b", "c"], "answer": "d"}\n', "line 1: .*must be one of the options"),
        ("[" * 5000, "line 1: Invalid JSON"),
        ("\n\n", "contains no questions"),
    ],
)
def test_a_wrong_file_of_text_questions_is_named(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text(content)
    with pytest.raises(MMABenchError, match=says):
        read_text_questions(path)
    with pytest.raises(MMABenchError, match=r"none\.jsonl cannot be read"):
        read_text_questions(tmp_path / "none.jsonl")


def test_a_true_caption_names_the_answer_where_there_is_one() -> None:
    asked = Question(
        question_id="x",
        condition="true_caption",
        modality=Modality.AUDIO,
        prompt=prompts.question(Modality.AUDIO, ["Cat", "Dog"]),
        parts=prompts.standard(Modality.AUDIO),
        options=["Cat", "Dog"],
        answer="Dog",
        distractor=None,
        answerable=True,
    )
    said = TEXT_CONFLICTS["true_caption"](asked, ("Cat", "Dog"), random.Random(0))
    assert said.prompt.startswith("Video_caption: Dog. Which class best describes the audio")
    silent = asked.model_copy(update={"answerable": False})
    assert TEXT_CONFLICTS["true_caption"](silent, ("Cat", None), random.Random(0)) == silent
