"""The builder's own cost per clip, up to two million clips: what is left when media cost nothing.

    python scripts/bench/scale.py [--rows 10000 --rows 100000 --rows 2040000] [--shared ../shared] [--work DIR]

The rows are those of AudioSet's evaluation and balanced lists, repeated under new ids. A STUB takes the place of media:
it gives each clip hashes, lengths and a small random fingerprint (4 frames, 6 landmarks) and drops a fifth. Everything
else is the real thing: `select`, the loop that runs a stage of clips in tasks, `compare`, `release`, `assemble` (1 % of
the clips are test clips, with aligned and misaligned stimuli), and the ids-only package. Then the same is run again,
where all is finished.

For each stage: seconds, processor time of all processes, the same per clip that came in, and the largest resident
memory of any process, file pages included. The limits of the project: 2 GiB, 0.3 ms of processor time per clip and
stage, 20 s for the second run at two million, and seconds per clip that differ by at most 20 % between the numbers of
rows. A build of 100 rows shows what a build costs however few its rows are; it is subtracted where costs per row are
compared.
"""

import argparse
import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from builder.config import BuildConfig  # noqa: E402
from builder.executors import ExecutorSettings  # noqa: E402
from builder.inspect.fingerprint import COLUMNS, Fingerprint  # noqa: E402
from builder.manifest import ManifestRow, Quality  # noqa: E402
from builder.manifest_file import NO_CLIPS  # noqa: E402
from builder.pipeline import BUILD  # noqa: E402
from builder.run import Build, make_build  # noqa: E402
from builder.run_stage import run_stage  # noqa: E402
from builder.select.official import official_clips  # noqa: E402
from builder.sources.base import Source  # noqa: E402
from builder.stage import ClipStage, Dropped, WithColumns  # noqa: E402
from builder.work_folder import note_stages  # noqa: E402

MEMORY_GIB, STAGE_MS, SECOND_RUN_S, FLAT = 2.0, 0.3, 20.0, 0.2
_FEW = 100
HEADER = (
    "| rows | first run, s | per row, ms | of processor time | worst stage, ms per clip | second run, s | "
    "largest process, GiB |"
)
STAGES = ("select", "inspect", "compare", "release", "assemble", "package")
_QUALITY = Quality(
    audio_peak=0.9,
    audio_rms_db=-20.0,
    silence_share=0.1,
    clipping_share=0.0,
    brightest_luma=200.0,
    motion=5.0,
    black_share=0.0,
    frozen_share=0.0,
    duration_difference=0.0,
)


class StubSource(Source):
    """Rows of the real lists under new ids; it has no media."""

    name = "stub"

    def __init__(self, lists: list[Path], count: int) -> None:
        self.lists, self.count = lists, count

    def class_names(self) -> list[str]:
        """Return the classes of the published benchmark."""
        return sorted({clip.label for clip in official_clips()})

    def input_hashes(self) -> dict[str, str]:
        """Return a hash of the lists."""
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in self.lists}

    def rows_are_decided_by(self) -> Any:
        """Return the lists and the number of rows."""
        return [self.count, self.input_hashes()]

    def rows(self) -> Iterator[ManifestRow]:
        """Repeat the rows of the lists."""
        classes = self.class_names()
        real = [line.split(", ") for path in self.lists for line in path.read_text().splitlines()[3:]]
        for at in range(self.count):
            name, start, end, labels = real[at % len(real)][:4]
            label = classes[hash_of(labels) % len(classes)]
            youtube_id = f"{name}r{at // len(real)}"
            yield ManifestRow(
                clip_id=f"{youtube_id}_{round(1000 * float(start))}",
                file=youtube_id,
                visual_label=label,
                audio_label=label,
                source_labels=[label],
                split="test" if hash_of(youtube_id) % 100 == 0 else "train",
                source=self.name,
                youtube_id=youtube_id,
                start_seconds=float(start),
                end_seconds=float(end),
                licence="unknown",
                attribution=f"https://www.youtube.com/watch?v={youtube_id}",
            )

    def fetch(self, row: ManifestRow, folder: Path) -> Path:
        """Not called: no stage fetches."""
        raise NotImplementedError


