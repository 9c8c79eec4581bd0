"""Spoken and written labels: what is said and written, how loud and how large, and over which clips."""

import json
import shutil
from collections import defaultdict
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from builder.assemble.conditions import GRADED_CONDITIONS, Assembly
from builder.assemble.conditions.spoken_label import SENTENCE, repeated
from builder.assemble.label_targets import LabelTargets, drawn_target, read_label_targets
from builder.assemble.lettering import check_fits, lettering
from builder.assemble.plan import AssemblePlan, check_label_conditions
from builder.assemble.settings import AssembleSettings
from builder.assemble.stage import AssembleClips
from builder.assemble.stimuli import make_stimuli
from builder.cli import main
from builder.hydrate.stimuli import Replacement
from builder.manifest_file import Manifest
from builder.media_folder import clip_file
from builder.normalise import NormaliseSettings
from builder.package.shards import normalised_members
from builder.voices import find_voice
from builder.voices.registry import spoken
from mma_bench.dataset.media import Media, read_flac
from mma_bench.errors import MMABenchError
from mma_bench.questions.near_synonyms import are_near_synonyms
from mma_bench.schema import Clip, Stimulus
from tests.builder.beeps import Beeps

LEVELS = {"spoken_label": [-10.0, 0.0, 10.0], "written_label": [0.08, 0.13]}
SIZE = 112


class Made:
    """The stimuli of some real clips under both conditions, and their streams."""

    def __init__(self, work: Path, folder: Path, targets: Path | None = None) -> None:
        self.clips = work / "normalise" / "clips"
        settings = AssembleSettings(
            conditions=["aligned"], graded=LEVELS, graded_clips=3, voice=Beeps.name, label_targets=targets
        )
        clips = Manifest(work / "release" / "manifest.parquet")
        classes = sorted({row.visual_label for row in clips})
        self.plan = AssemblePlan(folder, self.clips, classes, {}, 0, settings, NormaliseSettings(size=SIZE, seconds=3))
        self.assembly: Assembly = self.plan.assembly(clips)
        self.by_id = {clip.clip_id: clip for clip in self.assembly.clips}
        made = [s for clip in self.assembly.clips for s in make_stimuli(self.assembly, clip) if s.level is not None]
        self.stimuli: dict[str, list[Stimulus]] = defaultdict(list)
        for stimulus in made:
            self.stimuli[stimulus.condition].append(stimulus)
        self._read = normalised_members(self.clips, self.plan.streams)

    def media(self, stimulus: Stimulus) -> Media:
        return Media(
            stimulus.key,
            lambda: self._read(stimulus, "mp4"),
            lambda: self._read(stimulus, "flac"),
            stimulus.seconds,
        )

    def own_frames(self, stimulus: Stimulus) -> NDArray[np.uint8]:
        file = clip_file(self.clips, str(stimulus.video.clip_id), "mp4")
        return Media("own", file.read_bytes, file.read_bytes, stimulus.seconds).frames(2)


@pytest.fixture(scope="module")
def work(small_dataset: Path) -> Path:
    return small_dataset.parent / "work"


