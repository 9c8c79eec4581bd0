"""`normalise` against the reference way: one ffmpeg process per clip, two at a time.

    python scripts/bench/normalise.py [--shared ../shared] [--clips 15] [--turns 5]

Both start from the real clips and run alternately. The reference writes one mp4 with H.264 and AAC; ours
writes the silent mp4 with a key frame every 0.5 s, the FLAC, and their hashes. The encoders' own time is that of x264
and FLAC on raw frames and samples; no stage that makes the same bytes can take less processor time.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from builder.executors import ExecutorSettings  # noqa: E402
from builder.fetch.stage import FetchClips  # noqa: E402
from builder.manifest_file import write_manifest  # noqa: E402
from builder.normalise import NormaliseClips, NormaliseSettings  # noqa: E402
from builder.normalise.transcode import _video_options  # noqa: E402
from builder.run_stage import run_stage  # noqa: E402
from builder.sources.folder import FolderSettings, FolderSource  # noqa: E402
from scripts.bench.result import Result, add_arguments, save  # noqa: E402
from scripts.bench.turns import Side, alternate  # noqa: E402

WORKERS = 2
OURS, REFERENCE, ENCODERS = "normalise", "one ffmpeg per clip", "x264 and FLAC alone"
QUIET = ["ffmpeg", "-y", "-v", "error"]


def reference(clips: list[Path], out: Path) -> None:
    """Encode the clips in the reference way."""
    square = "crop='min(iw,ih)':'min(iw,ih)',scale=504:504"

    def one(clip: Path) -> None:
        video = ["-vf", square, "-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-pix_fmt", "yuv420p"]
        sound = ["-c:a", "aac", "-b:a", "128k", "-movflags", "+faststart"]
        subprocess.run([*QUIET, "-i", str(clip), "-t", "10", *video, *sound, str(out / clip.name)], check=True)

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(one, clips))


def ours(fetched: Path, work: Path) -> int:
    """Run the stage; return the number of clips that it kept."""
    stage = NormaliseClips(work, fetched.parent, NormaliseSettings())
    return run_stage(stage, fetched, ExecutorSettings(workers=WORKERS)).kept_count


def decode(clips: Path, folder: Path) -> list[Path]:
    """Write frames and samples of normalised clips to one folder per clip."""
    folders = []
    for clip in sorted(clips.rglob("*.mp4")):
        folders.append(folder / clip.stem)
        folders[-1].mkdir(parents=True)
        raw, samples = (str(folders[-1] / name) for name in ("frames.y4m", "samples.wav"))
        subprocess.run([*QUIET, "-i", str(clip), "-i", str(clip.with_suffix(".flac")), raw, samples], check=True)
    return folders


def encode(folders: list[Path]) -> None:
    """Encode frames and samples as the stage does."""
    options = [part for name, value in _video_options(NormaliseSettings()).items() for part in (f"-{name}", str(value))]
    for folder in folders:
        raw, samples = str(folder / "frames.y4m"), str(folder / "samples.wav")
        subprocess.run([*QUIET, "-threads", "1", "-i", raw, *options, str(folder / "e.mp4")], check=True)
        subprocess.run([*QUIET, "-i", samples, "-c:a", "flac", str(folder / "e.flac")], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--clips", type=int, default=15, help="real clips, at most 15")
    add_arguments(parser, turns=5)
    options = parser.parse_args()
    source = FolderSource(FolderSettings(kind="folder", csv=options.shared / "data" / "clips" / "clips.csv"))
    rows = source.rows()[: options.clips]
    clips = [source.root / row.file for row in rows]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_manifest(folder / "select.parquet", rows)
        fetch = FetchClips(folder / "fetch", source)
        run_stage(fetch, folder / "select.parquet", ExecutorSettings(workers=WORKERS))
        kept = ours(fetch.folder / "manifest.parquet", folder / "first")
        raw = decode(folder / "first", folder / "raw")
        works = (folder / f"ours-{turn}" for turn in count())
        again = folder / "reference"

        def empty() -> None:
            shutil.rmtree(again, ignore_errors=True)
            again.mkdir()

        sides = (
            Side(REFERENCE, lambda: reference(clips, again), empty),
            Side(OURS, lambda: ours(fetch.folder / "manifest.parquet", next(works))),
            Side(ENCODERS, lambda: encode(raw)),
        )
        times = alternate(sides, options.turns, warm_up=0, budget=options.budget)
        print(f"{len(clips)} clips, {WORKERS} at a time, kept {kept}")
        for side, found in times.items():
            print(f"  {side:<22} {found.spread} s, processor {found.processor_seconds:.2f} s")
        rows_found = [
            Result.of("normalise", times, ours=OURS, peer=REFERENCE, limit=ENCODERS),
            Result.of("normalise", times, ours=OURS, peer=REFERENCE, by_clock=True),
        ]
        save(options.json, rows_found)


if __name__ == "__main__":
    main()
