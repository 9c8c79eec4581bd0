"""What reads like the right answer is neither a lie nor unrelated; what is drawn as a sound is heard."""

import io
import json
from pathlib import Path

import av
import numpy as np
import pytest

from mma_bench import load
from mma_bench.dataset.columns import AUDIO_RATE
from mma_bench.dataset.media import flac_bytes
from mma_bench.interference.pool import make_pool
from mma_bench.interference.protocol import load_protocol
from mma_bench.interference.rules import rules_of
from mma_bench.interference.sources.read import read_items
from mma_bench.interference.stimuli import make_plan
from mma_bench.questions.likeness import reads_alike
from tests.interference.conftest import write_picture, write_sound


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Dog", "dog"),
        ("Dog", "Dogs"),
        ("Train", "Train_horn"),
        ("Church_bell", "bells"),
        ("Applause", "Clapping"),
        ("wolf", "Wolves"),
        ("Buses", "bus"),
        ("Horses", "horse"),
        ("Baby", "babies"),
        ("Child", "Children's choir"),
        ("12", "12 apples"),
        ("猫", "猫"),
        ("♥", "♥ "),
    ],
)
def test_names_of_the_same_are_recognised_in_both_directions(first: str, second: str) -> None:
    assert reads_alike(first, second)
    assert reads_alike(second, first)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Dog", "Dogma"),
        ("Train", "Training"),
        ("Owl", "Bowl"),
        ("5", "15"),
        ("-5", "5"),
        ("A causes B", "B causes A"),
        ("glass", "gla"),
        ("Violin", "Viola"),
        ("猫", "犬"),
        ("♥", "♠"),
    ],
)
def test_other_names_are_told_apart(first: str, second: str) -> None:
    assert not reads_alike(first, second)
    assert not reads_alike(second, first)


def test_near_synonyms_neither_mislead_nor_count_as_unrelated(tmp_path: Path) -> None:
    classes = ("Clapping", "Applause", "Train", "Train_horn", "Dog", "Dogs_barking", "Owl")
    for number, name in enumerate(classes):
        write_picture(tmp_path / "photos" / name / "1.png", number)
        write_sound(tmp_path / "sounds" / name / "1.flac", number)
    protocol = load_protocol(None, ["options=7"]).changed(interventions=["misleading_text", "unrelated_sound"])
    found = read_items(tmp_path / "photos", protocol, progress=False)
    pool = make_pool(found, protocol, None, tmp_path / "sounds", progress=False)
    plan = make_plan(found.items, rules_of(protocol), pool, seed=0, draws=40)
    named: dict[str, dict[str, set[str]]] = {"misleading_text": {}, "unrelated_sound": {}}
    for one in plan.asked.values():
        if one.intervention in named:
            suggested = one.suggested if one.intervention == "misleading_text" else one.stimulus.audio.label
            named[one.intervention].setdefault(one.item.answer, set()).add(str(suggested))
    for drawn in named.values():
        assert drawn["Clapping"] == drawn["Applause"] == {*classes} - {"Clapping", "Applause"}
        assert drawn["Train"] == drawn["Train_horn"] == {*classes} - {"Train", "Train_horn"}
        assert drawn["Dog"] == drawn["Dogs_barking"] == {*classes} - {"Dog", "Dogs_barking"}
        assert drawn["Owl"] == {*classes} - {"Owl"}


def test_a_question_with_no_clear_lie_is_not_misled_and_is_counted(tmp_path: Path) -> None:
    write_picture(tmp_path / "1.png", 1)
    rows = [{"q": "Which?", "o": ["A dog", other], "a": "A", "image": "1.png"} for other in ("Dogs", "A fish")]
    (tmp_path / "q.jsonl").write_text("\n".join(map(json.dumps, rows)))
    columns = "file: q.jsonl\nquestion: q\noptions: o\nanswer: a\nanswer_is: letter\npicture: image\n"
    (tmp_path / "q.yaml").write_text(columns)
    protocol = load_protocol().changed(interventions=["misleading_text"])
    found = read_items(tmp_path / "q.yaml", protocol, progress=False)
    pool = make_pool(found, protocol, None, None, progress=False)
    plan = make_plan(found.items, rules_of(protocol), pool, seed=0, draws=5)
    assert {one.suggested for one in plan.asked.values()} == {None, "A fish"}
    assert plan.unmade == {"misleading_text": 1}
    assert "no option that is a clear lie" in plan.lines()[0]


def test_an_unrelated_sound_that_begins_silently_is_heard(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "sounds" / "Bell").mkdir(parents=True)
    samples = np.zeros(5 * AUDIO_RATE, np.int16)
    samples[4 * AUDIO_RATE :] = 8000
    (tmp_path / "sounds" / "Bell" / "late.flac").write_bytes(flac_bytes(samples))
    (tmp_path / "sounds" / "None").mkdir()
    (tmp_path / "sounds" / "None" / "silent.flac").write_bytes(flac_bytes(np.zeros(AUDIO_RATE, np.int16)))
    for name in ("unrelated_sound", "unrelated_sound:-20"):
        protocol = load_protocol().changed(interventions=[name])
        found = read_items(photos, protocol, limit=1, progress=False)
        pool = make_pool(found, protocol, None, tmp_path / "sounds", progress=False)
        assert [sound.label for sound in pool.sounds] == ["Bell"], "a silent file is no sound"
        plan = make_plan(found.items, rules_of(protocol), pool, seed=0, draws=1)
        (sample,) = [one for one in plan.samples if one.stimulus.audio.label == "Bell"]
        heard = sample.media.audio()
        assert len(heard) == round(protocol.still_seconds * AUDIO_RATE)
        assert abs(heard[: AUDIO_RATE // 2]).min() > 0.05


def test_a_clips_late_sound_is_heard_over_a_shorter_clip(demo: Path) -> None:
    protocol = load_protocol().changed(interventions=["unrelated_sound"])
    found = read_items(demo, protocol, limit=1, progress=False)
    own = {sample.stimulus.audio.clip_id: sample.media for sample in load(demo, condition="aligned").samples}
    for sound in found.sounds[:3]:
        from_start = own[sound.source].audio(AUDIO_RATE)
        loud = int((abs(from_start) > 4 / 32768).argmax())
        with av.open(io.BytesIO(sound.read(0.5))) as container:
            blocks = [frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)]
        played = np.concatenate(blocks).astype(np.float64) / 32768
        assert np.allclose(played, np.roll(from_start, -loud)[: len(played)], atol=2 / 32768)
        assert abs(played[0]) > 0
