"""Hostile and damaged shards: nothing is executed or written; training goes on if asked to, and all is counted."""

import io
import os
import pickle
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mma_bench
from mma_bench.files.hashing import sha256_bytes
from mma_bench.streaming import StreamLoader

MARK = Path("/tmp") / f"mma-bench-executed-{os.getpid()}"


class Bomb:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (f"touch {MARK}",)


def append(shard: Path, name: str, content: bytes, **fields: Any) -> None:
    with tarfile.open(shard, "a") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        for field, value in fields.items():
            setattr(member, field, value)
        tar.addfile(member, io.BytesIO(content))


def huge_header(shard: Path) -> None:
    member = tarfile.TarInfo("huge_0.mp4")
    member.size = 2 << 30
    shard.write_bytes(member.tobuf(tarfile.USTAR_FORMAT) + shard.read_bytes())


def overwritten_header(shard: Path) -> None:
    """Claims 2 GB for the first member, in place: the content stays where the index says."""
    member = tarfile.TarInfo("huge_0.mp4")
    member.size = 2 << 30
    with open(shard, "r+b") as file:
        file.write(member.tobuf(tarfile.USTAR_FORMAT))


def flip(shard: Path) -> None:
    content = bytearray(shard.read_bytes())
    content[600] ^= 1  # inside the first member, a flac
    shard.write_bytes(content)


def truncate(shard: Path) -> None:
    shard.write_bytes(shard.read_bytes()[:2000])


def shard_of(data: Path, number: int) -> Path:
    (path,) = (data / "data" / "train").glob(f"train-{number:05d}-of-00008-*.tar")
    return path


CASES: dict[str, tuple[Callable[[Path], None], str, int, str]] = {
    "pickle": (lambda shard: append(shard, "a_0.pkl", pickle.dumps(Bomb())), "foreign_member", 0, "a_0.pkl"),
    "climbing path": (lambda shard: append(shard, "../../a_0.mp4", b"x"), "foreign_member", 0, "outside the folder"),
    "link": (
        lambda shard: append(shard, "a_0.mp4", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        "foreign_member",
        0,
        "is a link, a device",
    ),
    "2 GB header": (overwritten_header, "foreign_member", 0, "claims 2147483648 bytes"),
    "2 GB header before all": (huge_header, "wrong_hash", 1, "claims 2147483648 bytes"),
    "no tar": (lambda shard: shard.write_bytes(os.urandom(shard.stat().st_size)), "wrong_hash", 1, "no tar header"),
    "wrong hash": (flip, "wrong_hash", 1, "wrong hash"),
    "truncated": (truncate, "unreadable", 1, "ends early"),
    "gone": (lambda shard: shard.unlink(), "unreadable", 1, "cannot be read"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_hostile_shard_is_refused_or_skipped_and_counted(train: Path, tmp_path: Path, case: str) -> None:
    damage, reason, lost, message = CASES[case]
    data = tmp_path / "data"
    shutil.copytree(train, data)
    shard = shard_of(data, 0)
    damage(shard)
    with pytest.raises(mma_bench.MMABenchError, match=message):
        list(mma_bench.stream(data, output="bytes", shuffle=0))
    stream = mma_bench.stream(data, output="bytes", shuffle=0, on_error="skip")
    assert len(list(stream)) == 11 - lost
    assert stream.skipped[reason] == 1
    replaced = mma_bench.stream(data, output="bytes", shuffle=0, on_error="replace")
    keys = [sample.key for sample in replaced]
    assert len(keys) == 11
    assert len(set(keys)) == 11 - lost
    assert not MARK.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


def test_workers_say_what_is_wrong_in_one_line_and_count_together(train: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(train, data)
    for number in (1, 6):
        flip(shard_of(data, number))
    with pytest.raises(mma_bench.MMABenchError) as caught:
        list(StreamLoader(mma_bench.stream(data, output="bytes"), 2, workers=2))
    assert "\n" not in str(caught.value)
    assert "has a wrong hash; build or download it again" in str(caught.value)
    loader = StreamLoader(mma_bench.stream(data, output="bytes", on_error="skip"), 2, workers=2)
    assert sum(len(batch) for batch in loader) == 9
    assert loader.skipped["wrong_hash"] == 2


def test_a_later_run_hashes_what_changed_and_nothing_else(
    train: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[int] = []

    def counting(content: bytes) -> str:
        hashed.append(len(content))
        return sha256_bytes(content)

    monkeypatch.setenv("MMA_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("mma_bench.streaming.shards.sha256_bytes", counting)
    data = tmp_path / "data"
    shutil.copytree(train, data)
    first = [sample.video for sample in mma_bench.stream(data, output="bytes")]
    assert len(hashed) == 33
    hashed.clear()
    assert [sample.video for sample in mma_bench.stream(data, output="bytes")] == first
    assert hashed == []
    list(mma_bench.stream(data, output="bytes", verify="always"))
    assert len(hashed) == 33
    shard = shard_of(data, 0)
    state = shard.stat()
    flip(shard)
    os.utime(shard, ns=(state.st_atime_ns, state.st_mtime_ns))
    with pytest.raises(mma_bench.MMABenchError, match="wrong hash"):
        list(mma_bench.stream(data, output="bytes"))


def test_a_stream_that_is_left_early_remembers_the_shards_it_read(
    train: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMA_BENCH_CACHE", str(tmp_path / "cache"))
    data = tmp_path / "data"
    shutil.copytree(train, data)
    samples: Any = iter(mma_bench.stream(data, output="bytes"))
    for _ in range(10):  # of 11
        next(samples)
    assert not (tmp_path / "cache").exists()
    samples.close()
    assert any((tmp_path / "cache" / "verified").iterdir())


def test_bytes_that_are_no_media_are_skipped_even_with_the_right_hash(train: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(train, data)
    flip(shard_of(data, 0))  # the head of a flac
    shard = shard_of(data, 3)
    content = bytearray(shard.read_bytes())
    with tarfile.open(shard) as tar:
        video = next(member for member in tar if member.name.endswith("mp4"))
    content[video.offset_data : video.offset_data + video.size] = bytes(video.size)
    shard.write_bytes(content)
    stream = mma_bench.stream(data, on_error="skip", verify="never")
    assert len(list(stream)) >= 9
    assert stream.skipped["undecodable"] >= 1


@pytest.mark.parametrize(
    ("field", "value"),
    [("shard", "../../etc/passwd"), ("size", 2 << 30), ("offset", -1), ("member", "pkl"), ("key", "a/../b")],
)
def test_a_hostile_index_is_refused(train: Path, tmp_path: Path, field: str, value: object) -> None:
    data = tmp_path / "data"
    shutil.copytree(train, data)
    index = data / "index" / "train.parquet"
    entries = pq.read_table(index).to_pylist()
    entries[4][field] = value
    pq.write_table(pa.Table.from_pylist(entries), index)
    with pytest.raises(mma_bench.MMABenchError, match="do not trust this dataset"):
        mma_bench.stream(data)


def test_removed_clips_are_left_out(train: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(train, data)
    keys = [sample.key for sample in mma_bench.stream(data, output="bytes")]
    (data / "removed_ids.txt").write_text(f"# asked for by its author\n{keys[0].removeprefix('train_')}\n")
    left = [sample.key for sample in mma_bench.stream(data, output="bytes")]
    assert sorted(left) == sorted(keys[1:])
