"""One report and one leaderboard for all tests of this folder: of a rule, and of a model that means harm."""

import json
import shutil
from pathlib import Path

import pytest

import mma_bench
from mma_bench.models.interface import Model
from mma_bench.report import write_report
from mma_bench.report.leaderboard.write import write_leaderboard
from tests.report.hostile import Hostile


@pytest.fixture(scope="session")
def runs(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The runs, below one folder; the model's comes last, and reports put it first."""
    folder = tmp_path_factory.mktemp("runs")
    models: list[str | Model] = ["baseline:visual-only", Hostile()]
    for name, model in zip(("visual", "hostile"), models, strict=True):
        mma_bench.evaluate(model, demo, run=folder / name, limit=6, protocol="paper", progress=False)
    return [folder / "visual", folder / "hostile"]


@pytest.fixture(scope="session")
def report(runs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a report about `runs`."""
    return write_report(runs, tmp_path_factory.mktemp("out") / "report", examples=2).parent


@pytest.fixture(scope="session")
def leaderboard(runs: list[Path], demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a leaderboard about `runs`, a smaller run, an unfinished one and one on other data."""
    folder = tmp_path_factory.mktemp("board")
    for run in runs:
        shutil.copytree(run, folder / "runs" / run.name)
    mma_bench.evaluate(
        "baseline:majority", demo, run=folder / "runs" / "small", limit=2, protocol="paper", progress=False
    )
    for name in ("part", "other"):
        shutil.copytree(runs[0], folder / "runs" / name)
    answers = folder / "runs" / "part" / "answers.jsonl"
    answers.write_bytes(b"".join(answers.read_bytes().splitlines(keepends=True)[:-5]))
    head = json.loads((runs[0] / "run.json").read_text())
    (folder / "runs" / "other" / "run.json").write_text(json.dumps({**head, "data_sha256": "0" * 64}))
    write_leaderboard([folder / "runs"], folder / "out")
    return folder / "out"
