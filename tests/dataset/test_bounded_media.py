"""Media of hostile datasets: what is decoded is bounded by what is asked for, not by what the file holds."""

import io
import tracemalloc
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mma_bench import MMABenchError
from mma_bench.dataset.media import Media, first_samples
from mma_bench.files.tables import MAX_ROWS, read_parquet
from mma_bench.models.endpoint.prepare import _pcm


def long_silence(seconds: int, rate: int) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="flac") as out:
        stream = out.add_stream("flac", rate=rate, layout="mono", format="s16")
        for _ in range(seconds // 10):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 10 * rate), np.int16), format="s16", layout="mono")
            frame.sample_rate = rate
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return buffer.getvalue()


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_no_more_sound_is_decoded_than_is_asked_for(rate: int) -> None:
    content = long_silence(1800, rate)
    assert len(content) < 1_000_000
    media = Media("clip", lambda: b"", lambda: content, 3.0)
    tracemalloc.start()
    try:
        for decode in (media.audio, lambda: _pcm(media)):
            assert len(decode()) == 48_000
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_blocks_are_asked_for_until_there_are_enough() -> None:
    asked = []

    def blocks():  # type: ignore[no-untyped-def]
        for number in range(5):
            asked.append(number)
            yield np.full(4, number, np.int16)

    assert first_samples(blocks(), 6, np.int16).tolist() == [0, 0, 0, 0, 1, 1]
    assert asked == [0, 1]
    assert first_samples([], 6, np.float32).dtype == np.float32


def test_a_frame_larger_than_the_header_says_is_scaled_as_it_comes(tmp_path: Path) -> None:
    parts = []
    for number, size in enumerate((64, 320)):
        path = tmp_path / f"{number}.h264"
        with av.open(str(path), "w", format="h264") as out:
            stream = out.add_stream("libx264", rate=10)
            stream.width = stream.height = size
            stream.pix_fmt = "yuv420p"
            for level in range(10):
                picture = np.full((size, size, 3), 20 * level, np.uint8)
                out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            out.mux(stream.encode(None))
        parts.append(path.read_bytes())
    joined = tmp_path / "joined.h264"
    joined.write_bytes(b"".join(parts))
    changed = tmp_path / "changed.mp4"
    with av.open(str(joined), format="h264") as source, av.open(str(changed), "w", format="mp4") as out:
        copy = out.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(source.demux(video=0)):
            if packet.size:
                packet.pts = packet.dts = number * int(packet.time_base.denominator / packet.time_base.numerator / 10)
                packet.stream = copy
                out.mux(packet)
    frames = Media("clip", changed.read_bytes, lambda: b"", 1.9, regular_keys=False).frames(10.0)
    assert frames.shape == (19, 64, 64, 3)


def test_a_table_of_too_many_rows_is_refused_before_it_is_read(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": pa.nulls(MAX_ROWS + 1)}), tmp_path / "many.parquet")
    assert (tmp_path / "many.parquet").stat().st_size < 1_000_000
    with pytest.raises(ValueError, match=f"{MAX_ROWS + 1} rows, more than"):
        read_parquet(tmp_path, "many.parquet")


def test_an_error_names_the_clip() -> None:
    with pytest.raises(MMABenchError, match="clip: its flac stream cannot be read"):
        Media("clip", lambda: b"", lambda: b"nonsense", 1.0).audio()
