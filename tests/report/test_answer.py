"""The sentences of the first screen: their numbers are the evaluator's, and they are as sure as the intervals."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from mma_bench.evaluation.analyses import Analysis, CompetenceSplit, Estimate
from mma_bench.evaluation.scores import Cell
from mma_bench.report.answer import answer_note, answer_sentences
from mma_bench.schema import Modality

FLAT = Estimate(0.0, 0.0, 0.1, 200)


def cell(condition: str, modality: Modality, micro: float, macro: float) -> Cell:
    bounds = (micro, micro - 0.1, micro + 0.1, macro, macro - 0.2, macro + 0.1)
    return Cell(condition, modality, 400, 200, True, *bounds, 0, 0, 0, 0, 0, 0.1)


def run(
    label: str,
    average: str,
    lost: Estimate,
    accuracy: float = 0.41,
    *,
    baseline: bool = False,
    person: bool = False,
    withheld: list[Modality] | None = None,
) -> Any:
    """A scored run whose model answers both modalities alike."""
    cells = {}
    for modality, alone in ((Modality.VISUAL, "audio_removed"), (Modality.AUDIO, "frames_zeroed")):
        cells["misaligned", modality] = cell("misaligned", modality, accuracy, accuracy - 0.05)
        cells[alone, modality] = cell(alone, modality, 0.84, 0.79)
    splits = [CompetenceSplit("misaligned", m, 400, FLAT, FLAT, FLAT, lost, FLAT, FLAT, FLAT) for m in Modality]
    scores = SimpleNamespace(
        average=average,
        cells=list(cells.values()),
        cell=lambda condition, modality: cells[condition, modality],
    )
    asked = SimpleNamespace(average=average)
    return SimpleNamespace(
        label=label,
        is_baseline=baseline,
        is_person=person,
        run=SimpleNamespace(asked=asked, withheld=withheld),
        scores=scores,
        analysis=Analysis(("standard",), {"competence": splits}),
        cells=cells,
    )


def test_the_numbers_are_those_of_the_scores_in_the_average_of_the_protocol() -> None:
    lost = Estimate(0.43, 0.35, 0.51, 200)
    visual, audio = answer_sentences([run("m", "micro", lost)])
    assert visual == (
        "m answers 41.0% [31, 51] of the visual questions correctly when the audio stream disagrees and "
        "84.0% [74, 94] without the audio stream: the conflicting audio stream takes 43.0 points [35, 51]."
    )
    assert "of the audio questions correctly when the visual stream disagrees" in audio
    assert "36.0% [16, 46]" in answer_sentences([run("m", "macro", lost)])[0]
    assert "mean over classes" in answer_note([run("m", "macro", lost)])


@pytest.mark.parametrize(
    ("lost", "words"),
    [
        (Estimate(0.04, -0.03, 0.11, 200), "no interference is established (interference +4.0 [−3, +11] points"),
        (Estimate(-0.2, -0.3, -0.1, 200), "the conflicting audio stream adds 20.0 points [10, 30]"),
        (Estimate(float("nan"), float("nan"), float("nan"), 0), "interference cannot be estimated"),
    ],
)
def test_a_sentence_claims_no_more_than_its_interval(lost: Estimate, words: str) -> None:
    assert words in answer_sentences([run("m", "micro", lost)])[0]


def test_what_was_not_asked_or_not_a_model_is_said() -> None:
    lost = Estimate(0.43, 0.35, 0.51, 200)
    first = run("m", "micro", lost)
    del first.cells["audio_removed", Modality.VISUAL]
    del first.cells["misaligned", Modality.AUDIO]
    visual, audio = answer_sentences([first])
    assert "was not measured (audio removed is missing)" in visual
    assert "was not asked audio questions under conflict" in audio
    assert "Only baselines were evaluated" in answer_sentences([run("b", "micro", lost, baseline=True)])[-1]


def test_few_clips_are_named() -> None:
    few = run("m", "micro", FLAT)
    assert "Only" not in answer_note([few])
    few.scores.cells = [replace(cell, clips=6) for cell in few.scores.cells]
    assert "Only 6 clips" in answer_note([few])


def test_models_are_compared_by_what_they_answer_under_conflict() -> None:
    runs = [run("a", "micro", FLAT, 0.41), run("b", "micro", FLAT, 0.81), run("c", "micro", FLAT, 0.5)]
    sentence = answer_sentences(runs)[2]
    expected = (
        "b is most accurate on visual questions (81.0% [71, 91], next c 50.0% [40, 60]; the intervals do not overlap)"
    )
    assert expected in sentence
    assert "the intervals overlap" in answer_sentences([runs[0], runs[2]])[2]


def test_only_models_that_were_given_everything_are_called_the_most_accurate() -> None:
    model, other = run("m", "micro", FLAT, 0.5), run("n", "micro", FLAT, 0.4)
    deaf = run("m+deaf", "micro", FLAT, 0.9, withheld=[Modality.AUDIO])
    people = [run(f"people:{name}", "micro", FLAT, 0.95, person=True) for name in ("Ada", "Bob")]
    rule = run("baseline:random", "micro", FLAT, 0.99, baseline=True)
    assert len(answer_sentences([model, deaf, *people, rule])) == 2, "there is one model: nothing to compare"
    sentences = answer_sentences([model, other, deaf, *people, rule])
    assert "Of 2 models under conflict, m is most accurate on visual questions (50.0%" in sentences[2]
    assert "next n" in sentences[2]
    for runs, words in (
        ([deaf, *people, rule], "No model was given both video and audio"),
        ([*people, rule], "Only people, or people and baselines, were evaluated"),
        (people, "Only people, or people and baselines, were evaluated"),
    ):
        sentences = answer_sentences(runs)
        assert sentences[0].startswith(runs[0].label)
        assert sentences[2].startswith(words)
        assert "most accurate" not in " ".join(sentences)


def test_conditions_asked_about_different_clips_are_not_called_missing() -> None:
    apart = run("m", "micro", FLAT)
    apart.analysis = Analysis(("standard",), {"competence": []})
    visual = answer_sentences([apart])[0]
    assert "84.0% [74, 94] without the audio stream, but no clip was asked about in both conditions" in visual
    assert "missing" not in visual
