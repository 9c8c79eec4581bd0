"""Black frames are put together from few encoded groups, and no decoder can tell."""

from fractions import Fraction
from pathlib import Path

import av
import pytest

from mma_bench.dataset import black_frames
from mma_bench.dataset.black_frames import write_black


@pytest.mark.parametrize(("rate", "frames"), [("30000/1001", 100), ("1876/125", 50), ("30", 7), ("1/2", 5)])
def test_repeated_groups_are_what_encoding_every_frame_gives(
    rate: str, frames: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, whole = tmp_path / "made.mp4", tmp_path / "whole.mp4"
    write_black(made, rate=Fraction(rate), frames=frames, size=(64, 64))
    monkeypatch.setattr(black_frames, "_GROUPS", 8)
    write_black(whole, rate=Fraction(rate), frames=frames, size=(64, 64))
    assert made.read_bytes() == whole.read_bytes()
    with av.open(str(made)) as container:
        decoded = list(container.decode(container.streams.video[0]))
    times = [i / Fraction(rate) for i in range(frames)]
    assert [frame.time for frame in decoded] == pytest.approx([float(time) for time in times], abs=1e-3)
    assert max(frame.to_ndarray(format="rgb24").max() for frame in decoded) <= 1
    halves = range(int(times[-1] * 2) + 1)
    firsts = {
        next((i for i, time in enumerate(times) if time + Fraction(1, 1000) >= Fraction(n, 2)), None) for n in halves
    }
    keys = [i for i, frame in enumerate(decoded) if frame.key_frame]
    assert set(keys) == firsts if Fraction(rate) >= 2 else keys == list(range(frames))
