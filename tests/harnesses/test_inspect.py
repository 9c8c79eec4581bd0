"""The task for inspect_ai, run by its own command line as docs/harnesses.md says, in an environment of its own."""

import ast
import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

import mma_bench
from mma_bench.evaluation import Scores
from mma_bench.harnesses.reading import MEASURES
from tests.conftest import ROOT
from tests.harnesses.conftest import python_of

TASK = ROOT / "mma_bench" / "harnesses" / "inspect_task.py"
DOCUMENT = ROOT / "docs" / "harnesses.md"
PROVIDER = """
import base64, hashlib, json, os
from inspect_ai.model import ModelAPI, ModelOutput, ModelUsage, modelapi
from mma_bench import load
from mma_bench.harnesses.media_files import separate_files

def digest(content):
    return hashlib.sha256(content).hexdigest()

with open(os.environ["ANSWERS"]) as file:
    said = {answer["question_id"]: answer["text"] for answer in map(json.loads, file)}
texts = {}
for sample in load("mma-bench").samples:
    media = [digest(path.read_bytes()) for path in separate_files(sample)]
    for question in sample.questions:
        texts[(*media, question.prompt)] = said.get(question.question_id, "Dog")

@modelapi(name="stored")
class Stored(ModelAPI):
    async def generate(self, input, tools, tool_choice, config):
        video, audio, text = input[-1].content
        # inspect_ai gives a provider what the files hold, as data URIs.
        media = [digest(base64.b64decode(uri.partition("base64,")[2])) for uri in (video.video, audio.audio)]
        output = ModelOutput.from_content("stored", texts[(*media, text.text)])
        output.usage = ModelUsage()  # without it tokens are counted, by a table from the network
        return output
"""


def test_the_task_parses_without_inspect_ai() -> None:
    names = {
        node.name for node in ast.parse(TASK.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)
    }
    assert names == {"mma_bench", "option_named"}


def documented() -> list[list[str]]:
    """The commands of the document, as words."""
    text = DOCUMENT.read_text(encoding="utf-8").replace("\\\n", " ")
    return [shlex.split(line) for line in re.findall(r"^inspect-env/bin/(inspect eval .*)$", text, re.MULTILINE)]


def test_the_documented_commands_name_the_task_by_the_entry_point_and_keep_media_out_of_the_log() -> None:
    import tomllib

    points = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    assert points["inspect_ai"] == {"mma_bench": "mma_bench.harnesses.inspect_task"}
    commands = documented()
    assert len(commands) >= 2
    for command in commands:
        assert command[2] == "mma_bench/mma_bench"  # a path must be relative there, and changes the working folder
        assert "--no-log-images" in command


@pytest.mark.slow
def test_the_documented_commands_give_our_scores(demo: Path, run: Path, scores: Scores, tmp_path: Path) -> None:
    python = python_of("inspect")
    plugin = tmp_path / "plugin" / "stored_answers-0.dist-info"
    plugin.mkdir(parents=True)
    (plugin.parent / "stored_answers.py").write_text(PROVIDER)
    (plugin / "METADATA").write_text("Metadata-Version: 2.1\nName: stored-answers\nVersion: 0\n")
    (plugin / "entry_points.txt").write_text("[inspect_ai]\nstored_answers = stored_answers\n")
    variables = {"ANSWERS": str(run / "answers.jsonl"), "MMA_BENCH_CACHE": str(tmp_path / "cache")}
    expected = {(cell.condition, cell.modality): cell for cell in scores.cells}
    for number, (program, *command) in enumerate(documented()):
        model = command.index("--model") + 1
        command[model] = "stored/model"
        log = tmp_path / f"log-{number}"
        ended = subprocess.run(
            [
                str(Path(python).parent / program),
                *command,
                "--log-dir",
                str(log),
                "--log-format=json",
                "--display=none",
            ],
            cwd=demo.parent,
            env={**os.environ, **variables, "PYTHONPATH": str(plugin.parent)},
            check=False,
            capture_output=True,
            text=True,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        (path,) = log.iterdir()
        result = json.loads(path.read_text())
        assert result["status"] == "success", result
        given = dict(word.split("=") for word in command if "=" in word and not word.startswith("-"))
        rows = mma_bench.load(demo, condition=given.get("condition"), limit=int(given.get("limit", 0)) or None)
        assert len(rows) == result["results"]["completed_samples"]
        assert path.stat().st_size < 100_000 * len(rows)  # a video has 200 kB
        if "limit" in given:
            continue
        metrics: dict[str, Any] = {
            score["name"]: {metric["name"]: metric["value"] for metric in score["metrics"].values()}
            for score in result["results"]["scores"]
        }
        for (condition, modality), cell in expected.items():
            if condition == given["condition"]:
                for name in MEASURES:
                    found = metrics[name][f"{condition}_{modality}"]
                    assert found == pytest.approx(getattr(cell, name))
