"""How well and how fast `compare` finds clips that are one recording.

    python scripts/bench/near_duplicates.py [--shared ../shared] [--clips 22000] [--pairs 2000] [--originals 15]

Quality: each of the 15 real clips in six encodings (aac 128k; aac 64k at crf 28; mp3 64k at half size; shifted by
1.3 s; shifted by 0.26 s and 9 dB quieter; cropped by 6% and 6 dB louder). Two encodings of one
clip are a pair to be found, so are the two real clips that share a sound and
the two that share a video; all other pairs are not.
Speed: as many clips as asked for, each with as many numbers as a real clip has, drawn from those of the real clips
with a few bits changed: crowded buckets, as real lists have them. Among the first `--pairs` of them, the search for
videos takes turns with a comparison of all pairs by numpy, and must find the same pairs.
"""

import argparse
import csv
import dataclasses
import itertools
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from builder.compare import CompareSettings  # noqa: E402
from builder.compare.ragged import Ragged  # noqa: E402
from builder.compare.search import Match, equal_sounds, equal_videos  # noqa: E402
from builder.executors import ExecutorSettings  # noqa: E402
from builder.fetch.stage import FetchClips  # noqa: E402
from builder.inspect import InspectClips, InspectSettings  # noqa: E402
from builder.inspect.fingerprint import fingerprint_tables  # noqa: E402
from builder.manifest import ManifestRow  # noqa: E402
from builder.manifest_file import Manifest, write_manifest  # noqa: E402
from builder.normalise import NormaliseClips, NormaliseSettings  # noqa: E402
from builder.run_stage import run_stage  # noqa: E402
from builder.sources.folder import FolderSettings, FolderSource  # noqa: E402
from scripts.bench.result import Result, add_arguments, save  # noqa: E402
from scripts.bench.turns import Side, alternate  # noqa: E402

SEARCHES: dict[str, Callable[[Ragged, CompareSettings], list[Match]]] = {
    "sound": equal_sounds,
    "video": equal_videos,
}
ENCODINGS = {
    "same": ["-crf", "18", "-b:a", "128k"],
    "aac64": ["-crf", "28", "-b:a", "64k"],
    "mp3": ["-vf", "scale=trunc(iw/4)*2:-2", "-crf", "26", "-c:a", "libmp3lame", "-b:a", "64k"],
    "late": ["-ss", "1.3", "-crf", "23", "-b:a", "128k"],
    "late_quiet": ["-ss", "0.26", "-crf", "23", "-af", "volume=-9dB", "-b:a", "64k"],
    "crop_loud": ["-vf", "crop=iw*0.94:ih*0.94,scale=trunc(iw/2)*2:trunc(ih/2)*2", "-crf", "26", "-af", "volume=6dB"],
}
ONE_VIDEO = ("YRz7RBslEAG0_repDiff_Frog_0", "caption_peturb")
ONE_SOUND = ("Y7xkj4XqaynU_repDiff_Glass_0", "YhRHKxyErgZw_repDiff_Glass_0")


def encode_all(clips: list[Path], folder: Path) -> list[Path]:
    """Write every clip in every encoding; return the files."""

    def encode(task: tuple[Path, str]) -> Path:
        clip, name = task
        target = folder / f"{clip.stem}--{name}.mp4"
        codec = ["-c:v", "libx264", "-preset", "ultrafast", "-threads", "1", "-pix_fmt", "yuv420p", "-t", "10"]
        subprocess.run(
            ["ffmpeg", "-v", "error", "-threads", "1", "-i", str(clip), *codec, *ENCODINGS[name], str(target)],
            check=True,
        )
        return target

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(encode, itertools.product(clips, ENCODINGS)))


def fingerprints(files: list[Path], work: Path) -> tuple[list[ManifestRow], dict[str, Ragged]]:
    """Take ``files`` through the stages; return the clips that are left and the fingerprints of their streams."""
    with open(work / "list.csv", "w", newline="") as file:
        csv.writer(file).writerows([("file", "label"), *((path.name, "ab"[at % 2]) for at, path in enumerate(files))])
    source = FolderSource(FolderSettings(kind="folder", csv=work / "list.csv", folder=files[0].parent))
    write_manifest(work / "select.parquet", source.rows())
    fetch = FetchClips(work / "fetch", source)
    normalise = NormaliseClips(work / "normalise", fetch.folder, NormaliseSettings(size=126, preset="ultrafast"))
    inspect = InspectClips(work / "inspect", normalise.folder, InspectSettings())
    manifest = Manifest(work / "select.parquet")
    for stage in (fetch, normalise, inspect):
        manifest = run_stage(stage, manifest.path, ExecutorSettings())
    tables = list(fingerprint_tables(inspect.folder, manifest.column("clip_id")))
    sounds = Ragged.of_lists((table["landmarks"] for table in tables), width=2)
    return list(manifest), {"sound": sounds, "video": Ragged.of_lists(table["frames"] for table in tables)}


