"""The demo source: what it fetches is what the catalogue says, and what it renders is audible and moves."""

import shutil
import subprocess
from collections import Counter
from pathlib import Path

import av
import numpy as np
import pytest

from builder.sources.demo import CATALOGUE, fetch_media, load_catalogue, missing_media, render_clip
from builder.sources.demo.catalogue import SECONDS
from builder.sources.demo.render import FRAME_RATE, SAMPLE_RATE, clip_sound
from mma_bench.errors import MMABenchError
from mma_bench.files.cache import cache_folder
from mma_bench.files.hashing import sha256_bytes, sha256_file

CLIPS = {clip.name: clip for clip in load_catalogue().clips}


@pytest.fixture(scope="module")
def cache() -> Path:
    """The cache of a user, filled if it was not."""
    folder = cache_folder()
    try:
        fetch_media(folder, report=print)
    except MMABenchError as error:
        pytest.skip(f"the demo media cannot be had here: {error}")
    return folder


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with no program at all on its PATH, which is the folder returned."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_the_catalogue_is_large_and_varied_enough_for_a_demo() -> None:
    labels = Counter(clip.label for clip in CLIPS.values())
    assert len(CLIPS) >= 26
    assert len(labels) >= 16
    assert max(labels.values()) <= 3
    assert len({clip.label for clip in list(CLIPS.values())[: len(labels)]}) == len(labels)  # no class twice
    assert not any("." in name for name in CLIPS)


def test_every_clip_states_licence_authors_and_its_lack_of_synchrony() -> None:
    for clip in CLIPS.values():
        for file in (clip.image, clip.audio):
            assert file.licence in clip.licence
            assert file.attribution in clip.attribution
        families = {family for family in ("-SA-", "GPL-", "FAL-") if family in clip.licence}
        assert len(families) <= 1, f"{clip.name} joins {clip.licence}"
        assert "no true synchrony" in clip.notes


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("name: cat-1,", "name: cat.1,", "clips.0.name"),
        ("sound: cow}", "sound: cat}", "cow-1: another clip has the sound 'cat'"),
        ("photo: cow,", "photo: bull,", "no photo is called 'bull'"),
        ("start_seconds: 15,", "start_seconds: 35,", "part of this excerpt"),
        ("file: farm-sounds/cow.ogg", "file: farm-sounds/../cow.ogg", "plain relative path"),
        ("file: farm-sounds/cow.ogg", "file: zoo/cow.ogg", "no collection is called 'zoo'"),
        ("    licence: FAL-1.2\n", "", "licence"),
        ("clips:", "clips: [", "correct the file"),
    ],
)
def test_a_wrong_catalogue_is_refused_with_one_line(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    text = CATALOGUE.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "catalogue.yaml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(MMABenchError) as caught:
        load_catalogue(path)
    assert complaint in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_filled_cache_needs_neither_programs_nor_network(cache: Path, programs: Path) -> None:
    lines: list[str] = []
    fetch_media(cache, report=lines.append)
    assert lines == []


def test_a_damaged_file_is_noticed_and_costs_only_its_clips(cache: Path, tmp_path: Path, programs: Path) -> None:
    copy = tmp_path / "cache"
    shutil.copytree(cache / "demo-media", copy / "demo-media")
    damaged = CLIPS["cow-1"].audio.location(copy)
    damaged.write_bytes(damaged.read_bytes()[:-1])
    assert missing_media(list(CLIPS.values()), copy) == [CLIPS["cow-1"].audio]
    with pytest.raises(MMABenchError, match=r"cow-1: .* was changed"):
        render_clip(CLIPS["cow-1"], copy, tmp_path / "cow-1.mkv", seed=1)
    lines: list[str] = []
    fetch_media(copy, report=lines.append)
    assert any("`apt-get` is not installed" in line for line in lines)
    assert lines[-1] == f"demo media ready: {len(CLIPS) - 1} of {len(CLIPS)} clips"


def test_a_machine_without_apt_gets_one_clear_line(tmp_path: Path, programs: Path) -> None:
    with pytest.raises(MMABenchError, match=r"no demo clip .* `apt-get` is not installed: .* Debian or Ubuntu"):
        fetch_media(tmp_path / "cache", report=print)


def test_only_files_with_the_right_hash_enter_the_cache(cache: Path, tmp_path: Path, programs: Path) -> None:
    """A real package with one changed file, served in place of the network by a script called apt-get."""
    build = shutil.which("dpkg-deb", path="/usr/bin:/bin")
    if build is None:
        pytest.skip("needs dpkg-deb to build a package")
    (programs / "dpkg-deb").symlink_to(build)
    for name in ("tar", "cp", "rm"):
        (programs / name).symlink_to(shutil.which(name, path="/usr/bin:/bin") or "")
    bell = CLIPS["church_bell-1"].audio
    wanted = [file for file in load_catalogue().media if file.package == "scratch"]
    for file in wanted:
        path = tmp_path / "package" / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.location(cache).read_bytes())
    changed = tmp_path / "package" / bell.path
    changed.write_bytes(b"RIFF")
    control = tmp_path / "package" / "DEBIAN" / "control"
    control.parent.mkdir()
    control.write_text("Package: scratch\nVersion: 9\nArchitecture: all\nMaintainer: A <a@b>\nDescription: test\n")
    subprocess.run([build, "--build", tmp_path / "package", tmp_path / "scratch.deb"], check=True, capture_output=True)
    script = programs / "apt-get"
    script.write_text(f"""#!/bin/sh
        case "$*" in *scratch) cp {tmp_path}/scratch.deb . ;; *) echo "E: Unable to locate" >&2; exit 100 ;; esac
    """)
    script.chmod(0o755)

    copy = tmp_path / "cache"
    leftover = copy / "demo-media" / ".fetch-killed"
    leftover.mkdir(parents=True)
    lines: list[str] = []
    fetch_media(copy, report=lines.append)
    hashes = f"SHA-256 {sha256_bytes(b'RIFF')}, not {bell.sha256}"
    assert [line for line in lines if line.startswith(f"scratch: {bell.path} has {hashes}")]
    assert [line for line in lines if "gcompris-qt-data (E: Unable to locate)" in line]
    kept = sorted(path for path in (copy / "demo-media").iterdir() if path.name != ".lock")
    assert kept == sorted(file.location(copy) for file in wanted if file != bell)


