"""`assemble` and `package` of many clips, against encoding the variants with ffmpeg and against copying the files.

    python scripts/bench/package.py [--shared ../shared] [--clips 200] [--encoded 3] [--turns 3]
    python scripts/bench/package.py --work work/real       (a finished build, instead of normalising the clips first)

The real clips are normalised once and copied under other ids, each copy with other bytes (a block that players skip),
so no two streams have one hash. Timed is what a build does from there to the finished folder: black frames and
silence, partners, questions, shards with the hash of every member and every file, index, card; new work folder, media
in the cache. The copies are of the files that it made, one by one, with fsync as we do and without. Encoding is timed
for a few clips in all four media conditions, and compared per variant. The limit is SHA-256 of the shards and of each
stream, which all have to be hashed once.
"""

import argparse
import dataclasses
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from builder.assemble import AssemblePlan  # noqa: E402
from builder.assemble.stage import AssembleClips  # noqa: E402
from builder.assemble.stimuli_file import StimuliFile  # noqa: E402
from builder.config import BuildConfig, load_config  # noqa: E402
from builder.funnel import Funnel  # noqa: E402
from builder.manifest import ManifestRow  # noqa: E402
from builder.manifest_file import PublishedClips, read_manifest, write_manifest  # noqa: E402
from builder.media_folder import clip_file  # noqa: E402
from builder.package.contents import DatasetContents  # noqa: E402
from builder.package.dataset import PackageInputs, package_dataset  # noqa: E402
from builder.package.provenance import provenance  # noqa: E402
from builder.pipeline import BUILD  # noqa: E402
from builder.run_stage import run_stage  # noqa: E402
from mma_bench.dataset.integrity import verify_data  # noqa: E402
from mma_bench.dataset.removed import RemovedIds  # noqa: E402
from mma_bench.files.hashing import sha256_file  # noqa: E402
from scripts.bench.inputs import build, with_free_box  # noqa: E402
from scripts.bench.result import Result, add_arguments, save  # noqa: E402
from scripts.bench.turns import Side, alternate  # noqa: E402

CONDITIONS = ("aligned", "misaligned", "audio_removed", "frames_zeroed")
OURS, HASHING = "assemble + package", "SHA-256"
_FLAC_HEAD = 4 + 4 + 34  # marker, header of the first block, STREAMINFO


def other_sound(content: bytes, number: int) -> bytes:
    """Return a FLAC with a block of type APPLICATION behind its first one, which must not be the last."""
    if content[:5] != b"fLaC\0":
        raise SystemExit("a sound has one block of metadata alone; its last mark would have to move")
    return content[:_FLAC_HEAD] + b"\x02\x00\x00\x0cmmab" + number.to_bytes(8, "big") + content[_FLAC_HEAD:]


def multiply(work: Path, count: int, folder: Path) -> list[ManifestRow]:
    """Write ``count`` clips to ``folder`` and return their rows."""
    folder.mkdir(parents=True)
    originals = read_manifest(work / "release" / "manifest.parquet", kept_only=True)
    rows = []
    for i in range(count):
        row = originals[i % len(originals)]
        name = f"clip{i:05d}_{row.clip_id}"[:60]
        hashes = {}
        for stream, suffix, change in (("video", "mp4", with_free_box), ("audio", "flac", other_sound)):
            target = clip_file(folder, name, suffix)
            target.parent.mkdir(exist_ok=True)
            content = clip_file(work / "normalise" / "clips", row.clip_id, suffix).read_bytes()
            target.write_bytes(change(content, i))
            hashes[f"{stream}_sha256"] = sha256_file(target)
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
        clips=PublishedClips(done),
        stimuli=StimuliFile(stimuli),
        funnel=Funnel.of(done).stages([entry.name for entry in BUILD if entry.counts_clips]),
        provenance={**provenance(config, {}), "licence_mode": "all"},
        removed=RemovedIds(),
        super_classes={},
    )
    inputs = PackageInputs(stimuli, done, clips, plan.streams, contents)
    package_dataset(inputs, work / "package", out, config.executor)


def hash_all(out: Path, clips: Path) -> None:
    """Hash every shard, and every stream of the clips."""
    for path in [*out.rglob("*.tar"), *clips.rglob("*.*")]:
        sha256_file(path)


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
            str(clip_file(clips, clip.clip_id, suffix))
            for clip, suffix in ((row, "mp4"), (row, "flac"), (donor, "flac"))
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


def measure(options: argparse.Namespace, base: Path, work: Path) -> list[Result]:
    """Return the rows of the table."""
    clips = base / "clips"
    rows = multiply(work, options.clips, clips)
    (base / "list.csv").write_text("file,label\na,b\n")
    (base / "config.yaml").write_text(f"source: {{kind: folder, csv: {base / 'list.csv'}}}\n")
    config = load_config(base / "config.yaml", (f"assemble.conditions=[{', '.join(CONDITIONS)}]",))
    out, copied, encoded = base / "out", base / "copied", base / "encoded"
    few = rows[: options.encoded]
    encoding = f"ffmpeg, {len(few) * len(CONDITIONS)} variants"

    def fresh() -> None:
        shutil.rmtree(base / "fresh", ignore_errors=True)
        shutil.rmtree(out, ignore_errors=True)
        os.sync()

    def empty(folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        os.sync()

    sides = [
        Side(OURS, lambda: assemble_and_package(config, rows, clips, base / "fresh", out), fresh),
        Side("copy, with fsync", lambda: copy(out, copied, sync=True), lambda: empty(copied)),
        Side("copy", lambda: copy(out, copied, sync=False), lambda: empty(copied)),
        Side(HASHING, lambda: hash_all(out, clips)),
    ]
    if few:
        sides.append(Side(encoding, lambda: encode(few, clips, encoded), lambda: empty(encoded)))
    assemble_and_package(config, rows, clips, base / "first", out)  # what the first turn copies; also warms up
    times = alternate(sides, options.turns, warm_up=0, budget=options.budget)
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    if problems := verify_data(out):
        raise SystemExit(f"the dataset is not sound: {problems[0]}")
    if options.keep:
        shutil.copytree(out, options.keep)
    variants = len(rows) * len(CONDITIONS)
    print(f"{len(rows)} clips, {variants} variants, {size / 1e6:.0f} MB, load {os.getloadavg()[0]:.1f}")
    for name, found in times.items():
        print(f"  {name:<24} {found.spread} s, processor {found.processor_seconds:.2f} s")
    results = [Result.of("package", times, ours=OURS, peer=side.name, limit=HASHING) for side in sides[1:3]]
    if few:
        row = Result.of("package", times, ours=OURS, peer=encoding)
        scale = len(rows) / len(few)
        scaled = {name: scale * getattr(row, name) for name in ("low", "middle", "high")}
        results.append(dataclasses.replace(row, compared=f"ffmpeg, {variants} variants (scaled) / {OURS}", **scaled))
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--work", type=Path, help="work folder of a finished build of real clips")
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--encoded", type=int, default=3, help="clips whose variants are encoded")
    parser.add_argument("--keep", type=Path, help="keep the dataset in this folder, such as for random_access.py")
    add_arguments(parser, turns=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = options.work or build(options.shared / "data" / "clips", Path(name)).with_name("work")
        save(options.json, measure(options, Path(name), work))


if __name__ == "__main__":
    main()