def quality(rows: list[ManifestRow], streams: dict[str, Ragged]) -> list[Result]:
    """Print precision and recall, and return them."""
    clips = [row.file.split("--")[0] for row in rows]
    results = []
    for stream, shared in (("sound", ONE_SOUND), ("video", ONE_VIDEO)):
        names = ["shared" if clip in shared else clip for clip in clips]
        equal = {pair for pair in itertools.combinations(range(len(names)), 2) if names[pair[0]] == names[pair[1]]}
        found = {(match.first, match.second) for match in SEARCHES[stream](streams[stream], CompareSettings())}
        pairs = len(names) * (len(names) - 1) // 2
        recall = len(found & equal) / len(equal)
        print(
            f"{stream}: {len(equal)} pairs to find of {pairs}, {len(found & equal)} found, {len(found - equal)} wrong: "
            f"precision {len(found & equal) / max(1, len(found)):.3f}, recall {recall:.3f}"
        )
        for first, second in sorted(equal - found):
            print(f"  missed: {rows[first].file} and {rows[second].file}")
        wrong = f"{len(found - equal)} wrong pairs"
        results.append(Result.value("near_duplicates", f"{stream}: pairs found / to find", [recall], "count", wrong))
    return results


def many(streams: dict[str, Ragged], clips: int) -> dict[str, Ragged]:
    """Return fingerprints of ``clips`` clips, drawn from the numbers of real ones."""
    rng = np.random.default_rng(0)
    landmarks, frames = streams["sound"].values, streams["video"].values
    per_clip = {name: round(len(stream.values) / len(stream)) for name, stream in streams.items()}
    sounds: list[Any] = []
    videos: list[Any] = []
    for _ in range(clips):
        count = per_clip["sound"]
        numbers = rng.choice(landmarks[:, 0], count) ^ rng.integers(0, 8, count, np.uint32) << 10
        times = np.sort(rng.integers(0, 625, count))
        sounds.append(np.stack([numbers, times], axis=1).astype(np.uint32))
        bits = rng.integers(0, 1 << 63, (2, per_clip["video"]), np.uint64)
        videos.append(rng.choice(frames, per_clip["video"]) ^ (bits[0] & bits[1]))
    return {"sound": Ragged.of(sounds, landmarks[:0]), "video": Ragged.of(videos, frames[:0])}


def speed(streams: dict[str, Ragged]) -> None:
    """Print how long the search takes."""
    for stream, search in SEARCHES.items():
        begin, before = time.monotonic(), time.process_time()
        found = search(streams[stream], CompareSettings())
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{stream}: {len(streams[stream])} clips searched in {time.monotonic() - begin:.1f} s, "
            f"{time.process_time() - before:.1f} s of processor time, {len(found)} pairs, "
            f"{memory:.0f} MiB at most (load {os.getloadavg()[0]:.1f})"
        )


def all_pairs(frames: Ragged, settings: CompareSettings) -> set[tuple[int, int]]:
    """Compare each video with all later ones; all must have the same number of hashes."""
    count = len(frames)
    table = frames.values.reshape(count, -1)
    found = set()
    for first in range(count - 1):
        later = table[first + 1 :]
        equal = np.bitwise_count(table[first][None, :, None] ^ later[:, None, :]) <= settings.max_bits
        own, other = equal.any(axis=2), equal.any(axis=1)
        shares = np.minimum(own.mean(axis=1), other.mean(axis=1)) >= settings.min_frame_share
        enough = np.minimum(own.sum(axis=1), other.sum(axis=1)) >= settings.min_frames
        found |= {(first, first + 1 + int(at)) for at in np.flatnonzero(shares & enough)}
    return found


def against_all_pairs(frames: Ragged, options: argparse.Namespace) -> Result:
    """Return how many times as fast the search is, for the first clips."""
    part, settings = frames.slice(0, options.pairs), CompareSettings()
    results: dict[str, set[tuple[int, int]]] = {}
    sides = (
        Side("all pairs with numpy", lambda: results.update(peer=all_pairs(part, settings))),
        Side("equal_videos", lambda: results.update(ours={(m.first, m.second) for m in equal_videos(part, settings)})),
    )
    times = alternate(sides, options.turns, budget=options.budget)
    missed, wrong = len(results["peer"] - results["ours"]), len(results["ours"] - results["peer"])
    row = Result.of("near_duplicates", times, ours=sides[1].name, peer=sides[0].name)
    said = f"{options.pairs} clips, {len(results['peer'])} pairs, {missed} missed, {wrong} wrong"
    return dataclasses.replace(row, limit=said)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--clips", type=int, default=22_000)
    parser.add_argument("--pairs", type=int, default=2_000, help="clips of which all pairs are compared")
    parser.add_argument("--originals", type=int, default=15, help="real clips to encode in six ways")
    add_arguments(parser, turns=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        (work / "media").mkdir()
        originals = sorted((options.shared / "data" / "clips").glob("*.mp4"))[: options.originals]
        rows, streams = fingerprints(encode_all(originals, work / "media"), work)
    results = quality(rows, streams)
    larger = many(streams, options.clips)
    speed(larger)
    save(options.json, [*results, against_all_pairs(larger["video"], options)])


if __name__ == "__main__":
    main()
