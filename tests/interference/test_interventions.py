"""Each intervention changes what it should and nothing else, and is the same again."""

import random
from pathlib import Path

import numpy as np
import pytest

from mma_bench import MMABenchError
from mma_bench.dataset.media import Media as StimulusMedia
from mma_bench.interference.interventions import INTERVENTIONS, Change, Draw, intervention
from mma_bench.interference.pool import make_pool
from mma_bench.interference.protocol import TaskKind, load_protocol
from mma_bench.interference.rules import rules_of
from mma_bench.interference.sentences import draw as draw_sentences
from mma_bench.interference.sentences import pool as sentence_pool
from mma_bench.interference.sentences import sentences
from mma_bench.interference.sources.read import read_items
from mma_bench.interference.stimuli import CLEAN, Plan, make_plan
from tests.interference.conftest import CLASSES, write_picture, write_sound


def plan_of(folder: Path, *interventions: str, limit: int = 10, seed: int = 0, draws: int = 1) -> Plan:
    protocol = load_protocol().changed(seed=seed, interventions=list(interventions) or "all")
    found = read_items(folder, protocol, limit=limit, progress=False)
    pool = make_pool(found, protocol, None, None, progress=False)
    return make_plan(found.items, rules_of(protocol), pool, seed=seed, draws=draws)


def test_a_misleading_sentence_names_a_wrong_option_and_never_the_right_one(photos: Path) -> None:
    plan = plan_of(photos, "misleading_text", limit=60, draws=3)
    asked = [one for one in plan.asked.values() if one.intervention == "misleading_text"]
    assert len(asked) == 180
    for one in asked:
        assert one.suggested in one.item.options
        assert one.suggested != one.item.answer
        article = "an" if one.suggested == "Owl" else "a"
        assert one.question.prompt.startswith(f"This picture seems to depict {article} {one.suggested}. Which class")
        assert one.question.distractor == one.suggested
    assert len({(one.item.item_id, one.suggested) for one in asked}) > 100  # draws differ


def test_unrelated_sentences_are_many_and_have_no_word_of_an_option() -> None:
    assert len(sentence_pool()) == 6
    every = [*sentences(true=True), *sentences(true=False)]
    assert len(every) == len(set(every)) == 90
    text = draw_sentences(random.Random(0), 10, ["Sea", "Moons", "Hours"], true=True)
    assert text is not None
    assert text.count(".") == 10
    for seed in range(200):
        text = draw_sentences(random.Random(seed), 10, ["Moon_landing", "Sun"], true=True)
        assert text is not None
        assert {"Moon", "moon", "Sun"}.isdisjoint(text.replace(".", "").split())
    assert draw_sentences(random.Random(0), 31, [], true=False) is None


def test_texts_and_sounds_change_around_a_picture_that_stays(photos: Path) -> None:
    plan = plan_of(photos, limit=3)
    for sample in plan.samples:
        for question in sample.questions:
            asked = plan.asked[question.question_id]
            assert sample.stimulus.video.sha256 == asked.item.picture.stream(2.0).sha256
            assert (sample.stimulus.audio.origin == "silence") is (asked.changes != "sound")
            assert (question.prompt == plan.asked[f"{asked.item.item_id}/clean/0"].question.prompt) is (
                asked.changes != "text"
            )
    names = {one.intervention for one in plan.asked.values()}
    # Silence is what a picture comes with, and pictures are what these questions are about.
    assert names == {CLEAN, "unrelated_true_text", "unrelated_false_text", "misleading_text", "unrelated_sound",
                     "noise_sound"}  # fmt: skip


def test_pictures_change_around_a_sound_that_stays(noises: Path) -> None:
    plan = plan_of(noises, limit=2)
    brightness = {}
    for sample in plan.samples:
        asked = plan.asked[sample.questions[0].question_id]
        frames = sample.media.frames(2.0)
        brightness[asked.intervention] = float(frames.mean())
        heard = sample.media.audio()
        assert len(heard) == 8000
        own = StimulusMedia("x", lambda: b"", lambda one=asked: one.item.sound.read(0.5), 0.5).audio()
        assert np.array_equal(heard, own)
    assert brightness[CLEAN] < 3
    assert brightness["white"] > 250
    assert 110 < brightness["noise"] < 145
    assert "black" not in brightness  # it is what a sound comes with
    assert {"unrelated_picture", "noise", "white", CLEAN} == set(brightness)


def test_strength_sets_sentences_contrast_and_level(photos: Path, noises: Path) -> None:
    def made(folder: Path, name: str) -> tuple[str, float, float]:
        plan = plan_of(folder, name, limit=1)
        (asked,) = [one for one in plan.asked.values() if one.intervention == name]
        (sample,) = [one for one in plan.samples if asked.question in one.questions]
        return asked.question.prompt, float(sample.media.frames().std()), float(sample.media.audio().std())

    assert made(photos, "unrelated_true_text:3")[0].partition(" Which class")[0].count(".") == 3
    assert made(noises, "noise:0.2")[1] < made(noises, "noise:0.9")[1] / 2
    assert 10 < 20 * np.log10(made(photos, "noise_sound:-10")[2] / made(photos, "noise_sound:-25")[2]) < 17
    assert 19 < 20 * np.log10(made(photos, "unrelated_sound:-40")[2] / made(photos, "unrelated_sound:-60")[2]) < 21
    for wrong in ("noise:2", "noise:nan", "noise:x", "black:1", "blak"):
        with pytest.raises(MMABenchError, match="intervention"):
            plan_of(photos, wrong)


