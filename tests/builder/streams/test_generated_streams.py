"""Black frames and silence are made once, and anew when what makes them changed."""

from pathlib import Path

import pytest

from builder.normalise import NormaliseSettings
from builder.streams import generated
from builder.streams.generated import GeneratedStreams
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
