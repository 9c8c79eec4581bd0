"""`mma_bench.stream` beside plain webdataset and datasets' streaming, on the same shards.

    python scripts/bench/stream.py --data mma-bench [--config aligned] [--clips 16] [--repeat 3]

All sides run in turns, in processes of the same priority, with the files in the system's cache. The other sides
decode with torchcodec. Beside wall time the processor time is printed: on a busy machine only that can be compared.
"""

import argparse
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
from mma_bench.streaming import StreamLoader  # noqa: E402

WORKERS = 2
FPS = 2
MIXED = {"misaligned": 0.3, "audio_removed": 0.1, "frames_zeroed": 0.1, "misleading_caption": 0.2}
Sides = dict[str, Callable[[], Iterable[Any]]]


def core_seconds() -> float:
    """Return the processor time of this process and of the children it waited for."""
    return sum(os.times()[:4])


def compare(title: str, sides: Sides, repeat: int, per_turn: int) -> None:
    """Run all sides in turns; print samples a second (median), and the processor's milliseconds a sample."""
    walls: dict[str, list[float]] = {name: [] for name in sides}
    cores: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(repeat + 1):
        for name, make in sides.items():
            source = make()
            begin, before = time.monotonic(), core_seconds()
            count = sum(1 for _ in source)
            if turn:  # the first turn warms up
                walls[name].append(count / (time.monotonic() - begin))
                cores[name].append(1000 * (core_seconds() - before) / count)
            if count != per_turn:
                raise SystemExit(f"{name} gave {count} samples and not {per_turn}")
    print(f"\n{title} (load {os.getloadavg()[0]:.1f})")
    for name in sides:
        print(
            f"  {name:<34} {statistics.median(walls[name]):8.1f} samples/s   "
            f"{statistics.median(cores[name]):7.1f} ms of processor a sample"
        )


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


def plain_decoded(shards: list[str]) -> DataLoader[Any]:
    return DataLoader(plain(shards).map(decode), batch_size=None, num_workers=WORKERS)


def hub(shards: list[str], card: Path) -> Any:
    """Return datasets' streaming over the shards, with the features that the card declares."""
    from datasets import load_dataset

    from mma_bench.columns import sample_features

    return load_dataset(
        "webdataset", data_files={"train": shards}, split="train", streaming=True, features=sample_features()
    )


def subset(source: Path, config: str, clips: int, out: Path, shards: int = 4) -> Path:
    """Write a dataset folder of the first ``clips`` samples, in ``shards`` tars, with the builder's own writer."""
    import pyarrow.parquet as pq

    from builder.package.shards import Shard, plan_shards, write_shard
    from mma_bench.columns import to_table
    from mma_bench.schema import IndexEntry, Stimulus

    samples = mma_bench.load(source, condition=config, limit=clips).samples
    streams = out / "streams"
    streams.mkdir(parents=True)
    for sample in samples:
        (streams / f"{sample.stimulus.video.clip_id}.mp4").write_bytes(sample.media.video_bytes)
        (streams / f"{sample.stimulus.audio.clip_id}.flac").write_bytes(sample.media.audio_bytes)
    stimuli = [
        # Questions of a training split: two, without the noise of the test split's long context.
        sample.stimulus.model_copy(
            update={"split": "train", "questions": [q for q in sample.questions if q.condition == config]}
        )
        for sample in samples
    ]
    plan: list[Shard] = plan_shards(stimuli, shards)
    entries = [entry for shard in plan for entry in write_shard(out / shard.path, shard, streams, {})]
    for path, model, rows in (("index/train", IndexEntry, entries), ("metadata/stimuli", Stimulus, stimuli)):
        (out / path).parent.mkdir(exist_ok=True)
        pq.write_table(to_table(model, rows), out / f"{path}.parquet")
    return out


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


def ours(data: Path, **options: Any) -> Any:
    return mma_bench.stream(data, shuffle=0, **options)


def ours_decoded(data: Path, **options: Any) -> Iterable[Any]:
    return StreamLoader(ours(data, **options), 1, workers=WORKERS)


def memory(data: Path, epochs: int) -> None:
    """Print the resident memory along ``epochs`` decoded epochs in this process, conflicts included."""
    stream, process = mma_bench.stream(data, shuffle=8, conflicts=MIXED), psutil.Process()
    sizes = []
    for _ in range(epochs):
        for _sample in stream:
            pass
        sizes.append(process.memory_info().rss / 2**20)
    print(f"\nmemory after each of {epochs} epochs, MiB: " + " ".join(f"{size:.0f}" for size in sizes))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("mma-bench"))
    parser.add_argument("--config", default="aligned")
    parser.add_argument("--clips", type=int, default=16)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        data = subset(options.data, options.config, options.clips, Path(name) / "data")
        shards = sorted(str(path) for path in data.glob("data/train/*.tar"))
        count, epochs = options.clips, 10
        print(f"{count} clips in {len(shards)} shards, {sum(map(os.path.getsize, map(Path, shards))) >> 20} MiB")
        hashed, trusting = ours(data, output="bytes"), ours(data, output="bytes", verify="never")
        always = ours(data, output="bytes", verify="always")
        undecoded: Sides = {
            "plain webdataset": repeated(lambda: plain(shards), epochs),
            "datasets, streaming": repeated(lambda: hub(shards, data).decode(False), epochs),
            "stream, verify once, later epochs": repeated(lambda: hashed, epochs),
            "stream, verify never": repeated(lambda: trusting, epochs),
            "stream, verify always": repeated(lambda: always, epochs),
        }
        compare("undecoded, one process", undecoded, options.repeat, count * epochs)
        spaced = default_spacing(shards, Path(name) / "default")
        hub_loader = {"batch_size": 1, "num_workers": WORKERS, "collate_fn": decode_columns}
        decoded: Sides = {
            "plain webdataset": lambda: plain_decoded(shards),
            "datasets, streaming": lambda: DataLoader(hub(shards, data).with_format("torch"), **hub_loader),
            "plain webdataset, default key frames": lambda: plain_decoded(spaced),
            "stream": lambda: ours_decoded(data),
            "stream, all misaligned": lambda: ours_decoded(data, conflicts={"misaligned": 1.0}),
            "stream, mixed conflicts": lambda: ours_decoded(data, conflicts=MIXED),
        }
        compare(f"decoded, {FPS} frames a second and 16 kHz, {WORKERS} workers", decoded, options.repeat, count)
        memory(data, 6)


if __name__ == "__main__":
    main()
