"""What stands in for a file of a dataset: every reader refuses all but regular files inside the folder, at once."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mma_bench
from builder.package.remove import remove_clips
from mma_bench.dataset.integrity import verify_data
from mma_bench.dataset.shards import Foreign, Member, ShardFile
from mma_bench.export.write import export
from mma_bench.harnesses.media_files import separate_files
from mma_bench.schema import MAX_SECONDS


@pytest.fixture(autouse=True)
def never_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ends a test that waits for the other end of a FIFO, or reads a device that has no end."""

    def refuse(*_: object) -> None:
        raise AssertionError("the reader waits")

    monkeypatch.setenv("MMA_BENCH_CACHE", str(tmp_path / "cache"))
    before = signal.signal(signal.SIGALRM, refuse)
    signal.alarm(300)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def copy(small_dataset: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small_dataset, tmp_path / "mma-bench"))


def shard_of(folder: Path) -> str:
    first: str = pq.read_table(folder / "index" / "aligned.parquet").to_pylist()[0]["shard"]
    return first


def a_fifo(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def a_device(file: Path) -> None:
    file.unlink()
    file.symlink_to("/dev/zero")


def a_link_out(file: Path) -> None:
    """The very same bytes, but outside of the folder: whoever follows finds nothing wrong."""
    outside = file.parents[3] / "outside"
    file.rename(outside)
    file.symlink_to(outside)


def a_folder_link_out(file: Path) -> None:
    outside = file.parents[3] / "outside-folder"
    file.parent.rename(outside)
    file.parent.symlink_to(outside)


def a_loop(file: Path) -> None:
    file.unlink()
    file.symlink_to(file.name)


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def endless(file: Path) -> None:
    os.truncate(file, 1 << 41)  # takes no room on the disk


def load_all(folder: Path) -> None:
    for row in mma_bench.load(folder, condition="aligned"):
        assert row.media.video_bytes


def stream_all(folder: Path) -> None:
    assert list(mma_bench.stream(folder, config="aligned", output="bytes"))


def export_all(folder: Path) -> None:
    export(folder, folder.parent / "export", form="jsonl", condition="aligned")


def harness(folder: Path) -> None:
    for sample in mma_bench.load(folder, condition="aligned").samples:
        separate_files(sample)


def remove(folder: Path) -> None:
    rows = pq.read_table(folder / "metadata" / "clips.parquet").to_pylist()
    remove_clips(folder, [rows[-1]["clip_id"]])


def verify(folder: Path) -> None:
    if problems := verify_data(folder):
        raise mma_bench.MMABenchError("; ".join(str(problem) for problem in problems))


READERS: list[Callable[[Path], None]] = [load_all, stream_all, export_all, harness, remove, verify]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    ("replace", "says"),
    [
        (a_fifo, "is a FIFO"),
        (a_device, "a link that leads out"),
        (a_link_out, "a link that leads out"),
        (a_folder_link_out, "a link that leads out"),
        (a_loop, "symbolic link"),
        (a_folder, "is a folder"),
        (endless, "2199023255552 bytes, more than"),
    ],
)
def test_a_shard_that_is_no_file_of_the_folder_is_refused_by_every_reader(
    copy: Path, replace: Callable[[Path], None], says: str, read: Callable[[Path], None]
) -> None:
    replace(copy / shard_of(copy))
    if (read, replace) == (verify, a_folder_link_out):
        says = "the index leads to this shard"  # it does not descend into linked folders, so the shard is missing
    with pytest.raises(mma_bench.MMABenchError, match=says) as caught:
        read(copy)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "metadata/stimuli.parquet",
        "metadata/clips.parquet",
        "metadata/provenance.json",
        "metadata/super_classes.json",
        "index/aligned.parquet",
        "removed_ids.txt",
        "README.md",
        "SHA256SUMS",
    ],
)
def test_no_other_file_of_a_dataset_makes_a_reader_wait(copy: Path, name: str) -> None:
    (copy / name).unlink(missing_ok=True)
    os.mkfifo(copy / name)
    assert verify_data(copy)
    for read in (load_all, stream_all):
        if name in ("metadata/stimuli.parquet", "index/aligned.parquet", "removed_ids.txt"):
            with pytest.raises(mma_bench.MMABenchError):
                read(copy)
        else:
            read(copy)
    if name == "metadata/super_classes.json":
        with pytest.raises(mma_bench.MMABenchError, match="super-class"):
            _ = mma_bench.load(copy).super_classes


