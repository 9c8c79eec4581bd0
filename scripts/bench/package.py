"""`assemble` and `package` of many clips, against encoding the variants with ffmpeg and against copying the files.

    python scripts/bench/package.py [--shared ../shared] [--clips 200] [--encoded 3] [--repeat 3]
    python scripts/bench/package.py --work work/real       (a finished build, instead of normalising the clips first)

The real clips are normalised once and copied under other ids, each copy with other bytes (a block that players skip),
so no two streams have one hash. Timed is what a build does from there to the finished folder: black frames and
silence, partners, questions, shards with the hash of every member and every file, index, card; new work folder, media
in the cache. The copies are of the files that it made, one by one, with fsync as we do and without. Encoding is timed
for a few clips in all four media conditions, and scaled up to all of them by the number of variants.
"""

import argparse
import csv
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from builder.assemble import AssemblePlan, read_stimuli  # noqa: E402
from builder.assemble.stage import AssembleClips  # noqa: E402
from builder.config import BuildConfig, load_config  # noqa: E402
from builder.funnel import funnel  # noqa: E402
from builder.manifest import ManifestRow  # noqa: E402
from builder.manifest_file import read_manifest, write_manifest  # noqa: E402
from builder.package.contents import DatasetContents  # noqa: E402
from builder.package.dataset import PackageInputs, package_dataset  # noqa: E402
from builder.package.provenance import provenance  # noqa: E402
from builder.pipeline import BUILD  # noqa: E402
from builder.run_stage import run_stage  # noqa: E402
from mma_bench.dataset.integrity import verify_data  # noqa: E402
from mma_bench.dataset.removed import RemovedIds  # noqa: E402
from mma_bench.files.hashing import sha256_file  # noqa: E402

CONDITIONS = ("aligned", "misaligned", "audio_removed", "frames_zeroed")
_FLAC_HEAD = 4 + 4 + 34  # marker, header of the first block, STREAMINFO


def timed(function: Callable[[], object]) -> tuple[float, float]:
    """Return wall and processor seconds, children included."""
    begin, before = time.monotonic(), sum(os.times()[:4])
    function()
    return time.monotonic() - begin, sum(os.times()[:4]) - before


def build(clips: Path, folder: Path) -> Path:
    """Normalise the real clips as a user does; return the work folder."""
    with open(clips / "clips.csv", newline="") as file:
        rows = [(row["file"], row["visual_label"]) for row in csv.DictReader(file)]
    with open(folder / "list.csv", "w", newline="") as file:
        csv.writer(file).writerows([("file", "label"), *rows])
    config = folder / "config.yaml"
    config.write_text(f"source: {{kind: folder, csv: {folder / 'list.csv'}, folder: {clips.resolve()}}}\n")
    arguments = ["run", "--config", str(config), "--work", str(folder / "work"), "--out", str(folder / "data")]
    subprocess.run([sys.executable, "-m", "builder", *arguments], check=True, cwd=ROOT, stdout=sys.stderr)
    return folder / "work"


def other_video(content: bytes, number: int) -> bytes:
    """Return an MP4 with a box `free` at its end."""
    return content + (16).to_bytes(4, "big") + b"free" + number.to_bytes(8, "big")


def other_sound(content: bytes, number: int) -> bytes:
    """Return a FLAC with a block of type APPLICATION behind its first one, which must not be the last."""
    if content[:5] != b"fLaC\0":
        raise SystemExit("a sound has one block of metadata alone; its last mark would have to move")
    return content[:_FLAC_HEAD] + b"\x02\x00\x00\x0cmmab" + number.to_bytes(8, "big") + content[_FLAC_HEAD:]


def multiply(work: Path, count: int, folder: Path) -> list[ManifestRow]:
    """Write ``count`` clips to ``folder`` and return their rows."""
    folder.mkdir(parents=True)
    originals = [row for row in read_manifest(work / "release" / "manifest.parquet") if row.kept]
    rows = []
    for i in range(count):
        row = originals[i % len(originals)]
        name = f"clip{i:05d}_{row.clip_id}"[:60]
        for suffix, change in (("mp4", other_video), ("flac", other_sound)):
            content = (work / "normalise" / "clips" / f"{row.clip_id}.{suffix}").read_bytes()
            (folder / f"{name}.{suffix}").write_bytes(change(content, i))
        hashes = {
            f"{kind}_sha256": sha256_file(folder / f"{name}.{s}") for kind, s in (("video", "mp4"), ("audio", "flac"))
        }
        labels = {"audio_label": row.visual_label, "split": "test"}
        rows.append(row.changed(clip_id=name, **labels, **hashes))
    return rows


def assemble_and_package(config: BuildConfig, rows: list[ManifestRow], clips: Path, work: Path, out: Path) -> None:
    """Do what `builder.run` does from the stage `assemble` on."""
    manifest = work / "release" / "manifest.parquet"
    write_manifest(manifest, rows)
    classes = sorted({row.visual_label for row in rows})
    plan = AssemblePlan(work / "assemble", clips, classes, {}, config.seed, config.assemble, config.normalise)
    done = run_stage(AssembleClips(plan), manifest, config.executor)
    stimuli = plan.folder / "stimuli.parquet"
    contents = DatasetContents(
        clips=[row.to_clip() for row in done if row.kept],
        stimuli=read_stimuli(stimuli),
        funnel=funnel(done, [entry.name for entry in BUILD if entry.counts_clips]),
        provenance={**provenance(config, {}), "licence_mode": "all"},
        removed=RemovedIds(),
        super_classes={},
    )
    inputs = PackageInputs(stimuli, clips, plan.streams, contents)
    package_dataset(inputs, work / "package", out, config.executor)