def test_every_sound_is_audible_ten_seconds_long_and_its_own(cache: Path) -> None:
    sounds = {name: clip_sound(clip, cache) for name, clip in CLIPS.items()}
    for name, sound in sounds.items():
        assert sound.shape == (SECONDS * SAMPLE_RATE,), name
        level = sound.astype(np.float64) / 32768
        assert 0.6 < np.abs(level).max() < 0.8, name
        assert np.sqrt(np.mean(level**2)) > 10 ** (-35 / 20), name
        seconds = np.abs(level).reshape(SECONDS, -1).max(axis=1)
        assert (seconds > 0.01).sum() >= 7, f"{name} is silent for more than three of its ten seconds"
    assert len({sound.tobytes() for sound in sounds.values()}) == len(sounds)
    assert len({clip.audio.sha256 for clip in CLIPS.values()}) == len({str(clip.audio) for clip in CLIPS.values()})


def test_a_clip_moves_and_is_the_same_each_time(cache: Path, tmp_path: Path) -> None:
    clip = CLIPS["vehicle-1"]  # the hardest to move: a cut-out on a plain background
    for name, seed in (("one", 3), ("same", 3), ("other", 4)):
        render_clip(clip, cache, tmp_path / f"{name}.mkv", seed=seed)
    assert sha256_file(tmp_path / "one.mkv") == sha256_file(tmp_path / "same.mkv")
    assert sha256_file(tmp_path / "one.mkv") != sha256_file(tmp_path / "other.mkv")
    with av.open(str(tmp_path / "one.mkv"), "r") as container:
        frames = np.stack([frame.to_ndarray(format="gray") for frame in container.decode(video=0)]).astype(np.int16)
    with av.open(str(tmp_path / "one.mkv"), "r") as container:
        sound = np.concatenate([frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)])
    assert frames.shape == (SECONDS * FRAME_RATE, 480, 640)
    half = FRAME_RATE // 2
    assert min(np.abs(frames[index] - frames[index + half]).mean() for index in range(0, len(frames) - half, half)) > 1
    assert np.array_equal(sound, clip_sound(clip, cache))  # lossless


def test_a_clip_without_media_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(MMABenchError, match=r"cat-1: gcompris-qt-data: .*cat\.webp.* fetch the demo media first"):
        render_clip(CLIPS["cat-1"], tmp_path, tmp_path / "out" / "cat-1.mkv", seed=1)
    assert not list(tmp_path.rglob("*"))