@pytest.fixture(scope="module")
def made(work: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(work, tmp_path_factory.mktemp("labels"))


def test_the_voice_is_as_loud_as_the_level_says_and_the_mix_as_loud_as_the_clip(made: Made) -> None:
    assert len(made.stimuli["spoken_label"]) == 9
    for stimulus in made.stimuli["spoken_label"]:
        own = read_flac(clip_file(made.clips, str(stimulus.audio.clip_id), "flac")).astype(np.float64)
        said = SENTENCE.format(str(stimulus.audio.donor_label).replace("_", " "))
        voice = repeated(spoken(Beeps.name, said), len(own)).astype(np.float64)
        mixed = made.media(stimulus).audio().astype(np.float64) * 32768
        parts = np.stack([own, voice], axis=1)[: len(mixed)]
        gains = np.linalg.lstsq(parts, mixed, rcond=None)[0]
        loudness = gains * np.sqrt((parts**2).mean(axis=0))
        assert abs(20 * np.log10(loudness[1] / loudness[0]) - stimulus.level) < 0.2
        assert np.abs(mixed - parts @ gains).max() < 2, "nothing else is in it"
        assert np.sqrt((mixed**2).mean()) < 1.05 * np.sqrt((parts[:, 0] ** 2).mean())
        assert not voice[: round(0.3 * 16_000)].any(), "a pause comes first"


def test_the_letters_are_as_large_as_the_level_says_and_the_rest_of_the_frame_stays(made: Made) -> None:
    assert len(made.stimuli["written_label"]) == 6
    for stimulus in made.stimuli["written_label"]:
        text = str(stimulus.video.donor_label).replace("_", " ")
        plate = lettering(text, SIZE, stimulus.level or 0)
        inside, letters = plate[..., 3] > 0, (plate[..., :3].min(axis=2) > 200) & (plate[..., 3] > 200)
        height = np.ptp(np.flatnonzero(letters.any(axis=1))) + 1
        if " " not in text:  # one line, from the top of the letters to the baseline or below it
            assert 0.5 < height / (stimulus.level * SIZE) < 1.1
        frames, own = made.media(stimulus).frames(2), made.own_frames(stimulus)
        assert frames[:, letters].min(axis=-1).mean() > 200, "white"
        assert frames[:, inside & ~letters].mean() < 120, "on a dark plate"
        far = ~np.roll(inside, -8, axis=0) & ~np.roll(inside, 8, axis=0) & ~inside
        assert np.abs(frames[:, far].astype(float) - own[:, far]).mean() < 4


def test_the_class_is_wrong_for_the_clip_and_the_same_at_all_levels_and_in_both_conditions(made: Made) -> None:
    targets: dict[str, set[str | None]] = defaultdict(set)
    for condition, stimuli in made.stimuli.items():
        for stimulus in stimuli:
            stream = stimulus.audio if condition == "spoken_label" else stimulus.video
            clip = made.by_id[str(stream.clip_id)]
            targets[clip.clip_id].add(stream.donor_label)
            assert stream.origin == condition.partition("_")[0]
            assert stream.donor_label not in (clip.visual_label, clip.audio_label)
            assert not are_near_synonyms(stream.donor_label, clip.visual_label)
            for question in stimulus.questions:
                assert (question.answer, question.distractor) == (clip.visual_label, stream.donor_label)
                assert question.answerable
    assert len(targets) == 3
    assert all(len(found) == 1 for found in targets.values())


def test_a_clip_takes_no_part_if_the_class_would_not_be_said_to_its_end(made: Made) -> None:
    speak = GRADED_CONDITIONS["spoken_label"].streams
    clip = made.by_id[str(made.stimuli["spoken_label"][0].audio.clip_id)]
    target = str(made.assembly.label_target(clip)).replace("_", " ")
    enough = 0.3 + 0.05 * len(SENTENCE.format(target))
    for short in ({"audio_seconds": enough - 0.01}, {"video_seconds": enough - 0.01}):
        assert speak(made.assembly, clip.changed(**short), 0.0) is None
    assert speak(made.assembly, clip.changed(audio_seconds=enough, video_seconds=enough), 0.0) is not None


def test_a_drawn_class_does_not_read_like_the_clips_and_is_no_label_of_the_source(made: Made) -> None:
    clip = made.assembly.clips[0].changed(visual_label="Bird", audio_label="Bird", source_labels=["Bird", "Rain"])
    classes = ["Bird", "Fowl", "Rain", "Truck"]
    drawn = {drawn_target(clip, classes, made.assembly.generator(str(n), clip)) for n in range(20)}
    assert drawn == {"Truck"}
    for label, other in (("Train", "Train_horn"), ("Singing_bowl", "Singing")):
        alike = clip.changed(visual_label=label, audio_label=label)
        assert drawn_target(alike, [label, other], made.assembly.generator("", alike)) is None
    assert drawn_target(clip, classes[:3], made.assembly.generator("", clip)) is None
    assert made.assembly.label_target(clip.changed(audio_label="Rain")) is None, "its streams disagree already"


def test_the_same_bytes_again(made: Made, work: Path, tmp_path: Path) -> None:
    assert Made(work, tmp_path).stimuli == made.stimuli


def test_a_list_decides_who_takes_part_and_what_is_said(made: Made, work: Path, tmp_path: Path) -> None:
    classes = made.plan.classes
    clip = made.assembly.clips[0]
    wrong = next(name for name in classes if name != clip.visual_label)
    listed = tmp_path / "targets.json"
    listed.write_text(json.dumps({clip.clip_id: wrong, "somebody_elses_0": wrong}))
    again = Made(work, tmp_path / "again", listed)
    found = {(s.video.clip_id, s.video.donor_label or s.audio.donor_label) for v in again.stimuli.values() for s in v}
    assert found == {(clip.clip_id, wrong)}
    before = again.plan.inputs()
    listed.write_text(
        json.dumps({clip.clip_id: next(name for name in classes if name not in (clip.visual_label, wrong))})
    )
    assert again.plan.inputs() != before, "another list is another build"
    listed.write_text(json.dumps({clip.clip_id: clip.visual_label}))
    with pytest.raises(MMABenchError, match="give a class that is wrong"):
        Made(work, tmp_path / "right", listed)


def test_a_list_says_how_many_entries_match_no_clip_and_one_that_matches_none_is_refused(
    made: Made, work: Path, tmp_path: Path
) -> None:
    clips = Manifest(work / "release" / "manifest.parquet")
    clip = made.assembly.clips[0]
    wrong = next(name for name in made.plan.classes if name != clip.visual_label)
    listed = tmp_path / "targets.json"
    listed.write_text(json.dumps({clip.clip_id: wrong, "b": wrong, "c": wrong}))
    plan = Made(work, tmp_path / "again", listed).plan
    assert plan.notices(clips) == ["assemble.label_targets: 2 of 3 entries match no clip"]
    assert made.plan.notices(clips) == []
    AssembleClips(plan).parallel(clips)
    listed.write_text(json.dumps({"b": wrong}))
    with pytest.raises(MMABenchError, match="none of 1 entries matches a clip of the test split, the first is for 'b'"):
        AssembleClips(plan).parallel(clips)


def test_an_entry_for_a_video_leaves_out_the_segments_of_its_class(made: Made) -> None:
    dog = made.assembly.clips[0].changed(clip_id="v_0", youtube_id="v", visual_label="Dog", audio_label="Dog")
    cat = dog.changed(clip_id="v_9", visual_label="Cat", audio_label="Cat")
    targets = LabelTargets("the list", {"v": "Cat"})
    assert (targets.of(dog), targets.of(cat), targets.unmatched([cat, dog])) == ("Cat", None, 0)
    with pytest.raises(MMABenchError, match="v_9 shows 'Cat'; give a class that is wrong"):
        targets.unmatched([cat])
    nameless = LabelTargets("the list", {"": "Cat"})
    assert nameless.of(dog.changed(youtube_id=None)) is None, "it has no YouTube id"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "clip_id,class,note\nabc_1000,Dog,x\n"),
        ("a.json", '{"abc_1000": "Dog"}'),
        ("a.jsonl", '{"clip_id": "Cat/abc", "true_class": "Cat", "attack": "audio", "audio_target": "Dog"}\n'),
    ],
)
def test_each_form_of_a_list_is_read(made: Made, tmp_path: Path, name: str, content: str) -> None:
    file = tmp_path / name
    file.write_text(content)
    clip: Clip = made.assembly.clips[0].changed(clip_id="abc_1000", youtube_id="abc", visual_label="Cat")
    other = clip.changed(clip_id="abd_1000", youtube_id="abd")
    targets = read_label_targets(file, ["Cat", "Dog"])
    assert (targets.of(clip), targets.of(other)) == ("Dog", None)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "clip,class\na,Dog\n", "it has no column clip_id"),
        ("a.csv", "clip_id,class\na,\n", "row 2 needs a clip_id and a class"),
        ("a.csv", "clip_id,class\na,Dogs\n", "row 2: there is no class 'Dogs'"),
        ("a.csv", "clip_id,class\na,Dog\na,Cat\n", "row 3: 'a' has two classes"),
        ("a.csv", "clip_id,class\n", "lists no clip"),
        ("a.json", "[1]", "it is not an object of classes by clip id"),
        ("a.json", '{"a": 1}', "expected text, got 1"),
        ("a.json", '{"": "Dog"}', "a clip id: expected text, got ''"),
        ("a.json", '{" ": "Dog"}', "a clip id: expected text, got ' '"),
        ("a.json", '{"a": "Dog", "a": "Cat"}', "the key 'a' has two values"),
        ("a.jsonl", '{"clip_id": "Cat/", "audio_target": "Dog"}', "line 1, clip_id after the slash: expected text"),
        ("a.jsonl", '{"clip_id": "a"}', "line 1 has none of audio_target"),
        ("a.txt", "a Dog", "must end in .csv, .json or .jsonl"),
        ("a.json", "\udcff", "cannot be read"),
    ],
)
def test_a_list_that_cannot_be_used_is_one_line(tmp_path: Path, name: str, content: str, message: str) -> None:
    file = tmp_path / name
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(MMABenchError) as error:
        read_label_targets(file, ["Cat", "Dog"])
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_size_that_a_class_does_not_fit_names_the_largest_that_all_fit() -> None:
    with pytest.raises(MMABenchError, match="'Synthesizer' does not fit") as error:
        check_fits(["Dog", "Synthesizer"], 504, [0.1, 0.3])
    best = float(str(error.value).rpartition(" ")[2])
    check_fits(["Dog", "Synthesizer"], 504, [best])
    with pytest.raises(MMABenchError):
        check_fits(["Dog", "Synthesizer"], 504, [best + 0.01])
    two = lettering("Keyboard musical", 504, 0.15)[..., 3] > 0
    one = lettering("Keyboard", 504, 0.15)[..., 3] > 0
    assert two.sum() > 1.5 * one.sum(), "the second word is on a line of its own"


