"""Baselines answer with an option of the question, or abstain: none is left unparsed."""

from dataclasses import replace
from pathlib import Path

import pytest

import mma_bench
from mma_bench.models import load as load_model
from mma_bench.parsing import Outcome, parse_answer
from mma_bench.questions import Context, vary
from mma_bench.questions.prompts import NONE_OF_THE_ABOVE
from mma_bench.schema import Question
from tests.planted import stimulus, write

CLASSES = ["Bird", "Cat", "Dog", "Frog", "Horse", "Pig", "Rain", "Whip"]
GROUPS = {name: "Weather" if name in ("Rain", "Whip") else "Animal" for name in CLASSES}


@pytest.mark.parametrize("name", ["majority", "random", "visual-only", "audio-only"])
def test_every_answer_is_an_option_or_abstains(name: str, tmp_path: Path) -> None:
    rows = [stimulus(f"aligned_{label}_0", "aligned", label, label, CLASSES) for label in ("Cat", "Dog")]
    rows += [stimulus(f"misaligned_{i}_0", "misaligned", "Cat", other, CLASSES) for i, other in enumerate(CLASSES[2:])]
    rows.append(stimulus("frames_zeroed_0", "frames_zeroed", None, "Cat", CLASSES))
    benchmark = mma_bench.load(write(tmp_path / "data", rows))
    model = load_model(f"baseline:{name}", {})
    model.prepare([question for sample in benchmark.samples for question in sample.questions])
    context = Context(CLASSES, GROUPS)
    said: dict[tuple[str, bool], set[str]] = {}
    for sample in benchmark.samples:
        for variant in ("standard", "none_present", "none_absent", "hard_options"):
            questions: list[Question] = [
                vary(question, variant, context)
                for question in sample.questions
                if question.answerable or variant != "none_absent"
            ]
            changed = replace(sample, questions=questions) if questions else None
            for question, answer in zip(questions, model.answer(changed) if changed else [], strict=True):
                parsed = parse_answer(answer.text, question.options)
                assert parsed.outcome in {Outcome.ANSWERED, Outcome.ABSTAINED}
                assert answer.text in question.options or answer.text == NONE_OF_THE_ABOVE
                said.setdefault((variant, answer.text in question.options), set()).add(answer.text)
    if name == "majority":
        assert said["standard", True] == {"Cat"}
        assert said["none_absent", True] == {"Cat", NONE_OF_THE_ABOVE}
        assert NONE_OF_THE_ABOVE not in said["hard_options", True]
    elif name != "random":
        assert NONE_OF_THE_ABOVE in said["none_absent", True]