def test_a_snapshot_of_the_hub_s_cache_is_read_although_it_is_made_of_links(
    small_dataset: Path, tmp_path: Path
) -> None:
    repository = tmp_path / "hub" / "datasets--org--mma-bench"
    snapshot, blobs = repository / "snapshots" / "0123abcd", repository / "blobs"
    blobs.mkdir(parents=True)
    for number, file in enumerate(sorted(path for path in small_dataset.rglob("*") if path.is_file())):
        blob = blobs / f"{number:040x}"
        shutil.copyfile(file, blob)
        place = snapshot / file.relative_to(small_dataset)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(os.path.relpath(blob, place.parent))  # as huggingface_hub makes them
    load_all(snapshot)
    stream_all(snapshot)
    assert verify_data(snapshot) == []
    shard = snapshot / shard_of(small_dataset)
    shard.unlink()
    shard.symlink_to(small_dataset / shard_of(small_dataset))  # the same bytes, from elsewhere
    for read in (load_all, stream_all, verify):
        with pytest.raises(mma_bench.MMABenchError, match="a link that leads out"):
            read(snapshot)


def test_links_inside_the_folder_are_followed(copy: Path) -> None:
    (copy / "annex").mkdir()
    shard = copy / shard_of(copy)
    shard.rename(copy / "annex" / "x")
    shard.symlink_to("../../annex/x")
    load_all(copy)
    stream_all(copy)


def test_zeros_without_end_after_the_end_mark_are_not_read(copy: Path) -> None:
    os.truncate(copy / shard_of(copy), 1 << 35)
    with ShardFile(copy, shard_of(copy)) as shard:
        found = list(shard.members())
    assert [type(each) for each in found[:-1]] == [Member] * (len(found) - 1)
    assert isinstance(found[-1], Foreign)
    assert found[-1].kind == "hidden_data"


@pytest.mark.parametrize("seconds", [1e12, float("nan"), float("inf"), -3.0, MAX_SECONDS + 1])
@pytest.mark.parametrize("place", ["video", "audio", "stimulus"])
def test_lengths_that_no_stream_has_are_refused_before_anything_is_allocated(
    copy: Path, seconds: float, place: str
) -> None:
    path = copy / "metadata" / "stimuli.parquet"
    table = pq.read_table(path)
    rows = table.to_pylist()
    for row in rows:
        (row if place == "stimulus" else row[place])["seconds"] = seconds
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)
    with pytest.raises(mma_bench.MMABenchError, match="seconds") as caught:
        mma_bench.load(copy)
    assert "\n" not in str(caught.value)
    if place != "stimulus":
        with pytest.raises(mma_bench.MMABenchError, match="do not trust this dataset"):
            mma_bench.stream(copy, config="aligned")
    assert "wrong_row" in {problem.kind for problem in verify_data(copy)}


def test_a_small_table_that_unpacks_to_gigabytes_is_refused(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mma_bench.files.tables.MAX_TABLE_BYTES", 64 << 20)
    path = copy / "metadata" / "stimuli.parquet"
    schema = pa.schema([pa.field("key", pa.string())])
    pq.write_table(pa.table({"key": ["x" * 100_000] * 1_000}, schema=schema), path, compression="zstd")
    assert path.stat().st_size < 1 << 20
    with pytest.raises(mma_bench.MMABenchError, match="bytes in memory"):
        mma_bench.load(copy)
