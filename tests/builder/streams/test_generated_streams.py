"""Black frames and silence are made once, and anew when what makes them changed."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from builder.normalise import NormaliseSettings
from builder.streams import generated
from builder.streams.generated import GeneratedStreams
from builder.streams.graded import GradedStreams, graded_files
from mma_bench.schema import Clip


def test_streams_of_an_earlier_version_are_not_taken_for_new_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = Clip.model_construct(frame_rate=25.0, video_seconds=1.0, audio_seconds=1.0)

    def files() -> list[Path]:
        made = GeneratedStreams(tmp_path, NormaliseSettings(size=64))
        return [made.black_file(clip)[0], made.silence_file(clip)[0]]

    first = files()
    for path in first:
        path.write_bytes(b"kept")
    assert files() == first
    assert {path.read_bytes() for path in first} == {b"kept"}
    monkeypatch.setattr(generated, "_VERSION", generated._VERSION + 1)
    assert not set(files()) & set(first)


def test_many_processes_may_make_one_graded_stream_at_the_same_time(tmp_path: Path) -> None:
    made = GradedStreams(tmp_path, NormaliseSettings())
    together = threading.Barrier(4)

    def encode(path: Path) -> float:
        together.wait(60)
        path.write_bytes(b"the same")
        return 1.5

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: made.make("flac", ["mixed_audio", 3], encode), range(4)))
    assert len(set(found)) == 1
    assert (found[0][1], list(graded_files(tmp_path))) == (1.5, [found[0][0]])
    assert made.make("flac", ["mixed_audio", 3], encode) == found[0]  # found, or it would wait for three others
