"""A build of real clips from end to end: which share of the processor's time is spent in our own code.

    python scripts/bench/own_share.py [--clips 2000] [--turns 3] [--verify cascade] [--shared ../shared]

The 15 real clips are copied under as many ids as asked for, each copy with other bytes (a box that players skip), and
built with the settings of `builder/configs/folder.yaml` (504x504, 10 s). All tasks run in this process, one after the
other, so that its threads can be watched. Processor time is divided into

- ffmpeg: the child processes (ffprobe, ffmpeg with x264);
- libav: PyAV's decoders, scaler and FLAC encoder in this process;
- SHA-256: of files and of shards;
- copies: reading streams and writing shards;
- model: the cascade's networks, with --verify cascade;
- own: everything else, pyarrow, numpy, pydantic and datatrove included.

A thread looks every 2 ms at what each thread executes, and adds the processor time that the thread has spent since the
last look to the kind of the innermost function of this repository (`KINDS` names those that only call a library). What
threads outside of Python spend is counted as own. A build of four clips comes first, so that imports are not counted,
which take as long however many clips there are; its time is printed, and that of the server that forks the tasks of a
build with several workers.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from builder.config import load_config  # noqa: E402
from builder.executors import ExecutorSettings  # noqa: E402
from builder.manifest_file import NO_CLIPS  # noqa: E402
from builder.pipeline import BUILD, make_stages  # noqa: E402
from builder.run import make_build  # noqa: E402
from builder.run_stage import run_stage  # noqa: E402
from builder.work_folder import note_stages  # noqa: E402
from scripts.bench.inputs import copied_clips  # noqa: E402
from scripts.bench.result import Result, add_arguments, save  # noqa: E402
from scripts.bench.turns import child_seconds, task_seconds  # noqa: E402

KINDS = {
    "libav": {
        "mma_bench/dataset/media.py": "frames audio _open flac_bytes read_flac first_samples _timed_frames _frames_at "
        "_pixels _resampled _samples",
        "builder/normalise/sound.py": "place",
        "builder/normalise/stage.py": "_count_frames",
    },
    "SHA-256": {"mma_bench/files/hashing.py": "sha256_file sha256_bytes"},
    "copies": {"builder/package/shards.py": "read", "mma_bench/dataset/media.py": "video_bytes audio_bytes"},
}
"""Functions that do little besides calling a library. `_write` of the shards hashes and writes, by its lines."""

NAMES = ("ffmpeg", "libav", "SHA-256", "copies", "model", "own")
AIM = 0.10
WARM_UP = 4
_LOOK_SECONDS = 0.002
_PACKAGES = (f"{ROOT}/builder/", f"{ROOT}/mma_bench/")


class Watch(threading.Thread):
    """Divides the processor time of this process's Python threads by what they execute."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.spent: Counter[str] = Counter()
        self.own: Counter[str] = Counter()
        self.cost = 0.0
        self._ended = threading.Event()
        self._before = {thread: clock(thread) for thread in sys._current_frames()}
        self._kinds = {
            (str(ROOT / file), name): kind
            for kind, files in KINDS.items()
            for file, names in files.items()
            for name in names.split()
        }
        for file, name in self._kinds:
            if f"def {name}(" not in Path(file).read_text(encoding="utf-8"):
                raise SystemExit(f"{file} has no function {name}: correct KINDS in {__file__}")
        self._shards = str(ROOT / "builder" / "package" / "shards.py")
        self._lines = Path(self._shards).read_text(encoding="utf-8").splitlines()

    def run(self) -> None:
        """Look until `stop` is called."""
        while not self._ended.wait(_LOOK_SECONDS):
            self._look()
        self._look()
        self.cost = time.thread_time()

    def stop(self) -> Counter[str]:
        """Return seconds by kind."""
        self._ended.set()
        self.join()
        return self.spent

    def _look(self) -> None:
        for thread, frame in sys._current_frames().items():
            if thread == self.ident:
                continue
            try:
                now, before = clock(thread), self._before.get(thread, 0.0)
            except OSError:  # it has ended meanwhile
                continue
            self._before[thread] = now
            spent = now - before if now >= before else now  # a new thread has the name of an old one
            kind, place = self._kind(frame)
            self.spent[kind] += spent
            if kind == "own":
                self.own[place] += spent

    def _kind(self, frame: FrameType | None) -> tuple[str, str]:
        """Return the kind of what is executed, and the innermost function of this repository."""
        while frame is not None:
            file, name = frame.f_code.co_filename, frame.f_code.co_name
            if "/mma_bench/models/cascade/" in file:
                return "model", name
            if file == self._shards and name == "_write":
                return ("SHA-256" if "whole" in self._lines[frame.f_lineno - 1] else "copies"), name
            if kind := self._kinds.get((file, name)):
                return kind, name
            if file.startswith(_PACKAGES):
                return "own", f"{file.removeprefix(f'{ROOT}/')}:{name}"
            frame = frame.f_back
        return "own", "datatrove and the interpreter"


