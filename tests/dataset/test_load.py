"""Loading: media decoded lazily, muxed without encoding, and never from a damaged or hostile dataset."""

import io
import os
import shutil
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mma_bench
from mma_bench.dataset.media import Media
from tests.conftest import SMALL, run_builder, settings


@pytest.fixture(scope="module")
def small(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of real clips of 15, 25 and 29.97 frames a second; the last one's streams disagree."""
    folder = tmp_path_factory.mktemp("small")
    rows = [
        ("canidae_aligned.mp4", "Canidae", "Canidae"),
        ("caption_peturb.mp4", "Accordion", "Accordion"),
        ("Ygefp9ta8LTA_repDiff_Rain_0.mp4", "Rain", "Rain"),
        ("misaligned_printer_aud_cashregis_video.mp4", "Cash_register", "Printer"),
    ]
    text = "\n".join(["file,visual_label,audio_label", *(",".join(row) for row in rows)])
    (folder / "list.csv").write_text(text)
    config = folder / "config.yaml"
    config.write_text(f"source: {{kind: folder, csv: {folder / 'list.csv'}, folder: {shared / 'clips'}}}\n")
    out = folder / "dataset"
    run_builder("run", "--config", str(config), "--work", str(folder / "w"), "--out", str(out), *settings(*SMALL))
    return out


def decode_all(data: bytes) -> list[tuple[float, np.ndarray]]:
    with av.open(io.BytesIO(data)) as container:
        return [(frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]


@pytest.mark.parametrize("fps", [1, 2, 4, 5, 60])
def test_frames_are_the_first_at_or_after_their_time(small: Path, fps: float) -> None:
    for row in mma_bench.load(small, condition="misaligned"):
        everything = decode_all(row.media.video_bytes)
        frames = row.media.frames(fps)
        assert frames.shape[1:] == (112, 112, 3)
        assert abs(len(frames) - row.media.seconds * fps) <= 1
        for i, frame in enumerate(frames):
            expected = next((f for time, f in everything if time >= i / fps - 1e-3), everything[-1][1])
            assert np.array_equal(frame, expected)
    assert row.media.frames(2, size=56).shape[1:] == (56, 56, 3)


def test_sound_is_the_stored_one_at_any_rate_and_ends_with_the_stimulus(small: Path) -> None:
    for row in mma_bench.load(small, condition="aligned"):
        with av.open(io.BytesIO(row.media.audio_bytes)) as container:
            stored = np.concatenate([frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)])
        samples = row.media.audio()
        assert samples.dtype == np.float32
        assert np.array_equal(samples, stored[: len(samples)].astype(np.float32) / 32768)
        assert len(samples) == round(row.media.seconds * 16_000)
        assert abs(len(row.media.audio(rate=8_000)) - len(samples) / 2) <= 2


def test_the_muxed_file_is_a_copy_of_both_streams_cut_to_the_stimulus(small: Path) -> None:
    row = mma_bench.load(small, condition="misaligned")[0]
    cut = Media("cut", lambda: row.media.video_bytes, lambda: row.media.audio_bytes, seconds=1.5)
    for media in (row.media, cut):
        muxed = media.mp4()
        assert muxed == media.mp4()
        with av.open(io.BytesIO(muxed)) as container, av.open(io.BytesIO(media.video_bytes)) as source:
            assert [stream.codec_context.name for stream in container.streams] == ["h264", "flac"]
            copied = [bytes(packet) for packet in container.demux(video=0) if packet.size]
            stored = [bytes(packet) for packet in source.demux(video=0) if packet.size]
            assert copied == stored[: len(copied)]
            assert abs(float(container.duration) / 1e6 - media.seconds) < 0.3


def test_media_is_read_only_when_asked_for(small: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(small, copy)
    rows = list(mma_bench.load(copy))
    shutil.rmtree(copy / "data")
    assert rows[0].prompt
    with pytest.raises(mma_bench.MMABenchError, match="cannot be read"):
        rows[0].media.frames()


def test_a_changed_byte_and_an_index_that_points_elsewhere_are_refused(small: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(small, copy)
    shard = next((copy / "data" / "aligned").glob("*.tar"))
    rows = mma_bench.load(copy, condition="aligned")
    before = [row.media.video_bytes + row.media.audio_bytes for row in rows]
    assert before == [row.media.video_bytes + row.media.audio_bytes for row in rows]
    content, state = bytearray(shard.read_bytes()), shard.stat()
    content[len(content) // 3] ^= 1
    shard.write_bytes(content)
    os.utime(shard, ns=(state.st_atime_ns, state.st_mtime_ns))  # as if nothing had happened
    with pytest.raises(mma_bench.MMABenchError, match="wrong hash"):
        [row.media.video_bytes + row.media.audio_bytes for row in rows]
    index = copy / "index" / "misaligned.parquet"
    entries = pq.read_table(index).to_pylist()
    for entry in entries:
        entry["shard"] = "../../../../etc/passwd"
    pq.write_table(pa.Table.from_pylist(entries), index)
    with pytest.raises(mma_bench.MMABenchError, match="cannot be read by this version: row 0: shard"):
        mma_bench.load(copy, condition="misaligned")[0].media.frames()


def test_what_is_no_benchmark_is_refused(tmp_path: Path, small: Path) -> None:
    with pytest.raises(mma_bench.MMABenchError, match="is not a benchmark"):
        mma_bench.load(tmp_path)
    copy = tmp_path / "copy"
    shutil.copytree(small, copy)
    (copy / "metadata" / "stimuli.parquet").write_bytes(b"PAR1 not really PAR1")
    with pytest.raises(mma_bench.MMABenchError, match="cannot be read: not a Parquet table"):
        mma_bench.load(copy)
