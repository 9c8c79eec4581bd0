"""Gemma 4, Gemma 3n, Phi-4-multimodal and Nemotron-3-Nano-Omni answer here as with their processors and `generate`.

Their processors need torchvision: `scripts/official/setup.sh` makes an environment that has it.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

OFFICIAL = ROOT / ".venv-official/bin/python"
FAMILIES = ("Gemma 4", "Gemma 3n", "Phi-4-multimodal", "Nemotron-3-Nano-Omni")


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run_official("family_parity.py", tmp_path_factory.mktemp("families") / "rows.json")


@pytest.fixture(scope="module")
def diagnosed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run_official("family_diagnosis.py", tmp_path_factory.mktemp("diagnosis") / "rows.json")


def run_official(script: str, file: Path) -> dict[str, Any]:
    if not OFFICIAL.is_file():
        pytest.skip("needs torchvision, in the environment .venv-official; make it with scripts/official/setup.sh")
    run = subprocess.run(
        [str(OFFICIAL), f"scripts/official/{script}", "--json", str(file)],
        cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-3000:]
    found: dict[str, Any] = json.loads(file.read_text())
    return found


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_answers_and_likelihoods_are_those_of_the_official_processor_and_generate(
    measured: dict[str, Any], family: str
) -> None:
    if reason := measured["found"][family].get("skipped"):
        pytest.skip(f"{reason}; run scripts/official/setup.sh again")
    rows = [row for row in measured["rows"] if row["family"] == family]
    assert [row["streams"] for row in rows] == ["both", "video", "audio", "none"]
    for row in rows:
        assert row["same_ids"], row
        assert row["same_answers"], row
        assert row["unshared"], row
        assert row["score_gap"] < 1e-3, row
        assert row["passes"] == (4 if row["streams"] == "none" else 1), row
    assert any(row["different_answers"] > 1 for row in rows), "answers must depend on the question to show anything"


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_heads_are_scaled_and_long_audio_is_not_cut(measured: dict[str, Any], family: str) -> None:
    found = measured["found"][family]
    if reason := found.get("skipped"):
        pytest.skip(f"{reason}; run scripts/official/setup.sh again")
    if family == "Nemotron-3-Nano-Omni":
        assert "not for this family: --model-option head_gain" in found["head gain"]
    else:
        assert found["gain 1 changes nothing"]
        assert found["gain 0 changes answers"]
    if family.startswith("Gemma"):
        assert "31.00 s" in found["31 s of audio"]
        assert "drop all after 30 s" in found["31 s of audio"]
    else:
        assert found["31 s of audio"] == "answered"
    if family == "Phi-4-multimodal":
        assert found["identity"]["adapters"] == "vision, speech"
        assert found["gap to adapters added by hand"] < 1e-4
    assert found["identity"]["weights"].startswith("sha256 ")


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_a_diagnosis_reads_what_transformers_own_passes_say(diagnosed: dict[str, Any], family: str) -> None:
    found = diagnosed["found"][family]
    if reason := found.get("skipped"):
        pytest.skip(f"{reason}; run scripts/official/setup.sh again")
    rows = [row for row in diagnosed["rows"] if row["family"] == family]
    if family == "Nemotron-3-Nano-Omni":
        assert found["diagnosis"].startswith("not for this family: the layers of NemotronH_Omni_Reasoning_V3")
        assert not rows
        return
    assert [row["kernel"] for row in rows] == ["sdpa", "eager"]
    for row in rows:
        assert min(row["tokens"][name] for name in ("video", "audio", "question", "option")) > 0, row
        assert row["attention_gap"] < 1e-5, row
        assert row["cut_gap"] < 1e-4, row
        assert row["cut_effect"] > 1e-3, row
        assert row["lens_gap"] < 1e-4, row


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_both_streams_reach_each_family(diagnosed: dict[str, Any], family: str) -> None:
    found = diagnosed["found"][family]
    reason = found.get("skipped") or (found["reach"] if isinstance(found["reach"], str) else None)
    if reason:
        pytest.skip(f"{reason}; run scripts/official/setup.sh again")
    assert {modality: verdict for modality, (verdict, _) in found["reach"].items()} == {
        "visual": "reaches",
        "audio": "reaches",
    }
