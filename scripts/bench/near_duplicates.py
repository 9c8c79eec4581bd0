"""How well and how fast `compare` finds clips that are one recording.

    python scripts/bench/near_duplicates.py [--shared ../shared] [--clips 22000]

Quality: each of the 15 real clips in six encodings (aac 128k; aac 64k at crf 28; mp3 64k at half size; shifted by
1.3 s; shifted by 0.26 s and 9 dB quieter; cropped by 6% and 6 dB louder). Two encodings of one
clip are a pair to be found, so are the two real clips that share a sound and
the two that share a video; all other pairs are not.
Speed: as many clips as asked for, each with as many numbers as a real clip has, drawn from those of the real clips
with a few bits changed: crowded buckets, as real lists have them.
"""

import argparse
import csv
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
from builder.compare.search import Match, equal_sounds, equal_videos  # noqa: E402
from builder.executors import ExecutorSettings  # noqa: E402
from builder.fetch.stage import FetchClips  # noqa: E402
from builder.inspect import InspectClips, InspectSettings  # noqa: E402
from builder.inspect.fingerprint import Fingerprint  # noqa: E402
from builder.manifest import ManifestRow  # noqa: E402
from builder.manifest_file import write_manifest  # noqa: E402
from builder.normalise import NormaliseClips, NormaliseSettings  # noqa: E402
from builder.run_stage import run_stage  # noqa: E402
from builder.sources.folder import FolderSettings, FolderSource  # noqa: E402

SEARCHES: dict[str, Callable[[list[Any], CompareSettings], list[Match]]] = {
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


def fingerprints(files: list[Path], work: Path) -> tuple[list[ManifestRow], list[Fingerprint]]:
    """Take ``files`` through the stages; return the clips that are left and their fingerprints."""
    with open(work / "list.csv", "w", newline="") as file:
        csv.writer(file).writerows([("file", "label"), *((path.name, "ab"[at % 2]) for at, path in enumerate(files))])
    source = FolderSource(FolderSettings(kind="folder", csv=work / "list.csv", folder=files[0].parent))
    manifest = work / "select.parquet"
    write_manifest(manifest, source.rows())
    fetch = FetchClips(work / "fetch", source)
    normalise = NormaliseClips(work / "normalise", fetch.folder, NormaliseSettings(size=126, preset="ultrafast"))
    inspect = InspectClips(work / "inspect", normalise.folder, InspectSettings())
    for step in (fetch, normalise, inspect):
        rows = run_stage(step, manifest, ExecutorSettings())
        manifest = step.folder / "manifest.parquet"
    kept = [row for row in rows if row.kept]
    return kept, [Fingerprint.read(inspect.outputs(row)[0]) for row in kept]


def quality(rows: list[ManifestRow], streams: dict[str, list[Any]]) -> None:
    """Print precision and recall."""
    clips = [row.file.split("--")[0] for row in rows]
    for stream, shared in (("sound", ONE_SOUND), ("video", ONE_VIDEO)):
        names = ["shared" if clip in shared else clip for clip in clips]
        equal = {pair for pair in itertools.combinations(range(len(names)), 2) if names[pair[0]] == names[pair[1]]}
        found = {(match.first, match.second) for match in SEARCHES[stream](streams[stream], CompareSettings())}
        pairs = len(names) * (len(names) - 1) // 2
        print(
            f"{stream}: {len(equal)} pairs to find of {pairs}, {len(found & equal)} found, {len(found - equal)} wrong: "
            f"precision {len(found & equal) / len(found):.3f}, recall {len(found & equal) / len(equal):.3f}"
        )
        for first, second in sorted(equal - found):
            print(f"  missed: {rows[first].file} and {rows[second].file}")


def speed(streams: dict[str, list[Any]], clips: int) -> None:
    """Print how long the search among ``clips`` clips takes."""
    rng = np.random.default_rng(0)
    landmarks, frames = np.concatenate(streams["sound"]), np.concatenate(streams["video"])
    count_landmarks, count_frames = (
        round(float(np.mean([len(part) for part in streams[name]]))) for name in ("sound", "video")
    )
    many: dict[str, list[Any]] = {"sound": [], "video": []}
    for _ in range(clips):
        numbers = rng.choice(landmarks[:, 0], count_landmarks) ^ rng.integers(0, 8, count_landmarks, np.uint32) << 10
        times = np.sort(rng.integers(0, 625, count_landmarks))
        many["sound"].append(np.stack([numbers, times], axis=1).astype(np.uint32))
        bits = rng.integers(0, 1 << 63, count_frames, np.uint64) & rng.integers(0, 1 << 63, count_frames, np.uint64)
        many["video"].append(rng.choice(frames, count_frames) ^ bits)
    for stream, search in SEARCHES.items():
        begin = time.monotonic()
        found = search(many[stream], CompareSettings())
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{stream}: {clips} clips searched in {time.monotonic() - begin:.1f} s, {len(found)} pairs, "
            f"{memory:.0f} MiB at most (load {os.getloadavg()[0]:.1f})"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--clips", type=int, default=22_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        (work / "media").mkdir()
        files = encode_all(sorted((options.shared / "data" / "clips").glob("*.mp4")), work / "media")
        rows, prints = fingerprints(files, work)
    streams = {"sound": [part.landmarks for part in prints], "video": [part.frames for part in prints]}
    quality(rows, streams)
    speed(streams, options.clips)


if __name__ == "__main__":
    main()
