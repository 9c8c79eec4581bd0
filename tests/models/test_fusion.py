"""Fusion: equal weights, whatever is asked; and what that costs under conflict, on the demo's real media."""

import json
import math
from pathlib import Path

import pytest

from mma_bench import load
from mma_bench.errors import MMABenchError
from mma_bench.models import load as load_model
from mma_bench.models.cascade import CascadeScorer, TextEvidence
from mma_bench.models.fusion import FusionModel, other_texts
from mma_bench.questions import reword
from mma_bench.schema import Modality
from tests.planted import stimulus


def test_log_probabilities_of_all_evidence_are_added(demo: Path) -> None:
    scorer = CascadeScorer()
    model = FusionModel(scorer)
    (sample,) = load(demo, condition=["aligned", "misleading_caption"], limit=1).samples
    answers = {answer.question_id: answer for answer in model.answer(sample)}
    heard, seen = scorer.hear(sample.media.audio()), scorer.see(sample.media.frames(1.0))
    captioned = 0
    for question in sample.questions:
        read = TextEvidence.of(other_texts(question))
        captioned += not read.is_empty
        parts = [scorer.score(each, question.options) for each in (seen, heard, read) if not each.is_empty]
        summed = {option: sum(part[option] for part in parts) for option in question.options}
        total = math.log(sum(math.exp(value) for value in summed.values()))
        answer = answers[question.question_id]
        assert answer.option_scores == pytest.approx({option: value - total for option, value in summed.items()})
        assert answer.text == max(summed, key=lambda option: summed[option])
    assert captioned >= 2


def test_what_is_asked_about_changes_nothing(demo: Path) -> None:
    (sample,) = load(demo, condition="misaligned", limit=1).samples
    asked = [question for question in sample.questions if question.variant == "standard"]
    answers = {answer.question_id: answer.text for answer in FusionModel().answer(sample)}
    texts = {question.modality: answers[question.question_id] for question in asked}
    assert texts[Modality.VISUAL] == texts[Modality.AUDIO]


def test_the_demo_shows_interference_captions_that_are_followed_and_no_abstention(demo_folder: Path) -> None:
    scores = {
        name: json.loads((demo_folder / "runs" / "demo" / name / "scores.json").read_text("utf-8"))
        for name in ("fusion", "cascade")
    }

    def cells(name: str, condition: str) -> list[dict[str, float]]:
        return [cell for cell in scores[name]["cells"] if cell["condition"] == condition]

    splits = [split for split in scores["fusion"]["analysis"]["competence"] if split["condition"] == "misaligned"]
    assert len(splits) == 2
    assert all(split["interference"]["low"] > 0 for split in splits)
    assert all(cell["distraction_rate"] > 0.05 for cell in cells("fusion", "misleading_caption"))
    assert all(cell["abstention_rate"] == 0 for cell in scores["fusion"]["cells"])
    assert all(abs(split["interference"]["value"]) < 0.05 for split in scores["cascade"]["analysis"]["competence"])


def test_only_texts_that_the_prompt_contains_are_read_whatever_characters_they_have() -> None:
    question = stimulus("a", "aligned", "Dog", "Dog", ["Cat", "Dog"]).questions[0]
    told = reword(question, caption="A dog \ud83d barks.")
    assert other_texts(told) == ["A dog \ud83d barks."]
    stale = told.model_copy(update={"prompt": "What is it?"})
    assert other_texts(stale) == []
    scores = CascadeScorer().score(TextEvidence.of(other_texts(told)), question.options)
    assert max(scores, key=lambda option: scores[option]) == "Dog"


def test_it_takes_no_name_and_no_option() -> None:
    assert load_model("fusion").name == "fusion"
    with pytest.raises(MMABenchError, match="takes no name"):
        load_model("fusion:late")
    with pytest.raises(MMABenchError, match="no option 'weight'"):
        load_model("fusion", {"weight": "2"})
