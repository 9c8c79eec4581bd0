"""One run with answers of every kind, which each harness must score as the evaluator does."""

import json
import os
from pathlib import Path

import pytest

import mma_bench
from mma_bench.evaluation import Scores
from tests.conftest import ROOT


def python_of(harness: str) -> str:
    """The interpreter of the environment of ``harness``, which the variable may name relative to the repository."""
    name = f"MMA_BENCH_{harness.upper()}_PYTHON"
    if not os.environ.get(name):
        pytest.skip(f"set {name} to the Python of the environment that scripts/harnesses/setup.sh {harness} makes")
    return str((ROOT / os.environ[name]).absolute())


@pytest.fixture(scope="session")
def run(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Answers of every kind: right, distracted, abstaining, several at once, and none."""
    run = tmp_path_factory.mktemp("run") / "run"
    mma_bench.evaluate("baseline:visual-only", demo, run=run, protocol="paper", progress=False)
    lines = [json.loads(line) for line in (run / "answers.jsonl").read_text().splitlines()]
    for number, line in enumerate(lines):
        said = {3: "Cat, or Dog?", 5: "Hmm.", 7: "None of the above.", 9: f" It is {line['text']}. \n"}
        line["text"] = said.get(number % 11, line["text"])
    (run / "answers.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return run


@pytest.fixture(scope="session")
def scores(demo: Path, run: Path) -> Scores:
    return mma_bench.evaluate("baseline:visual-only", demo, run=run, protocol="paper", progress=False)
