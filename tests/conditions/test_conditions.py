"""Every condition that is not in levels is defined once, and the builder, the stream and tuning all offer it."""

import random
from types import SimpleNamespace

import pytest

from builder.assemble.conditions import GRADED_CONDITIONS, MEDIA_CONDITIONS, TEXT_CONDITIONS
from mma_bench.conditions import MEDIA, TEXT, Labels, code_of, registry, text_condition
from mma_bench.conditions.registry import TextChange
from mma_bench.errors import MMABenchError
from mma_bench.questions import reword
from mma_bench.schema import CONDITIONS, Question
from mma_bench.streaming.conflicts import MEDIA_CONFLICTS, TEXT_CONFLICTS
from mma_bench.tuning.settings import ConsistencySettings
from tests.planted import stimulus

CLASSES = ["Applause", "Clapping", "Dog"]


def test_the_builder_the_stream_and_tuning_offer_the_same_conditions() -> None:
    media, text = list(MEDIA), list(TEXT)
    assert {*media, *text} == {name for name, condition in CONDITIONS.items() if not condition.graded}
    assert set(GRADED_CONDITIONS) == {name for name, condition in CONDITIONS.items() if condition.graded}
    assert all(CONDITIONS[name].changes == "media" for name in media)
    assert all(CONDITIONS[name].changes == "text" for name in text)
    assert (list(MEDIA_CONDITIONS), list(TEXT_CONDITIONS)) == (media, text)
    assert (["aligned", *MEDIA_CONFLICTS], list(TEXT_CONFLICTS)) == (media, text)  # aligned samples stay as stored
    offered = (*MEDIA_CONFLICTS, *TEXT_CONFLICTS)
    assert ConsistencySettings(variants=offered).variants == offered
    for name in ("aligned", "mixed_audio", "misalinged"):
        with pytest.raises(ValueError, match=f"there is no variant '{name}'"):
            ConsistencySettings(variants=(name,))


def test_code_of_ours_is_that_of_the_version_and_changes_no_stage() -> None:
    assert code_of([*MEDIA, *TEXT]) == ""


@pytest.mark.parametrize("name", TEXT)
def test_a_text_condition_draws_alike_for_both_questions_and_keeps_all_but_the_text(name: str) -> None:
    told = stimulus("a", "aligned", "Dog", "Dog", CLASSES)
    made = [TEXT_CONFLICTS[name](question, ("Dog", "Dog"), random.Random(4)) for question in told.questions]
    assert len({question.distractor for question in made}) == 1
    for before, after in zip(told.questions, made, strict=True):
        assert after.parts != before.parts
        assert (after.options, after.answer, after.question_id) == (before.options, before.answer, before.question_id)
        plain = after.parts.changed(before="", after="", caption="", caption_class=None, suffix=before.parts.suffix)
        assert plain == before.parts
    assert len({(q.parts.before, q.parts.after, q.parts.caption) for q in made}) == 1


def stale(question: Question, labels: Labels, generator: random.Random) -> Question:
    """Changes the parts alone."""
    return question.changed(parts=question.parts.changed(before="Once."))


def failing(question: Question, labels: Labels, generator: random.Random) -> Question:
    """Looks for a class that there is not."""
    return {"Dog": question}[generator.choice(["Cat"])]


def empty(question: Question, labels: Labels, generator: random.Random) -> Question:
    """Returns nothing."""


def braces(question: Question, labels: Labels, generator: random.Random) -> Question:
    """Is no template."""
    return reword(question, question="Is it {x}?")


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (stale, "it changed the parts of the prompt but not its text; use mma_bench.questions.reword"),
        (failing, "KeyError: 'Cat'"),
        (empty, "it must return a Question, and returned NoneType"),
        (braces, "its part `question` is not a template"),
    ],
)
def test_a_mistake_in_a_text_condition_names_the_condition_and_the_clip(
    function: TextChange, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for known in (TEXT, CONDITIONS):
        for kept in ("_known", "_made_of"):
            monkeypatch.setattr(known, kept, dict(getattr(known, kept)))
    monkeypatch.setattr(registry, "_OWN", {})
    text_condition(function)
    name, question = function.__name__, stimulus("a", "aligned", "Dog", "Dog", CLASSES).questions[0]
    clip = SimpleNamespace(visual_label="Dog", audio_label="Dog", clip_id="a")
    assembly = SimpleNamespace(generator=lambda purpose, clip: random.Random(1))
    adapters = (
        lambda: TEXT_CONFLICTS[name](question, ("Dog", "Dog"), random.Random(1)),
        lambda: TEXT_CONDITIONS[name](assembly, clip, question),
    )
    for ask in adapters:
        with pytest.raises(MMABenchError) as error:
            ask()
        assert str(error.value).startswith(f"the condition {name} failed for {question.question_id}: ")
        assert said in str(error.value)
