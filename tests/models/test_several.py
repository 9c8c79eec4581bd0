"""Several stimuli at a time, by the command: the same answers as one at a time."""

import sys
from pathlib import Path
from typing import Any

import pytest

from mma_bench import evaluate
from mma_bench.evaluation import AnswerStore
from tests.conftest import run_command
from tests.models.test_omni import OPTIONS_TEXT, save


def test_an_evaluation_in_batches_of_stimuli_stores_the_same_answers(demo: Path, tmp_path: Path) -> None:
    name, one, several = f"transformers:{save(tmp_path / 'model')}", tmp_path / "one", tmp_path / "several"
    asked: dict[str, Any] = {"condition": "aligned", "limit": 2, "protocol": "paper", "allow_empty": True}
    evaluate(name, demo, run=one, options=OPTIONS_TEXT, probe=False, progress=False, **asked)
    command = ["eval", "--data", str(demo), "--model", name, "--run", str(several), "--protocol", "paper"]
    command += [f"--model-option={name}={value}" for name, value in OPTIONS_TEXT.items()]
    command += ["--limit", "2", "--condition", "aligned", "--skip-probe", "--allow-empty", "--batch-stimuli", "3"]
    run_command(sys.executable, "-m", "mma_bench", *command)
    first, second = ({one.question_id: one for one in AnswerStore(run).read().values()} for run in (one, several))
    assert len(first) == 4
    for question, answer in first.items():
        assert answer.text == second[question].text
        assert answer.option_scores == pytest.approx(second[question].option_scores, abs=1e-4)
    command = ["eval", "--data", str(demo), "--model", "cascade", "--run", str(tmp_path / "no"), "--batch-stimuli", "2"]
    refused = run_command(sys.executable, "-m", "mma_bench", *command, check=False)
    assert refused.returncode == 2
    assert "is not a transformers model" in refused.stderr
