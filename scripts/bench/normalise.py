"""`normalise` beside the reference way: one ffmpeg process a clip, two at a time.

    python scripts/bench/normalise.py [--shared ../shared] [--repeat 3]

Both roads start from the 15 real clips and run alternately. The reference writes one mp4 with H.264 and AAC; ours
writes the silent mp4 with a key frame every 0.5 s, the FLAC, and their hashes. The encoders' own time is that of x264
and FLAC on raw frames and samples; no stage that makes the same bytes can take less processor time.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from builder.executors import ExecutorSettings  # noqa: E402
from builder.fetch.stage import FetchClips  # noqa: E402
from builder.manifest_file import read_manifest, write_manifest  # noqa: E402
from builder.normalise import NormaliseClips, NormaliseSettings  # noqa: E402
from builder.normalise.transcode import _video_options  # noqa: E402
from builder.run_stage import run_stage  # noqa: E402
from builder.sources.folder import FolderSettings, FolderSource  # noqa: E402

WORKERS = 2


def reference(clips: list[Path], out: Path) -> tuple[float, float]:
    """Return the seconds of the reference way, and its processor time."""
    out.mkdir()
    square = "crop='min(iw,ih)':'min(iw,ih)',scale=504:504"

    def one(clip: Path) -> None:
        video = ["-vf", square, "-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-pix_fmt", "yuv420p"]
        sound = ["-c:a", "aac", "-b:a", "128k", "-movflags", "+faststart"]
        command = ["ffmpeg", "-y", "-v", "error", "-i", str(clip), "-t", "10", *video, *sound]
        subprocess.run([*command, str(out / clip.name)], check=True)

    begin, before = time.monotonic(), core_seconds()
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(one, clips))
    return time.monotonic() - begin, core_seconds() - before


def ours(fetched: Path, work: Path) -> tuple[float, int]:
    """Return the seconds of the stage and the clips it kept."""
    begin = time.monotonic()
    step = NormaliseClips(work, fetched.parent, NormaliseSettings())
    rows = run_stage(step, fetched, ExecutorSettings(workers=WORKERS))
    return time.monotonic() - begin, sum(row.kept for row in rows)


def core_seconds() -> float:
    """Return the processor time of this process and of those it waited for."""
    return sum(os.times()[:4])


def stage_core_seconds(fetched: Path, work: Path) -> float:
    """Return the processor time of the stage's work on all clips, one after the other in this process."""
    step = NormaliseClips(work, fetched.parent, NormaliseSettings())
    before = core_seconds()
    for row in read_manifest(fetched):
        step.process(row)
    return core_seconds() - before


def encoder_seconds(clips: Path, folder: Path) -> float:
    """Return the processor time that x264 and FLAC need for frames and samples that lie ready."""
    total = 0.0
    for clip in sorted(clips.glob("*.mp4")):
        raw, samples = folder / "frames.y4m", folder / "samples.wav"
        quiet = ["ffmpeg", "-y", "-v", "error"]
        subprocess.run(
            [*quiet, "-i", str(clip), "-i", str(clip.with_suffix(".flac")), str(raw), str(samples)], check=True
        )
        options = [part for name, value in _video_options(NormaliseSettings()).items() for part in named(name, value)]
        before = core_seconds()
        subprocess.run([*quiet, "-threads", "1", "-i", str(raw), *options, str(folder / "e.mp4")], check=True)
        subprocess.run([*quiet, "-i", str(samples), "-c:a", "flac", str(folder / "e.flac")], check=True)
        total += core_seconds() - before
    return total


def named(name: str, value: object) -> list[str]:
    return [f"-{name}", str(value)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    source = FolderSource(FolderSettings(kind="folder", csv=options.shared / "data" / "clips" / "clips.csv"))
    rows = source.rows()
    clips = [source.root / row.file for row in rows]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_manifest(folder / "select.parquet", rows)
        fetch = FetchClips(folder / "fetch", source)
        run_stage(fetch, folder / "select.parquet", ExecutorSettings(workers=WORKERS))
        fetched = fetch.folder / "manifest.parquet"
        print(f"{len(clips)} clips, {WORKERS} at a time, {len(os.sched_getaffinity(0))} cores")
        ratios = []
        for turn in range(options.repeat):
            load = os.getloadavg()[0]
            theirs, their_cores = reference(clips, folder / f"reference-{turn}")
            seconds, kept = ours(fetched, folder / f"ours-{turn}")
            ratios.append(theirs / seconds)
            print(
                f"turn {turn + 1}: reference {len(clips) / theirs:.3f} clips/s, ours {kept / seconds:.3f} clips/s, "
                f"ratio {ratios[-1]:.2f}, kept {kept} of {len(clips)} (load {load:.1f})"
            )
        print(f"median ratio {statistics.median(ratios):.2f}; shorter than 10 s and lost: {len(clips) - kept}")
        work = folder / "alone"
        whole = stage_core_seconds(fetched, work)
        encoders = encoder_seconds(work / "clips", folder)
        print(f"processor time: reference {their_cores:.1f} s, ours {whole:.1f} s")
        print(f"of ours, the encoders alone take {encoders:.1f} s: {encoders / whole:.0%}, the limit")


if __name__ == "__main__":
    main()
