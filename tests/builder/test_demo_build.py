"""The demo benchmark, as `load_dataset` and people get it."""

import hashlib
import json
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from datasets import load_dataset

from builder.assemble.partners import choose_partners
from mma_bench import load
from mma_bench.schema import Clip
from tests.conftest import ROOT, run_builder, settings, tree

MEDIA = ("aligned", "misaligned", "audio_removed", "frames_zeroed")


@pytest.mark.parametrize("streaming", [False, True])
def test_load_dataset_reads_every_condition_offline(
    demo: Path, streaming: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(demo.parent)
    clips = pq.read_table(demo / "metadata" / "clips.parquet").to_pylist()
    assert len(clips) >= 24
    assert len({clip["visual_label"] for clip in clips}) >= 16
    rows = list(load_dataset("mma-bench", split="test", streaming=streaming).remove_columns(["mp4", "flac"]))
    counts = Counter(row["json"]["condition"] for row in rows)
    assert counts.pop("mixed_audio") == 30  # five levels of six clips
    assert counts == dict.fromkeys(MEDIA, len(clips))
    for condition in MEDIA:
        row = next(iter(load_dataset("mma-bench", condition, split="test", streaming=streaming)))
        assert row["json"]["condition"] == condition
        assert row["__key__"] == row["json"]["key"]
        frame = row["mp4"].get_frame_at(0).data
        assert tuple(frame.shape) == (3, 504, 504)
        assert (frame.float().mean() < 2) == (condition == "frames_zeroed")
        samples = row["flac"].get_all_samples()
        assert samples.sample_rate == 16_000
        assert (samples.data.abs().max() == 0) == (condition == "audio_removed")


def test_every_misaligned_sound_is_byte_for_byte_that_of_a_clip_of_another_class(demo: Path) -> None:
    def sounds(condition: str) -> dict[str, str]:
        rows = {row.key: row for row in load(demo, condition=condition)}
        return {key: hashlib.sha256(row.media.audio_bytes).hexdigest() for key, row in rows.items()}

    own = {key.removeprefix("aligned_"): sound for key, sound in sounds("aligned").items()}
    lent = {key.removeprefix("misaligned_"): sound for key, sound in sounds("misaligned").items()}
    assert own.keys() == lent.keys()
    assert sorted(own.values()) == sorted(lent.values())  # every sound is lent once
    assert len(set(own.values())) == len(own)
    assert all(own[clip] != lent[clip] for clip in own)
    for row in load(demo, condition="misaligned"):
        assert row.video_label != row.audio_label


def test_prompts_are_those_of_the_paper(demo: Path) -> None:
    rows = {(row.condition, row.modality.value): row for row in load(demo, limit=1)}
    row = rows["aligned", "visual"]
    options = ", ".join(sorted(row.options))
    question = "Which class best describes the {} content of this video? Options: " + options + "."
    suffix = " Answer using a single class name."
    assert row.prompt == question.format("visual") + suffix
    assert rows["misaligned", "audio"].prompt == question.format("audio") + suffix
    caption = rows["misleading_caption", "visual"]
    assert caption.distractor not in (None, caption.answer)
    assert caption.prompt == (
        f"Video_caption: {caption.distractor}. {question.format('visual')} "
        "Answer the question using a single word or phrase."
    )
    noisy = rows["long_context", "audio"]
    letters = noisy.prompt.removeprefix(question.format("audio") + suffix + " ").split(" ")
    assert len(letters) == 10_000
    assert all(len(letter) == 1 and letter.isalpha() for letter in letters)
    assert not rows["audio_removed", "audio"].answerable
    assert rows["audio_removed", "visual"].answerable
    assert not rows["frames_zeroed", "visual"].answerable


def test_the_card_credits_every_clip_and_says_what_the_clips_are(demo: Path) -> None:
    card = (demo / "README.md").read_text(encoding="utf-8")
    for clip in pq.read_table(demo / "metadata" / "clips.parquet").to_pylist():
        assert clip["licence"] not in ("", "unknown")
        assert f"- **{clip['clip_id']}**, " in card
    assert "no true synchrony" in card.lower()
    provenance = json.loads((demo / "metadata" / "provenance.json").read_text(encoding="utf-8"))
    assert provenance["seed"] == 0
    assert provenance["inputs_sha256"]["catalogue.yaml"]
    assert str(ROOT) not in json.dumps(provenance)


def test_two_builds_are_identical_and_another_seed_is_not(small_config: Path, tmp_path: Path) -> None:
    trees = []
    for name, seed, workers in (("a", 0, 2), ("b", 0, 1), ("c", 1, 2)):
        folder = tmp_path / name
        changes = settings(f"seed={seed}", f"executor.workers={workers}")
        places = ["--work", str(folder / "work"), "--out", str(folder / "out")]
        run_builder("run", "--config", str(small_config), *places, *changes)
        trees.append(tree(folder / "out"))
    assert any(name.endswith(".tar") for name in trees[0])
    assert trees[0] == trees[1]
    assert trees[0] != trees[2]


def clip(name: str, label: str, sound: str | None = None) -> Clip:
    return Clip(
        clip_id=name,
        visual_label=label,
        audio_label=label,
        source_labels=[label],
        split="test",
        source="test",
        youtube_id=None,
        start_seconds=0,
        end_seconds=10,
        video_seconds=10,
        audio_seconds=10,
        frame_rate=25,
        source_sha256=name,
        video_sha256=f"video {name}",
        audio_sha256=sound or f"sound {name}",
        licence="",
        attribution="",
        notes="",
        verified_by="unverified",
    )


def test_partners_are_balanced_at_the_size_of_the_published_set(shared: Path) -> None:
    table = [line.split(",") for line in (shared / "mma_bench" / "official_clips.csv").read_text().splitlines()[1:]]
    clips = [clip(f"{youtube_id}_{i}", label) for i, (youtube_id, label, *_) in enumerate(table)]
    pairing = choose_partners(clips, seed=0)
    assert not pairing.unpaired
    assert {donor.clip_id for donor in pairing.donors.values()} == {c.clip_id for c in clips}
    sizes = Counter(c.visual_label for c in clips)
    met = Counter((c.visual_label, pairing.donors[c.clip_id].audio_label) for c in clips)
    assert all(seen != heard for seen, heard in met)
    # As even as sizes allow: what a class lends to Vehicle (149 of 658) is within one of the fair share.
    others = sizes.total() - sizes["Vehicle"]
    for label, size in sizes.items():
        if label != "Vehicle":
            fair = size * sizes["Vehicle"] / others
            assert abs(met["Vehicle", label] - fair) < 0.15 * fair + 1
    assert choose_partners(clips, seed=0).donors == pairing.donors
    assert choose_partners(clips, seed=1).donors != pairing.donors


def test_partners_never_share_a_sound_and_too_large_a_class_stays_partly_unpaired() -> None:
    twins = [clip("a", "Beaver", "same"), clip("b", "Badger", "same"), clip("c", "Cat"), clip("d", "Dog")]
    for seed in range(20):
        pairing = choose_partners(twins, seed)
        for c in twins:
            assert pairing.donors[c.clip_id].audio_sha256 != c.audio_sha256
    crowd = [clip(f"v{i}", "Vehicle") for i in range(7)] + [clip("c", "Cat"), clip("d", "Dog")]
    pairing = choose_partners(crowd, seed=0)
    assert len(pairing.unpaired) == 5
    assert len(pairing.donors) == 4
    assert len(choose_partners([clip("a", "Cat"), clip("b", "Cat")], seed=0).unpaired) == 2