class StubInspect(ClipStage):
    """Takes the place of `fetch`, `normalise` and `inspect`, and drops a fifth."""

    name = "inspect"

    @classmethod
    def columns(cls) -> pa.Schema:
        """Return the columns of `inspect`."""
        return COLUMNS

    def process(self, row: ManifestRow) -> ManifestRow | WithColumns:
        """Make up what the media would say."""
        number = hash_of(row.clip_id)
        if number % 5 == 0:
            raise Dropped("mostly_silent", "97% of the sound is below -50 dB")
        random = np.random.default_rng(number)
        landmarks = random.integers(0, 1 << 23, (6, 2), dtype=np.uint32)
        frames = random.integers(0, 1 << 63, 4, dtype=np.uint64)
        found = row.changed(
            source_sha256=f"{number:064x}",
            video_sha256=f"{number + 1:064x}",
            audio_sha256=f"{number + 2:064x}",
            video_seconds=10.0,
            audio_seconds=10.0,
            frame_rate=25.0,
            quality=_QUALITY,
        )
        return WithColumns(found, Fingerprint(landmarks, frames).columns())


def hash_of(text: str) -> int:
    """Return a number that is the same on each machine."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest())


def build_of(work: Path, out: Path, lists: list[Path], rows: int) -> Build:
    """Return the build, whose source is the stub."""
    config = BuildConfig.model_validate(
        {
            "title": "scale bench: stub media",
            "source": {"kind": "synthetic"},
            "assemble": {"conditions": ["aligned", "misaligned"]},
            "package": {"licence_mode": "ids-only"},
        }
    )
    source = StubSource(lists, rows)
    return dataclasses.replace(make_build(config, work, out), source=source, classes=source.class_names())


def run(rows: int, shared: Path, work: Path) -> dict[str, Any]:
    """Run all stages twice in this process and its tasks."""
    lists = [shared / "data" / "audioset" / f"{name}_segments.csv" for name in ("eval", "balanced_train")]
    build = build_of(work / "work", work / "out", lists, rows)
    entries = {entry.name: entry for entry in BUILD}
    note_stages(build.work, [name for name in STAGES if entries[name].counts_clips])
    result: dict[str, Any] = {"rows": rows}
    for turn in ("first", "second"):
        manifest, result[turn] = NO_CLIPS, {}
        for name in STAGES:
            stage = StubInspect(build.folder(name)) if name == "inspect" else entries[name].load().of(build)
            came = manifest.kept_count if manifest.path else rows
            cpu, begin = processor_seconds(), time.monotonic()
            manifest = run_stage(stage, manifest.path, ExecutorSettings())
            found = {"clips": came, "seconds": time.monotonic() - begin, "cpu": processor_seconds() - cpu}
            result[turn][name] = found
            print(json.dumps([turn, name, found]), file=sys.stderr, flush=True)
    result["bytes"] = sum(path.stat().st_size for path in build.out.rglob("*") if path.is_file())
    return result


def processor_seconds() -> float:
    """Return the processor time of this process, of the server that starts tasks, and of the tasks that have ended."""
    from multiprocess import forkserver

    own = os.times()
    total = own.user + own.system + own.children_user + own.children_system
    server = getattr(forkserver._forkserver, "_forkserver_pid", None)
    if server and (status := Path(f"/proc/{server}/stat")).exists():
        fields = status.read_text().rpartition(")")[2].split()
        total += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return total


class Watch(threading.Thread):
    """Notes the largest resident memory of any process of a session."""

    def __init__(self, session: int) -> None:
        super().__init__(daemon=True)
        self.session, self.largest, self.ended = session, 0, threading.Event()

    def run(self) -> None:
        """Look five times a second."""
        while not self.ended.wait(0.2):
            for status in Path("/proc").glob("[0-9]*/stat"):
                try:
                    if int(status.read_text().rpartition(")")[2].split()[3]) != self.session:
                        continue
                    lines = (status.parent / "status").read_text().splitlines()
                except (OSError, IndexError):
                    continue
                peak = next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)
                self.largest = max(self.largest, peak)


def measured(rows: int, options: argparse.Namespace) -> dict[str, Any]:
    """Run one number of rows in a process of its own."""
    if options.work:
        options.work.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=options.work, prefix="mma-bench-scale-"))
    command = [sys.executable, __file__, "--child", str(folder), "--rows", str(rows), "--shared", str(options.shared)]
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
        watch = Watch(process.pid)
        watch.start()
        said, _ = process.communicate()
        watch.ended.set()
        if process.returncode:
            raise SystemExit(process.returncode)
        found: dict[str, Any] = json.loads(said.splitlines()[-1])
        return {**found, "peak_gib": watch.largest / 2**20}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def show(results: list[dict[str, Any]], fixed_cost: dict[str, Any]) -> None:
    """Print the tables and what became of the limits."""
    print("| rows | stage | clips in | seconds | ms of processor time per clip | second run, s |")
    print("|---|---|---|---|---|---|")
    for found in results:
        for name, one in found["first"].items():
            cost = 1000 * one["cpu"] / one["clips"]
            again = found["second"][name]["seconds"]
            print(
                f"| {found['rows']:,} | {name} | {one['clips']:,} | {one['seconds']:.1f} | {cost:.3f} | {again:.1f} |"
            )
    print(f"\n{HEADER}\n{'|---' * 7}|")
    fixed = {what: total(fixed_cost, "first", what) for what in ("seconds", "cpu")}
    per_row: dict[str, list[float]] = {"seconds": [], "cpu": []}
    for found in results:
        for what, costs in per_row.items():
            costs.append(1000 * (total(found, "first", what) - fixed[what]) / found["rows"])
        wall, cpu = per_row["seconds"][-1], per_row["cpu"][-1]
        first, second = total(found, "first", "seconds"), total(found, "second", "seconds")
        spent = {name: one["cpu"] - fixed_cost["first"][name]["cpu"] for name, one in found["first"].items()}
        worst = max(1000 * seconds / found["first"][name]["clips"] for name, seconds in spent.items())
        cells = f"{first:.0f} | {wall:.3f} | {cpu:.3f} | {worst:.3f} | {second:.1f} | {found['peak_gib']:.2f}"
        print(f"| {found['rows']:,} | {cells} |")
    slowest = {what: max(costs) / min(costs) for what, costs in per_row.items()}
    print(
        f"\na build of {fixed_cost['rows']} rows takes {fixed['seconds']:.1f} s, subtracted from the costs per row\n"
        f"limits: {STAGE_MS} ms per clip and stage, {SECOND_RUN_S:.0f} s for the second run, {MEMORY_GIB:.0f} GiB, "
        f"{FLAT:.0%} between numbers of rows; a row of the slowest number takes {slowest['seconds']:.2f} times as long "
        f"as one of the fastest, and {slowest['cpu']:.2f} times the processor time; load {os.getloadavg()[0]:.1f} on "
        f"{os.cpu_count()} cores"
    )


def total(found: dict[str, Any], turn: str, what: str) -> float:
    """Return the sum over all stages."""
    return float(sum(one[what] for one in found[turn].values()))


def main() -> None:
    """Run each number of rows, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, action="append", help="number of rows; repeatable")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--work", type=Path, default=None, help="where the work folders are; needs 5 kB a row")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(run(options.rows[0], options.shared, options.child)))
        return
    fixed = measured(_FEW, options)
    show([measured(rows, options) for rows in options.rows or [10_000, 100_000, 2_040_000]], fixed)


if __name__ == "__main__":
    main()
