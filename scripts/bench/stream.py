"""`mma_bench.stream` against plain webdataset and datasets' streaming, on the same shards.

    python scripts/bench/stream.py [--shared ../shared] [--turns 3]
    python scripts/bench/stream.py --data mma-bench --config aligned

Without --data a training set is built from the 15 real clips first. All sides run in turns, in processes of the same
priority, with the files in the cache of the system. The other sides decode
with torchcodec. Next to wall time the processor time is printed: on a busy machine only that can be compared.
"""

import argparse
import functools
import io
import os
import subprocess
import sys
import tarfile
import tempfile
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
from mma_bench.files.hashing import sha256_file  # noqa: E402
from scripts.bench.inputs import build  # noqa: E402
from scripts.bench.result import Result, add_arguments, save  # noqa: E402
from scripts.bench.turns import Side, Times, alternate  # noqa: E402

WORKERS = 2
FPS = 2
MIXED = {"misaligned": 0.3, "audio_removed": 0.1, "frames_zeroed": 0.1, "misleading_caption": 0.2}
WEBDATASET, SPACED = "plain webdataset", "plain webdataset, default key frames"
LATER, ALWAYS = "stream, verify once, later epochs", "stream, verify always"
Sides = dict[str, Callable[[], Iterable[Any]]]


def compare(
    title: str, sides: Sides, options: argparse.Namespace, per_turn: int, *, warm_up: int = 1
) -> dict[str, Times]:
    """Time all sides in turns, and print samples per second and the processor's milliseconds per sample, medians."""

    def consume(name: str) -> None:
        count = sum(1 for _ in sides[name]())
        if count != per_turn:
            raise SystemExit(f"{name} gave {count} samples and not {per_turn}")

    ways = [Side(name, functools.partial(consume, name)) for name in sides]
    times = alternate(ways, options.turns, warm_up=warm_up, budget=options.budget)
    print(f"\n{title} (load {os.getloadavg()[0]:.1f})")
    for name, found in times.items():
        print(
            f"  {name:<36} {per_turn / found.seconds:8.1f} samples/s   "
            f"{1000 * found.processor_seconds / per_turn:7.1f} ms of processor time per sample"
        )
    return times


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
    parser.add_argument("--epochs", type=int, default=1, help="epochs per turn when decoding, workers kept")
    parser.add_argument("--memory", action="store_true", help="also print the memory after each of four epochs")
    parser.add_argument("--skip", choices=("undecoded", "decoded"), help="leave one half out")
    add_arguments(parser, turns=3)
    options = parser.parse_args()
    results: list[Result] = []
    with tempfile.TemporaryDirectory() as name:
        data = options.data or build(options.shared / "data" / "clips", Path(name))
        shards = sorted(str(path) for path in data.glob(f"data/{options.config}/*.tar"))
        ours = functools.partial(mma_bench.stream, data, config=options.config, shuffle=0)
        print(f"{len(ours())} clips in {len(shards)} shards, {sum(map(os.path.getsize, map(Path, shards))) >> 20} MiB")
        if options.skip != "undecoded":
            results += undecoded(shards, ours, options)
        if options.skip != "decoded":
            results += decoded(shards, ours, options, Path(name))
    save(options.json, results)


def undecoded(shards: list[str], ours: Callable[..., Any], options: argparse.Namespace) -> list[Result]:
    """Compare reading without decoding, in one process."""
    count, epochs = len(ours()), 10
    hashed, trusting = ours(output="bytes"), ours(output="bytes", verify="never")
    always = ours(output="bytes", verify="always")
    for _sample in hashed:  # its first epoch, which is what `verify always` measures
        pass
    sides: Sides = {
        WEBDATASET: repeated(lambda: plain(shards), epochs),
        "datasets, streaming": repeated(lambda: hub(shards).decode(False), epochs),
        LATER: repeated(lambda: hashed, epochs),
        "stream, verify never": repeated(lambda: trusting, epochs),
        ALWAYS: repeated(lambda: always, epochs),
        "SHA-256 of all bytes": repeated(lambda: hashes(shards, count), epochs),
    }
    times = compare("undecoded, one process", sides, options, count * epochs)
    return [
        Result.of("stream", times, ours=LATER, peer=WEBDATASET, aim="1"),
        Result.of("stream", times, ours=ALWAYS, peer=WEBDATASET, limit="SHA-256 of all bytes", aim="1"),
    ]


def hashes(shards: list[str], count: int) -> Iterator[bytes]:
    """Hash the shards, and give as many values as there are samples."""
    for path in shards:
        sha256_file(Path(path))
    yield from [b""] * count


def decoded(shards: list[str], ours: Callable[..., Any], options: argparse.Namespace, folder: Path) -> list[Result]:
    """Compare reading with decoding, in worker processes."""
    count, times = len(ours()), options.epochs
    spaced = default_spacing(shards, folder / "default")

    def pipeline(stream: Any) -> DataLoader[Any]:
        return DataLoader(stream.repeat(times), batch_size=None, num_workers=WORKERS)

    def columns() -> DataLoader[Any]:
        rows = hub(shards).repeat(times).with_format("torch")
        return DataLoader(rows, batch_size=1, num_workers=WORKERS, collate_fn=decode_columns)

    sides: Sides = {
        WEBDATASET: lambda: pipeline(plain(shards).map(decode)),
        "datasets, streaming": columns,
        SPACED: lambda: pipeline(plain(spaced).map(decode)),
        "stream": lambda: pipeline(ours()),
        "stream, all misaligned": lambda: pipeline(ours(conflicts={"misaligned": 1.0})),
        "stream, mixed conflicts": lambda: pipeline(ours(conflicts=MIXED)),
    }
    title = f"decoded, {FPS} frames per second and 16 kHz, {WORKERS} workers, {times} epochs"
    found = compare(title, sides, options, count * times, warm_up=0)  # each turn starts new workers anyway
    if options.memory:
        memory(ours(conflicts=MIXED), 4)
    peers = (WEBDATASET, "datasets, streaming", SPACED)
    return [Result.of("stream, decoded", found, ours="stream", peer=peer) for peer in peers]


if __name__ == "__main__":
    main()