def test_the_same_seed_gives_the_same_questions_and_streams_and_another_one_others(photos: Path) -> None:
    def told(plan: Plan) -> list[tuple[str, str, str, str]]:
        return [
            (question.question_id, question.prompt, *sample.streams)
            for sample in plan.samples
            for question in sample.questions
        ]

    first = told(plan_of(photos))
    assert first == told(plan_of(photos))
    assert first != told(plan_of(photos, seed=1))
    more = told(plan_of(photos, limit=20))
    assert set(first) < set(more)  # a higher limit asks the same and more


def test_an_intervention_of_a_user_is_checked(photos: Path) -> None:
    def names_the_answer(item, draw):
        """Suggests the right option."""
        return Change(caption=f"It is {item.answer}.", suggested=item.answer)

    def another_channel(item, draw):
        """Changes the sound."""
        return Change(sound=item.sound)

    def fails(item, draw: Draw):
        """Fails."""
        return 1 / 0

    for function, message in (
        (names_the_answer, "no wrong option"),
        (another_channel, "changed the sound"),
        (fails, "ZeroDivisionError"),
    ):
        intervention("text")(function)
        try:
            with pytest.raises(MMABenchError, match=message):
                plan_of(photos, function.__name__)
        finally:
            INTERVENTIONS._known.pop(function.__name__)


def test_an_unrelated_sound_is_of_another_class_and_suggests_it_where_it_is_an_option(
    photos: Path, noises: Path
) -> None:
    protocol = load_protocol().changed(interventions=["unrelated_sound"], draws=5)
    found = read_items(photos, protocol, progress=False)
    pool = make_pool(found, protocol, None, noises, progress=False)
    plan = make_plan(found.items, rules_of(protocol), pool, seed=0, draws=5)
    made = [one for one in plan.asked.values() if one.intervention != CLEAN]
    assert len(made) == 300
    for one in made:
        label = one.stimulus.audio.label
        assert label in CLASSES
        assert label != one.item.answer
        assert one.suggested == (label if label in one.item.options else None)


def test_a_picture_of_what_a_question_names_is_not_unrelated(photos: Path, tmp_path: Path) -> None:
    rows = ["Which animal barks?", "Who plays the violin?"]
    lines = [f'{{"q": "{row}", "o": ["A dog", "A fish"], "a": "A"}}' for row in rows]
    (tmp_path / "q.jsonl").write_text("\n".join(lines))
    (tmp_path / "q.yaml").write_text("file: q.jsonl\nquestion: q\noptions: o\nanswer: a\nanswer_is: letter\n")
    protocol = load_protocol()
    found = read_items(tmp_path / "q.yaml", protocol, progress=False)
    pool = make_pool(found, protocol, photos, None, progress=False)
    for item, named in zip(found.items, ({"Dog", "Violin"}, {"Dog"}), strict=True):
        drawn = {media.label for seed in range(200) if (media := pool.picture(item, random.Random(seed)))}
        assert drawn == {*CLASSES} - named


def test_every_kind_of_task_has_a_wording() -> None:
    assert set(load_protocol().wording) == set(TaskKind)


@pytest.mark.parametrize("names", [("n02085620", "n02086240"), ("猫", "犬"), ("TV", "PC")])
def test_labels_without_words_can_be_unrelated(tmp_path: Path, names: tuple[str, str]) -> None:
    for number, name in enumerate(names):
        write_picture(tmp_path / "pictures" / name / "1.png", number)
    lines = [f'{{"q": "Which is it?", "o": ["{name}", "Chalk"], "a": "A"}}' for name in (names[0], "Copper")]
    (tmp_path / "q.jsonl").write_text("\n".join(lines))
    (tmp_path / "q.yaml").write_text("file: q.jsonl\nquestion: q\noptions: o\nanswer: a\nanswer_is: letter\n")
    protocol = load_protocol()
    found = read_items(tmp_path / "q.yaml", protocol, progress=False)
    pool = make_pool(found, protocol, tmp_path / "pictures", None, progress=False)
    for item in found.items:
        drawn = {media.label for seed in range(50) if (media := pool.picture(item, random.Random(seed)))}
        assert drawn == {*names} - {item.answer}


def test_a_sound_suggests_its_class_in_any_case(photos: Path, tmp_path: Path) -> None:
    for number, name in enumerate(CLASSES):
        write_sound(tmp_path / "sounds" / name.upper() / "1.flac", number)
    protocol = load_protocol().changed(interventions=["unrelated_sound"], options=5)
    found = read_items(photos, protocol, limit=10, progress=False)
    pool = make_pool(found, protocol, None, tmp_path / "sounds", progress=False)
    plan = make_plan(found.items, rules_of(protocol), pool, seed=0, draws=1)
    made = [one for one in plan.asked.values() if one.intervention != CLEAN]
    assert [one.suggested for one in made] == [str(one.stimulus.audio.label).capitalize() for one in made]


def test_a_picture_suggests_its_class_in_any_case(noises: Path, tmp_path: Path) -> None:
    for number, name in enumerate(CLASSES):
        write_picture(tmp_path / "pictures" / name.lower() / "1.png", number)
    protocol = load_protocol().changed(interventions=["unrelated_picture"], options=5)
    found = read_items(noises, protocol, limit=5, progress=False)
    pool = make_pool(found, protocol, tmp_path / "pictures", None, progress=False)
    plan = make_plan(found.items, rules_of(protocol), pool, seed=0, draws=1)
    made = [one for one in plan.asked.values() if one.intervention != CLEAN]
    assert [one.suggested for one in made] == [str(one.stimulus.video.label).capitalize() for one in made]
