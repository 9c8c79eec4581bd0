"""`mma_bench.stream` beside plain webdataset and datasets' streaming, on the same shards.

    python scripts/bench/stream.py [--shared ../shared] [--repeat 3]
    python scripts/bench/stream.py --data mma-bench --config aligned

Without --data a training set is built from the 15 real clips first. All sides run in turns, in processes of the same
priority, with the files in the cache of the system. The other sides decode
with torchcodec. Beside wall time the processor time is printed: on a busy machine only that can be compared.
"""

import argparse
import csv
import functools
import io
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ["HF_HUB_OFFLINE"] = "1"

import psutil  # noqa: E402
import torch  # noqa: E402
import webdataset as wds  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402
from torchcodec.decoders import AudioDecoder, VideoDecoder  # noqa: E402

import mma_bench  # noqa: E402

WORKERS = 2
FPS = 2
MIXED = {"misaligned": 0.3, "audio_removed": 0.1, "frames_zeroed": 0.1, "misleading_caption": 0.2}
Sides = dict[str, Callable[[], Iterable[Any]]]


def core_seconds() -> float:
    """Return the processor time of this process and of the children it waited for."""
    return sum(os.times()[:4])


def compare(title: str, sides: Sides, repeat: int, per_turn: int) -> dict[str, float]:
    """Run all sides in turns; print samples a second and the processor's milliseconds a sample, medians of the turns.

    Each turn is printed when it is through: on a busy machine the whole may take long. Returns the milliseconds.
    """
    walls: dict[str, list[float]] = {name: [] for name in sides}
    cores: dict[str, list[float]] = {name: [] for name in sides}
    print(f"\n{title}")
    for turn in range(repeat):
        for name, make in sides.items():
            source = make()
            begin, before = time.monotonic(), core_seconds()
            count = sum(1 for _ in source)
            walls[name].append(count / (time.monotonic() - begin))
            cores[name].append(1000 * (core_seconds() - before) / count)
            print(f"  turn {turn}: {name:<34} {walls[name][-1]:8.1f} /s {cores[name][-1]:7.1f} ms", flush=True)
            if count != per_turn:
                raise SystemExit(f"{name} gave {count} samples and not {per_turn}")
    print(f"{title} (load {os.getloadavg()[0]:.1f})")
    for name in sides:
        print(
            f"  {name:<34} {statistics.median(walls[name]):8.1f} samples/s   "
            f"{statistics.median(cores[name]):7.1f} ms of processor a sample",
            flush=True,
        )
    return {name: statistics.median(found) for name, found in cores.items()}


def repeated(make: Callable[[], Iterable[Any]], times: int) -> Callable[[], Iterator[Any]]:
    """Return several epochs of what ``make`` returns, as one iteration."""
    return lambda: (sample for _ in range(times) for sample in make())


