"""The task for inspect_ai, run by inspect_ai itself with its mock model, where it is at hand."""

import ast
import json
import os
import subprocess
from pathlib import Path

import pytest

from mma_bench.evaluation import Scores
from mma_bench.harnesses.reading import MEASURES
from tests.conftest import ROOT

TASK = ROOT / "mma_bench" / "harnesses" / "inspect_task.py"
PROGRAM = """
import base64, json, sys
from pathlib import Path
from inspect_ai import eval
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from mma_bench.harnesses.inspect_task import mma_bench

data, answers, conditions, out = sys.argv[1:]
said = {}
for line in Path(answers).read_text().splitlines():
    answer = json.loads(line)
    said[answer["question_id"]] = answer["text"]
task = mma_bench(data=data, condition=conditions)
seen = []

def reply(input, tools, tool_choice, config):
    content = input[-1].content
    kinds = [part.type for part in content]
    seen.append(kinds)
    output = ModelOutput.from_content("mockllm/model", by_prompt[id_of(content)])
    output.usage = ModelUsage()  # without it tokens are counted, by a table from the network
    return output

by_prompt = {}
def id_of(content):
    # inspect_ai hands the model what the files hold, as data URIs.
    values = [str(getattr(part, part.type)) for part in content]
    held = [base64.b64encode(Path(v).read_bytes()).decode() if v.endswith((".mp4", ".wav")) else v for v in values]
    return hash(tuple(value.rpartition("base64,")[2] for value in held))
for sample in task.dataset:
    by_prompt[id_of(sample.input[-1].content)] = said[sample.id]
(log,) = eval(task, model=get_model("mockllm/model", custom_outputs=reply), log_dir=str(Path(out).parent / "logs"),
              display="none")
assert log.status == "success", log.error
metrics = {score.name: {metric.name: metric.value for metric in score.metrics.values()} for score in log.results.scores}
Path(out).write_text(json.dumps({"metrics": metrics, "samples": log.results.completed_samples, "seen": seen[:4]}))
"""


def test_the_task_parses_without_inspect_ai() -> None:
    names = {
        node.name for node in ast.parse(TASK.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)
    }
    assert names == {"mma_bench", "option_named"}


@pytest.mark.slow
def test_inspect_itself_gives_our_scores(demo: Path, run: Path, scores: Scores, tmp_path: Path) -> None:
    python = os.environ.get("MMA_BENCH_INSPECT_PYTHON")
    if not python:
        pytest.skip("set MMA_BENCH_INSPECT_PYTHON to the python of an environment with inspect_ai (docs/harnesses.md)")
    out = tmp_path / "result.json"
    conditions = ",".join({cell.condition: None for cell in scores.cells})  # protocol `paper` leaves graded ones out
    ended = subprocess.run(
        [python, "-c", PROGRAM, str(demo), str(run / "answers.jsonl"), conditions, str(out)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "MMA_BENCH_CACHE": str(tmp_path / "cache")},
        check=False,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    result = json.loads(out.read_text())
    assert result["samples"] == len(scores.verdicts)
    assert result["seen"][0] == ["video", "audio", "text"]
    for cell in scores.cells:
        for name in MEASURES:
            found = result["metrics"][name][f"{cell.condition}_{cell.modality}"]
            assert found == pytest.approx(getattr(cell, name))