@pytest.mark.parametrize(
    "name", ["\u72d7", "Dog \u732b", "\u0939\u093e\u0925\u0940", "\u0643\u0644\u0628", "a\u200bb", " ", ""]
)
def test_a_name_that_the_font_cannot_write_is_refused(name: str) -> None:
    with pytest.raises(MMABenchError, match=r"^written_label: .*the class "):
        check_fits(["Dog", name], 504, [0.1])


def test_names_in_letters_of_the_font_are_written() -> None:
    check_fits(["\u00c9glise", "\u0421\u043e\u0431\u0430\u043a\u0430", "R&B, 12\u2033 (live)", "\u266a"], 504, [0.1])


def test_hydration_without_the_voice_counts_what_cannot_be_made(made: Made) -> None:
    here = replace(made.assembly, settings=AssembleSettings(voice="of-a-package-that-is-not-installed"))
    stimuli, counts = Replacement(made.by_id, made.by_id, here).apply(made.stimuli["spoken_label"])
    assert (stimuli, [(count.published, count.cannot_be_made) for count in counts]) == ([], [(9, 9)])
    assert len(Replacement(made.by_id, made.by_id, made.assembly).apply(made.stimuli["spoken_label"])[0]) == 9


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("assemble.graded={written_label: [0.9]}", "give at most"),
        ("assemble.graded={spoken_label: [0]}", "mma-bench[voice]"),
        ("assemble.voice=nobody", "unknown voice 'nobody'"),
        ("assemble.label_targets=missing.csv", "missing.csv cannot be read"),
    ],
)
def test_a_setting_that_cannot_be_is_one_line_before_anything_is_built(
    small_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, message: str
) -> None:
    if "mma-bench[voice]" in message:
        monkeypatch.setattr(shutil, "which", lambda name: None)
        monkeypatch.setitem(__import__("sys").modules, "espeakng_loader", None)
        find_voice.cache_clear()
    more = ["--set", "assemble.graded={spoken_label: [0]}"] if "voice=" in setting else []
    folders = ["--work", str(tmp_path / "work"), "--out", str(tmp_path / "out")]
    command = ["run", "--config", str(small_config), *folders, "--dry-run", *more, "--set", setting]
    result = CliRunner().invoke(main, command)
    find_voice.cache_clear()
    assert result.exit_code == 2
    assert message.replace("mma-bench[voice]", "[voice]") in result.stderr.splitlines()[-1]


def test_a_list_without_a_condition_that_uses_it_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text('{"a": "Dog"}')
    with pytest.raises(MMABenchError, match="add one of them to"):
        check_label_conditions(AssembleSettings(label_targets=file), ["Dog"], 504)


@pytest.mark.skipif(
    find_spec("espeakng_loader") is None and shutil.which("espeak-ng") is None, reason="espeak-ng is not installed"
)
def test_espeak_says_different_things_in_the_same_voice() -> None:
    voice = find_voice("espeak-ng")
    assert voice.version().startswith("espeak-ng 1.")
    texts = [SENTENCE.format(name) for name in ("Dog", "Chopping food")]
    first, second = (voice.speak(text) for text in texts)
    assert 0.8 < len(first) / 16_000 < 3
    assert len(second) > len(first)
    assert 1_000 < np.abs(first.astype(int)).max() <= 32_767
    assert (voice.speak(texts[0]) == first).all(), "the same text gives the same samples"