def decode(sample: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """Decode a plain sample with torchcodec."""
    return frames_of(VideoDecoder(sample["mp4"], dimension_order="NHWC")), sound_of(AudioDecoder(sample["flac"]))


def frames_of(video: VideoDecoder) -> torch.Tensor:
    end = video.metadata.end_stream_seconds
    return video.get_frames_played_at([i / FPS for i in range(int(end * FPS - 1e-3) + 1)]).data


def sound_of(sound: AudioDecoder) -> torch.Tensor:
    return sound.get_all_samples().data


def decode_columns(rows: list[dict[str, Any]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Decode a sample of `datasets`, in the worker."""
    return frames_of(rows[0]["mp4"]), sound_of(rows[0]["flac"])


def plain(shards: list[str]) -> Any:
    return wds.WebDataset(shards, shardshuffle=False, empty_check=False)


def hub(shards: list[str]) -> Any:
    """Return datasets' streaming over the shards, with the features that the card declares."""
    from datasets import load_dataset

    from mma_bench.dataset.columns import sample_features

    return load_dataset(
        "webdataset", data_files={"train": shards}, split="train", streaming=True, features=sample_features()
    )


def build(clips: Path, folder: Path) -> Path:
    """Return a training set of the real clips, built as a user builds it; labels do not matter here."""
    with open(clips / "clips.csv", newline="") as file:
        rows = [(row["file"], row["visual_label"], "train") for row in csv.DictReader(file)]
    with open(folder / "list.csv", "w", newline="") as file:
        csv.writer(file).writerows([("file", "label", "split"), *rows])
    config = folder / "config.yaml"
    config.write_text(f"source: {{kind: folder, csv: {folder / 'list.csv'}, folder: {clips.resolve()}}}\n")
    arguments = ["run", "--config", str(config), "--work", str(folder / "work"), "--out", str(folder / "data")]
    subprocess.run([sys.executable, "-m", "builder", *arguments], check=True, cwd=ROOT, stdout=sys.stderr)
    return folder / "data"


def default_spacing(shards: list[str], out: Path) -> list[str]:
    """Return copies of the shards whose videos were encoded with x264's own choice of key frames."""
    out.mkdir()
    written = []
    for shard in shards:
        written.append(str(out / Path(shard).name))
        with tarfile.open(shard) as source, tarfile.open(written[-1], "w") as copy:
            for member in source:
                content = source.extractfile(member).read()  # type: ignore[union-attr]
                if member.name.endswith(".mp4"):
                    content = reencode(content, out)
                member.size = len(content)
                copy.addfile(member, io.BytesIO(content))
    return written


def reencode(content: bytes, folder: Path) -> bytes:
    before, after = folder / "before.mp4", folder / "after.mp4"
    before.write_bytes(content)
    codec = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-movflags", "+faststart"]
    subprocess.run(["ffmpeg", "-y", "-v", "error", "-i", str(before), *codec, str(after)], check=True)
    return after.read_bytes()


def memory(stream: Any, epochs: int) -> None:
    """Print the resident memory along ``epochs`` decoded epochs in this process, conflicts included."""
    process, sizes = psutil.Process(), []
    for _ in range(epochs):
        for _sample in stream:
            pass
        sizes.append(process.memory_info().rss / 2**20)
    print(f"\nmemory after each of {epochs} epochs, MiB: " + " ".join(f"{size:.0f}" for size in sizes))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--data", type=Path, help="an existing dataset")
    parser.add_argument("--config", default="train")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=1, help="epochs a turn when decoding, workers kept")
    parser.add_argument("--skip", choices=("undecoded", "decoded"), help="leave one half out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        data = options.data or build(options.shared / "data" / "clips", Path(name))
        shards = sorted(str(path) for path in data.glob(f"data/{options.config}/*.tar"))
        ours = functools.partial(mma_bench.stream, data, config=options.config, shuffle=0)
        count, epochs = len(ours()), 10
        print(f"{count} clips in {len(shards)} shards, {sum(map(os.path.getsize, map(Path, shards))) >> 20} MiB")
        hashed, trusting = ours(output="bytes"), ours(output="bytes", verify="never")
        always = ours(output="bytes", verify="always")
        undecoded: Sides = {
            "plain webdataset": repeated(lambda: plain(shards), epochs),
            "datasets, streaming": repeated(lambda: hub(shards).decode(False), epochs),
            "stream, verify once, later epochs": repeated(lambda: hashed, epochs),
            "stream, verify never": repeated(lambda: trusting, epochs),
            "stream, verify always": repeated(lambda: always, epochs),
        }
        if options.skip != "undecoded":
            for _sample in hashed:  # its first epoch, which is what `verify always` measures
                pass
            compare("undecoded, one process", undecoded, options.repeat, count * epochs)
        if options.skip == "decoded":
            return
        spaced = default_spacing(shards, Path(name) / "default")
        times = options.epochs

        def pipeline(stream: Any) -> DataLoader[Any]:
            return DataLoader(stream.repeat(times), batch_size=None, num_workers=WORKERS)

        def columns() -> DataLoader[Any]:
            rows = hub(shards).repeat(times).with_format("torch")
            return DataLoader(rows, batch_size=1, num_workers=WORKERS, collate_fn=decode_columns)

        decoded: Sides = {
            "plain webdataset": lambda: pipeline(plain(shards).map(decode)),
            "datasets, streaming": columns,
            "plain webdataset, default key frames": lambda: pipeline(plain(spaced).map(decode)),
            "stream": lambda: pipeline(ours()),
            "stream, all misaligned": lambda: pipeline(ours(conflicts={"misaligned": 1.0})),
            "stream, mixed conflicts": lambda: pipeline(ours(conflicts=MIXED)),
        }
        title = f"decoded, {FPS} frames a second and 16 kHz, {WORKERS} workers, {times} epochs"
        cost = compare(title, decoded, options.repeat, count * times)
        best = min(cost["plain webdataset"], cost["datasets, streaming"])
        print(f"processor time: {best / cost['stream']:.1f} times the better of the others", end=", ")
        print(f"{cost['plain webdataset, default key frames'] / cost['stream']:.1f} times default key frames")
        for side in ("stream, all misaligned", "stream, mixed conflicts"):
            print(f"{side}: {100 * (cost[side] / cost['stream'] - 1):+.1f} % of processor time")
        memory(ours(conflicts=MIXED), 4)


if __name__ == "__main__":
    main()
