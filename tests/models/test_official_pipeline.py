"""Omni models: the official processors and `generate` see and answer what ours do, on real clips.

They need torchvision, which cannot be imported in the main environment: `scripts/official/setup.sh` makes another.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from mma_bench.dataset.media import Media
from tests.conftest import ROOT

OFFICIAL = ROOT / ".venv-official/bin/python"
CLIPS = ("vgg_0f0Rq7e5yX8_000160", "Y3CZ1i2_tKn0_repDiff_Door_0", "YhRHKxyErgZw_repDiff_Glass_0")
RATES = (1, 1.5, 2, 3, 4, 6, 7, 8)
SECONDS = 5.3
NEAR_TIE = 1e-3
"""Logits: below it, which token is the likeliest depends on the order in which floats were added."""


@pytest.fixture(scope="module")
def official() -> str:
    if not OFFICIAL.is_file():
        pytest.skip("needs the environment .venv-official; make it with scripts/official/setup.sh")
    return str(OFFICIAL)


def decoded(path: Path) -> dict[str, Any]:
    """Frames of a real clip at each rate, of its own size, and its sound."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=16_000)
        parts = [part.to_ndarray()[0] for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    media = Media(path.stem, path.read_bytes, path.read_bytes, SECONDS, regular_keys=False)
    found: dict[str, Any] = {f"{path.stem}/{fps}/frames": media.frames(fps) for fps in RATES}
    found[f"{path.stem}/audio"] = np.concatenate(parts)[: round(SECONDS * 16_000)]
    return found


@pytest.mark.slow
def test_ids_pixels_spectra_positions_and_answers_are_those_of_the_official_pipeline(
    official: str, shared: Path, tmp_path: Path
) -> None:
    arrays: dict[str, Any] = {}
    for name in CLIPS:
        arrays |= decoded(shared / "clips" / f"{name}.mp4")
    np.savez(tmp_path / "clips.npz", **arrays)
    script = "scripts/official/pipeline_parity.py"
    run = subprocess.run(
        [official, script, str(tmp_path / "clips.npz"), "--json", str(tmp_path / "rows.json")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-3000:]
    rows = json.loads((tmp_path / "rows.json").read_text())
    assert len(rows) == 2 * len(CLIPS) * len(RATES) * 3
    wrong = [
        row
        for row in rows
        if not (row["same_ids"] and row["same_grid"])
        or not (row["same_answer"] or row["margin"] < NEAR_TIE)
        or row["pixel_levels"] > 1.01  # torchvision scales on uint8 as we do; one level of rounding
        or row["spectrum_gap"] > 1e-4
        or row["position_gap"] > 0
    ]
    assert not wrong, f"{len(wrong)} of {len(rows)} differ, such as {wrong[:3]}"


@pytest.mark.slow
def test_patches_are_those_of_the_official_video_processor(official: str, tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    run = subprocess.run(
        [official, "scripts/gpu/frame_parity.py", "--json", str(figures)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr[-3000:]
    rows = json.loads(figures.read_text())
    assert len(rows) >= 10
    assert all(row["same_grid"] and row["levels_of_255"] <= 1.01 for row in rows), rows