def copy(source: Path, target: Path, *, sync: bool) -> None:
    """Copy every file of a folder; ``sync`` makes each survive a power cut, as ours do."""
    for path in sorted(source.rglob("*")):
        if path.is_file():
            to = target / path.relative_to(source)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, to)
            if sync:
                with open(to, "rb") as file:
                    os.fsync(file.fileno())


def encode(rows: list[ManifestRow], clips: Path, folder: Path) -> None:
    """Make the four variants of each clip by one ffmpeg process each, encoding as the clips are."""
    codec = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-c:a", "aac", "-b:a", "128k"]
    for row, donor in zip(rows, rows[1:] + rows[:1], strict=True):
        video, own, other = (
            str(clips / name) for name in (f"{row.clip_id}.mp4", f"{row.clip_id}.flac", f"{donor.clip_id}.flac")
        )
        silence = ["-f", "lavfi", "-i", "anullsrc=channel_layout=mono:sample_rate=16000"]
        black = ["-f", "lavfi", "-i", f"color=black:size=504x504:rate={row.frame_rate}"]
        inputs = {
            "aligned": ["-i", video, "-i", own],
            "misaligned": ["-i", video, "-i", other],
            "audio_removed": ["-i", video, *silence],
            "frames_zeroed": [*black, "-i", own],
        }
        for condition in CONDITIONS:
            command = ["ffmpeg", "-v", "error", "-y", *inputs[condition], "-map", "0:v", "-map", "1:a", *codec]
            out = str(folder / f"{condition}_{row.clip_id}.mp4")
            subprocess.run([*command, "-t", str(row.video_seconds), "-shortest", out], check=True)


def measure(options: argparse.Namespace, base: Path, work: Path) -> None:
    """Print the figures."""
    clips = base / "clips"
    rows = multiply(work, options.clips, clips)
    (base / "list.csv").write_text("file,label\na,b\n")
    (base / "config.yaml").write_text(f"source: {{kind: folder, csv: {base / 'list.csv'}}}\n")
    config = load_config(base / "config.yaml", (f"assemble.conditions=[{', '.join(CONDITIONS)}]",))
    out, copied = base / "out", base / "copied"
    sides: dict[str, Callable[[], object]] = {
        "assemble + package": lambda: assemble_and_package(config, rows, clips, base / "fresh", out),
        "copy, with fsync": lambda: copy(out, copied, sync=True),
        "copy": lambda: copy(out, copied, sync=False),
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    for turn in range(options.repeat):
        for folder in (base / "fresh", out, copied):
            shutil.rmtree(folder, ignore_errors=True)
        for name, run in sides.items():
            shutil.rmtree(copied, ignore_errors=True)
            os.sync()
            found[name].append(timed(run))
            print(
                f"  turn {turn}: {name}: {found[name][-1][0]:.2f} s, processor {found[name][-1][1]:.2f} s", flush=True
            )
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    if problems := verify_data(out):
        raise SystemExit(f"the dataset is not sound: {problems[0]}")
    if options.keep:
        shutil.copytree(out, options.keep)
    few = rows[: options.encoded]
    (base / "encoded").mkdir()
    wall, core = timed(lambda: encode(few, clips, base / "encoded"))
    variants = len(rows) * len(CONDITIONS)
    made = len(few) * len(CONDITIONS)
    shard = max(out.rglob("*.tar"), key=lambda path: path.stat().st_size)
    _, hashing = timed(lambda: sha256_file(shard))
    print(f"SHA-256 alone: {shard.stat().st_size / 1e6 / hashing:.0f} MB a second of processor time")
    print(f"\n{len(rows)} clips, {variants} variants, {size / 1e6:.0f} MB, load {os.getloadavg()[0]:.1f}")
    ours = tuple(statistics.median(run[i] for run in found["assemble + package"]) for i in (0, 1))
    for name, runs in found.items():
        a, b = (statistics.median(run[i] for run in runs) for i in (0, 1))
        print(
            f"  {name:<24} {a:8.2f} s {size / 1e6 / a:8.0f} MB/s   processor {b:7.2f} s   "
            f"speed of ours: {a / ours[0]:.2f} of it, by processor time {b / ours[1]:.2f}"
        )
    wall, core = wall / made * variants, core / made * variants
    print(
        f"  {'ffmpeg, ' + str(made) + ' variants timed':<24} {wall:8.0f} s (scaled)   processor {core:7.0f} s   "
        f"ours: {wall / ours[0]:.0f} times, by processor time {core / ours[1]:.0f} times"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--work", type=Path, help="work folder of a finished build of real clips")
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--encoded", type=int, default=3, help="clips whose variants are encoded")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="keep the dataset in this folder, such as for random_access.py")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = options.work or build(options.shared / "data" / "clips", Path(name))
        measure(options, Path(name), work)


if __name__ == "__main__":
    main()