def clock(thread: int) -> float:
    """Return the processor time of a thread of Python."""
    return time.clock_gettime(time.pthread_getcpuclockid(thread))


def build_once(clips: Path, folder: Path, verify: str | None, own_code: Counter[str]) -> dict[str, dict[str, float]]:
    """Build once; return for each stage seconds by kind, seconds by the clock, clips, and bytes written."""
    extra = (f"verify.model={verify}",) if verify else ()
    (folder / "config.yaml").write_text(f"source: {{kind: folder, csv: {clips}}}\n")
    conditions = "assemble.conditions=[aligned, misaligned, audio_removed, frames_zeroed]"
    build = make_build(load_config(folder / "config.yaml", (conditions, *extra)), folder / "work", folder / "out")
    note_stages(build.work, [entry.name for entry in BUILD if entry.counts_clips])
    manifest = NO_CLIPS
    found: dict[str, dict[str, float]] = {}
    for stage in make_stages(BUILD, build, ()):
        came = manifest.kept_count
        children, own, begin = child_seconds(), time.process_time(), time.monotonic()
        watch = Watch()
        watch.start()
        manifest = run_stage(stage, manifest.path, ExecutorSettings(workers=1))
        spent = watch.stop()
        own_code.update(watch.own)
        wall, whole, ended = time.monotonic() - begin, time.process_time() - own, child_seconds() - children
        spent["own"] += max(0.0, whole - watch.cost - spent.total())  # threads outside of Python
        # Only `normalise` starts ffmpeg; other children are datatrove's.
        spent["ffmpeg" if stage.name == "normalise" else "own"] += ended
        written = build.out if stage.name == "package" else stage.folder
        size = sum(path.stat().st_size for path in written.rglob("*") if path.is_file())
        rows = came or manifest.kept_count
        found[stage.name] = {**{name: spent[name] for name in NAMES}, "wall": wall, "clips": rows, "bytes": size}
    return found


def show(turns: list[dict[str, dict[str, float]]]) -> list[float]:
    """Print the medians of all turns by stage, and return the share of our own code in each turn."""
    print(f"| stage | clips | ms per clip | {' | '.join(f'{name}, %' for name in NAMES)} | kB written per clip |")
    print("|---" * (len(NAMES) + 4) + "|")
    for stage in turns[0]:
        middle = {key: statistics.median(turn[stage][key] for turn in turns) for key in turns[0][stage]}
        whole, clips = sum(middle[name] for name in NAMES), middle["clips"]
        shares = " | ".join(f"{100 * middle[name] / whole:.1f}" for name in NAMES)
        print(
            f"| {stage} | {clips:.0f} | {1000 * whole / clips:.1f} | {shares} | {middle['bytes'] / clips / 1000:.1f} |"
        )
    sums = [{name: sum(stage[name] for stage in turn.values()) for name in NAMES} for turn in turns]
    clips = next(iter(turns[0].values()))["clips"]
    whole = statistics.median(sum(one.values()) for one in sums)
    shares = " | ".join(
        f"{100 * statistics.median(one[name] / sum(one.values()) for one in sums):.1f}" for name in NAMES
    )
    print(f"| all | {clips:.0f} | {1000 * whole / clips:.1f} | {shares} | |")
    return [one["own"] / sum(one.values()) for one in sums]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=2000)
    parser.add_argument("--verify", help="model of the stage verify, such as cascade")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    add_arguments(parser, turns=1)
    options = parser.parse_args()
    sys.setswitchinterval(0.0005)  # threads make way for the one that looks
    turns: list[dict[str, dict[str, float]]] = []
    own_code: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        clips = copied_clips(options.shared / "data" / "clips", Path(name) / "clips", options.clips)
        few = copied_clips(options.shared / "data" / "clips", Path(name) / "few", WARM_UP)
        for turn, listed in enumerate([few, *[clips] * options.turns]):
            if turn == 1:
                own_code.clear()  # of the build that warms up
            with tempfile.TemporaryDirectory(dir=name) as folder:
                found = build_once(listed, Path(folder), options.verify, own_code)
            print(json.dumps([turn, os.getloadavg()[0], found]), file=sys.stderr, flush=True)
            turns.append(found)
    shares = show(turns[1:])
    print("most of our own code: ", end="")
    print(", ".join(f"{place} {spent / own_code.total():.0%}" for place, spent in own_code.most_common(6)))
    first = sum(sum(stage[name] for name in NAMES if name != "ffmpeg") for stage in turns[0].values())
    print(f"first build, {WARM_UP} clips, imports included: {first:.1f} s of processor time without ffmpeg", end="; ")
    print(f"the server that forks tasks: {task_seconds():.1f} s; neither is in the table")
    title = f"own code / all, {options.clips} clips, all stages"
    row = Result.value("own_share", title, shares, "processor", f"aim: under {AIM:.0%}, for 2,000 clips")
    save(options.json, [row])


if __name__ == "__main__":
    main()
