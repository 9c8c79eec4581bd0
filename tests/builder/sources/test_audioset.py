"""The `audioset` source: the real yt-dlp against a site on loopback, a mirror, failures, pauses and kills."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from builder.fetch.stage import FetchClips
from builder.manifest import ManifestRow
from builder.select.rules import DEFAULT_RULES
from builder.sources import AudioSetSettings, AudioSetSource
from mma_bench.errors import MMABenchError
from tests.builder.sources.youtube_server import Site, serve, whole_video
from tests.conftest import ROOT, run_builder, tree

FAST = {
    "timeout_seconds": 1.5,
    "retries": 1,
    "backoff_seconds": 0.1,
    "sleep_seconds": 0,
    "pause": {"first_seconds": 0.5, "longest_seconds": 1.5, "tries": 8, "give_up_after": 40},
}
# How each fault ends while it lasts: (stage, reason). `429` and the bot check heal by themselves.
OUTCOMES = {
    "429": None,  # far from the bot check: what comes during a pause does not begin another
    "404": ("fetch", "unavailable"),
    "410": ("fetch", "removed"),
    "403": ("fetch", "refused"),
    "451": ("fetch", "geo_blocked"),
    "503": ("fetch", "network"),
    "silent": ("fetch", "network"),
    "stall": ("fetch", "network"),
    "reset": ("fetch", "network"),
    "truncated": ("fetch", "truncated"),
    "other_page": ("fetch", "no_format"),
    "wrong": ("normalise", "undecodable"),
    "bot_page": None,
}


class Library:
    """Whole videos for any id: the 15 real clips in rotation, repeated to the length that a segment needs."""

    def __init__(self, clips: Path, folder: Path, rows: list[ManifestRow]) -> None:
        self.clips = sorted(clips.glob("*.mp4"), key=lambda path: path.stat().st_size)
        self.folder = folder
        folder.mkdir()
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(self._make, enumerate(rows)))

    def __call__(self, video_id: str) -> Path:
        return self.folder / f"{video_id}.mp4"

    def _make(self, numbered: tuple[int, ManifestRow]) -> None:
        at, row = numbered
        end = float(row.end_seconds or 0)
        few = self.clips if end <= 60 else self.clips[:4]  # long videos of the smaller clips, to spare the disk
        whole_video(few[at % len(few)], end + 2, self(str(row.youtube_id)))


def configuration(shared: Path, **source: Any) -> dict[str, Any]:
    audioset = shared / "audioset"
    return {
        "source": {
            "kind": "audioset",
            "ontology": str(audioset / "ontology.json"),
            "segments": [str(audioset / "eval_segments.csv")],
            **source,
        },
        "normalise": {"size": 64, "seconds": 2},
        "assemble": {"conditions": ["aligned"]},
    }


def first_rows(shared: Path, count: int, folder: Path) -> str:
    """Write the first ``count`` rows of the real evaluation list: every row of a list costs each stage something."""
    lines = (shared / "audioset" / "eval_segments.csv").read_text().splitlines(keepends=True)
    path = folder / "eval_segments.csv"
    path.write_text("".join(lines[: 3 + count]))
    return str(path)


def faults_for(rows: list[ManifestRow], share: float) -> dict[str, str]:
    """Let every fault strike, at the same distance all over the list."""
    count = max(len(OUTCOMES), round(len(rows) * share))
    names = list(OUTCOMES)
    return {str(rows[i * len(rows) // count].youtube_id): names[i % len(names)] for i in range(count)}


def build(config: dict[str, Any], folder: Path, *more: str, check: bool = True) -> Any:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    work, out = str(folder / "work"), str(folder / "out")
    result = run_builder("run", "--config", str(path), "--work", work, "--out", out, "--json", *more, check=check)
    return result if not check else (json.loads(result.stdout), result.stderr)


def check_funnel(status: dict[str, Any], faults: dict[str, str], listed: int, count: int) -> None:
    stages = {stage["stage"]: stage for stage in status["funnel"]}
    assert stages["select"]["in"] == listed
    assert stages["select"]["kept"] == count
    expected = Counter(outcome for fault in faults.values() if (outcome := OUTCOMES[fault]))
    for stage in ("fetch", "normalise"):
        assert stages[stage]["dropped"] == {reason: n for (where, reason), n in expected.items() if where == stage}
    later = sum(sum(stages[name]["dropped"].values()) for name in ("inspect", "assemble"))
    assert stages["assemble"]["kept"] == count - sum(expected.values()) - later
    failures: Counter[str] = Counter()
    for entry in status["availability"]:
        failures.update(entry["failures"])
        assert entry["candidates"] == entry["available"] + sum(entry["failures"].values())
    assert failures == stages["fetch"]["dropped"]
    assert sum(entry["candidates"] for entry in status["availability"]) == count
    for clip in status["dropped"]:
        assert clip["detail"], clip
        assert "/" not in clip["detail"] or clip["stage"] == "select"


@pytest.mark.parametrize(("listed", "count"), [(160, 18), pytest.param(20371, 200, marks=pytest.mark.slow)])
def test_the_funnel_accounts_for_every_segment_and_failures_are_asked_again(
    shared: Path, tmp_path: Path, listed: int, count: int
) -> None:
    chosen = {"segments": [first_rows(shared, listed, tmp_path)], "limit": count}
    rows = [row for row in audioset_source(shared, **chosen).rows() if row.kept]
    assert len(rows) == count
    faults = faults_for(rows, 0.2)
    site = Site(Library(shared / "clips", tmp_path / "videos", rows), dict(faults))
    with serve(site) as template:
        config = configuration(shared, **chosen, download={"url_template": template, **FAST})
        status, said = build(config, tmp_path)
        check_funnel(status, faults, listed, count)
        assert "[fetch] pausing 1 s, all downloads: Unable to download webpage: HTTP Error 429" in said  # Retry-After
        assert "s, all downloads: the site sent a page that asks for a human" in said
        assert all(
            any(ask.status == 206 for ask in site.requests(id_)) for id_ in faults if faults[id_] in ("429", "bot_page")
        )

        site.heal()
        before = Counter(served.video_id for served in site.log)
        status, _ = build(config, tmp_path, "--retry-failed")
        asked = {id_ for id_, n in Counter(served.video_id for served in site.log).items() if n > before[id_]}
        gone = {id_ for id_, fault in faults.items() if fault in ("404", "410")}
        assert asked == {
            id_ for id_, fault in faults.items() if fault not in ("404", "410", "429", "bot_page", "wrong")
        }
        check_funnel(status, {id_: f for id_, f in faults.items() if id_ in gone or f == "wrong"}, listed, count)

        before = Counter(served.video_id for served in site.log)
        again, _ = build(config, tmp_path)
        assert Counter(served.video_id for served in site.log) == before
        assert again == status


def segment_rows(clips: Path, folder: Path) -> tuple[list[ManifestRow], Path]:
    """Two segments in the middle of one long video of different clips."""
    names = ["YA_0xhMEZ1Cg_repDiff_Frying_food_0.mp4", "YRz7RBslEAG0_repDiff_Frog_0.mp4"]
    video = whole_video(clips / names[0], 30, folder / "video.mp4")
    row = {
        "file": "v",
        "visual_label": "Frog",
        "audio_label": "Frog",
        "source": "audioset",
        "youtube_id": "aaaaaaaaaaa",
    }
    times = [(3.0, 7.0), (13.3, 20.0)]
    rows = [ManifestRow(clip_id=f"aaaaaaaaaaa_{s * 1000:.0f}", start_seconds=s, end_seconds=e, **row) for s, e in times]
    return rows, video


def audioset_source(shared: Path, **source: Any) -> AudioSetSource:
    return AudioSetSource(AudioSetSettings.model_validate(configuration(shared, **source)["source"]))


def normalised(source: AudioSetSource, row: ManifestRow, folder: Path) -> tuple[ManifestRow, Any]:
    """Fetch and normalise one row; return it with its frames, uint8 [frames, 64, 64, 3]."""
    from builder.normalise import NormaliseClips, NormaliseSettings
    from mma_bench.dataset.media import Media

    fetch = FetchClips(folder / "fetch", source)
    step = NormaliseClips(folder / "normalise", fetch.folder, NormaliseSettings(size=64, seconds=4))
    row = step.process(fetch.process(row))
    video, audio = step.outputs(row.clip_id)
    media = Media(key="x", read_video=video.read_bytes, read_audio=audio.read_bytes, seconds=row.video_seconds or 0)
    return row, (media.frames(25.0, size=64).astype(float), media.audio())


def test_a_downloaded_segment_is_what_cutting_the_whole_video_gives(shared: Path, tmp_path: Path) -> None:
    rows, video = segment_rows(shared / "clips", tmp_path)
    (tmp_path / "mirror").mkdir()
    shutil.copy(video, tmp_path / "mirror" / "aaaaaaaaaaa.mp4")
    mirror = audioset_source(shared, mirror=str(tmp_path / "mirror"))
    site = Site(lambda _: video)
    with serve(site) as template:
        network = audioset_source(shared, download={"url_template": template, **FAST})
        for row in rows:
            from_mirror, (frames, sound) = normalised(mirror, row, tmp_path / "m")
            fetched, (same_frames, same_sound) = normalised(network, row, tmp_path / "n")
            assert (from_mirror.media_start_seconds, fetched.media_start_seconds) == (row.start_seconds, 0.0)
            media = tmp_path / "n" / "fetch" / str(fetched.media)
            assert media.stat().st_size < video.stat().st_size / 2  # only the segment was kept
            n = min(len(frames), len(same_frames))
            assert n >= 0.95 * len(frames)
            error = [abs(frames[5 : n - 5] - same_frames[5 + d : n - 5 + d]).mean() for d in range(-5, 6)]
            assert min(error[4:7]) == min(error)  # within a frame; a late cut would fit better elsewhere
            m = min(len(sound), len(same_sound))
            lags = [float(sound[800 : m - 800] @ same_sound[800 + d : m - 800 + d]) for d in range(-800, 801, 8)]
            assert abs(lags.index(max(lags)) - 100) <= 1
        site.ranges = False  # a site without ranges costs bytes, not clips
        again, _ = normalised(network, rows[1], tmp_path / "without_ranges")
        assert again.video_seconds == fetched.video_seconds
        slow = {"url_template": template, **FAST, "whole": True, "rate_limit": video.stat().st_size // 2}
        begin = time.monotonic()
        path = audioset_source(shared, download=slow).fetch(rows[0], tmp_path / "slow")
        assert path.stat().st_size == video.stat().st_size
        assert time.monotonic() - begin > 1.5  # two seconds at that rate; a machine can only be slower


def test_a_mirror_serves_whole_videos_and_cut_ones_and_the_network_the_rest(shared: Path, tmp_path: Path) -> None:
    rows, video = segment_rows(shared / "clips", tmp_path)
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(video), "-c", "copy", str(mirror / "aaaaaaaaaaa.mkv")], check=True
    )
    shutil.copy(shared / "clips" / "YRz7RBslEAG0_repDiff_Frog_0.mp4", mirror / "aaaaaaaaaaa_13300.mp4")
    absent = rows[0].model_copy(update={"clip_id": "bbbbbbbbbbb_3000", "youtube_id": "bbbbbbbbbbb"})
    source = audioset_source(shared, mirror=str(mirror))
    found = [normalised(source, row, tmp_path / "m")[0] for row in rows]
    assert [row.media_start_seconds for row in found] == [3.0, 0.0]
    assert [Path(str(row.media)).name for row in found] == ["aaaaaaaaaaa.mkv", "aaaaaaaaaaa_13300.mp4"]
    with pytest.raises(Exception, match="not_in_mirror"):
        source.fetch(absent, tmp_path / "media")
    site = Site(lambda _: video)
    with serve(site) as template:
        both = audioset_source(shared, mirror=str(mirror), download={"url_template": template, **FAST})
        assert both.fetch(rows[1], tmp_path / "media").parent == mirror
        assert both.fetch(absent, tmp_path / "media").is_relative_to(tmp_path / "media")
        assert {served.video_id for served in site.log} == {"bbbbbbbbbbb"}


def test_a_killed_build_downloads_nothing_twice(shared: Path, tmp_path: Path) -> None:
    chosen = {"segments": [first_rows(shared, 100, tmp_path)], "limit": 8}
    rows = [row for row in audioset_source(shared, **chosen).rows() if row.kept]
    site = Site(Library(shared / "clips", tmp_path / "videos", rows))
    with serve(site) as template:
        config = configuration(shared, **chosen, download={"url_template": template, **FAST, "concurrency": 1})
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
        folders = ["--work", str(tmp_path / "work"), "--out", str(tmp_path / "out")]
        command = [sys.executable, "-m", "builder", "run", "--config", str(tmp_path / "config.yaml"), *folders]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            deadline = time.monotonic() + 300
            while len({served.video_id for served in site.log}) < 4 and time.monotonic() < deadline:
                time.sleep(0.02)
            os.kill(process.pid, signal.SIGKILL)
        time.sleep(1)  # what was under way on the site ends
        media = tmp_path / "work" / "fetch" / "media"
        finished = {str(row.youtube_id) for row in rows if list(media.glob(f"*/*/{row.clip_id}.mp4"))}
        assert 0 < len(finished) < 8
        before = Counter(served.video_id for served in site.log)
        status, _ = build(config, tmp_path)
        after = Counter(served.video_id for served in site.log)
        assert all(after[id_] == before[id_] for id_ in finished)
        assert next(stage for stage in status["funnel"] if stage["stage"] == "fetch")["kept"] == 8
        assert not list((media.parent).rglob("partial/*/*"))
        files = tree(tmp_path / "out")
        rules = tmp_path / "rules.yaml"
        rules.write_text(DEFAULT_RULES.read_text() + "\n# other rules, as far as the records of clips can tell\n")
        build({**config, "source": {**config["source"], "rules": str(rules)}}, tmp_path)
        assert Counter(served.video_id for served in site.log) == after
        (tmp_path / "undisturbed").mkdir()
        build(config, tmp_path / "undisturbed")
        assert tree(tmp_path / "undisturbed" / "out") == files


@pytest.fixture
def one_row() -> ManifestRow:
    return ManifestRow(
        clip_id="aaaaaaaaaaa_0",
        file="a",
        visual_label="Frog",
        audio_label="Frog",
        source="audioset",
        youtube_id="aaaaaaaaaaa",
        end_seconds=3.0,
    )


def test_a_bot_check_that_stays_ends_the_run_with_advice(shared: Path, tmp_path: Path, one_row: ManifestRow) -> None:
    pause = {"first_seconds": 0.1, "longest_seconds": 0.2, "tries": 9, "give_up_after": 2}
    with serve(Site(lambda _: tmp_path, {"aaaaaaaaaaa": "bot_page"}, busy={"bot_page": 99})) as template:
        source = audioset_source(shared, download={"url_template": template, **FAST, "pause": pause})
        with pytest.raises(MMABenchError, match=r"refused 2 times in a row.*source\.download\.cookies"):
            source.fetch(one_row, tmp_path / "media")


def test_train_shares_no_video_with_test_and_rows_are_told_apart(shared: Path, tmp_path: Path) -> None:
    head: list[str] = []
    rows: list[str] = []
    for number, line in enumerate((shared / "audioset" / "eval_segments.csv").read_text().splitlines(keepends=True)):
        (head if number < 3 else rows).append(line)
    youtube_id, _, _, labels = rows[1].split(", ")
    (tmp_path / "mine.csv").write_text(
        "".join([*head, rows[1], f"{youtube_id}, 100.000, 110.000, {labels}", *rows[4000:4300]])
    )
    (tmp_path / "eval.csv").write_text("".join([*head, *rows[:300]]))
    lists = {
        "segments": [str(tmp_path / "eval.csv"), str(tmp_path / "mine.csv")],
        "split": {"eval": "test", "mine": "train"},
    }
    found = list(audioset_source(shared, **lists).rows())
    assert len(found) == 602
    assert len({row.clip_id for row in found}) == 602
    reasons = Counter(row.reason for row in found if row.split == "train" and not row.kept)
    assert reasons["duplicate"] == 1
    published = {line.split(",")[0] for line in (shared / "mma_bench" / "official_clips.csv").read_text().splitlines()}
    train = {row.youtube_id for row in found if row.split == "train" and row.kept}
    assert train
    assert not train & ({row.youtube_id for row in found if row.split == "test"} | published)
    assert reasons["video_in_test"] > 1


def test_the_published_clips_alone_and_settings_that_make_no_sense(shared: Path, tmp_path: Path) -> None:
    source = AudioSetSource(AudioSetSettings(kind="audioset", preset="official"))
    rows = list(source.rows())
    assert len(rows) == 658
    assert all(row.kept for row in rows)
    assert source.class_names() == (shared / "mma_bench" / "classes.txt").read_text().split()
    for wrong, message in (
        ({"kind": "audioset"}, "preset: official"),
        ({"kind": "audioset", "preset": "official", "download": {"url_template": "file:///{youtube_id}"}}, "http"),
        ({"kind": "audioset", "preset": "official", "download": {"rate_limit": 1000}}, "needs `whole: true`"),
        ({"kind": "audioset", "preset": "official", "mirror": str(tmp_path / "nowhere")}, "mirror"),
    ):
        (tmp_path / "c.yaml").write_text(yaml.safe_dump({"source": wrong}))
        folders = ("--work", str(tmp_path / "w"), "--out", str(tmp_path / "o"))
        result = run_builder("run", "--config", str(tmp_path / "c.yaml"), *folders, check=False)
        assert result.returncode == 2
        assert message in result.stderr.splitlines()[-1]
        assert "Traceback" not in result.stderr
