"""The task folder for lmms-eval: its functions by themselves, and, where lmms-eval is at hand, a whole run of it."""

import importlib.util
import json
import os
import re
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

import av
import pytest
import yaml

import mma_bench
from mma_bench.evaluation import AnswerStore, Scores
from mma_bench.harnesses import reading
from mma_bench.schema import CONDITIONS
from tests.conftest import ROOT
from tests.harnesses.conftest import python_of

FOLDER = ROOT / "mma_bench" / "harnesses" / "lmms_eval"
DOCUMENT = ROOT / "docs" / "harnesses.md"
MEASURES = ("macro_accuracy", *reading.MEASURES)


def yaml_with_functions(path: Path) -> dict[str, Any]:
    """Return a task as lmms-eval reads it: `!function tasks.NAME` is a function of the file beside it."""
    spec = importlib.util.spec_from_file_location("tasks", path.parent / "tasks.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_constructor("!function", lambda _, node: getattr(module, node.value.split(".")[1]))
    config = yaml.load(path.read_text(encoding="utf-8"), Loader)
    if "include" in config:
        return {**yaml.load((path.parent / config["include"]).read_text(encoding="utf-8"), Loader), **config}
    return dict(config)


def kinds_of(path: str) -> list[str]:
    with av.open(path) as container:
        return [stream.type for stream in container.streams]


def test_every_condition_is_a_task_and_the_group_is_the_papers_six() -> None:
    tasks = {path.stem: path for path in FOLDER.glob("*.yaml")}
    group = yaml_with_functions(tasks.pop("mma_bench"))
    assert set(CONDITIONS) <= set(tasks)
    assert set(group["task"]) <= {f"mma_bench_{name}" for name in tasks}
    for name, path in tasks.items():
        config = yaml_with_functions(path)
        assert config["task"] == f"mma_bench_{name}"
        assert {metric["metric"] for metric in config["metric_list"]} == {
            f"{modality}_{name}" for modality in ("visual", "audio") for name in MEASURES
        }


def test_its_functions_score_stored_answers_as_the_evaluator_does(
    demo: Path, run: Path, scores: Scores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMA_BENCH_DATA", str(demo))
    monkeypatch.setenv("MMA_BENCH_CACHE", str(tmp_path))
    said = {answer.question_id: answer.text for answer in AnswerStore(run).read().values()}
    for condition in ("misaligned", "frames_zeroed", "misleading_caption"):
        config = yaml_with_functions(FOLDER / f"{condition}.yaml")
        docs = config["process_docs"](None)
        video, audio, text = config["doc_to_messages"](docs[0])[0]["content"]
        assert text["text"] == docs[0]["prompt"]
        assert kinds_of(video["url"]) == ["video"]
        assert kinds_of(audio["url"]) == ["audio"]
        assert [kinds_of(path) for path in config["doc_to_visual"](docs[0])] == [["video", "audio"]]
        found: dict[str, list[Any]] = defaultdict(list)
        for doc in docs:
            assert config["doc_to_text"](doc).startswith(("Which class", "Video_caption"))
            for name, value in config["process_results"](doc, [said[doc["question_id"]].strip()]).items():
                found[name].append(value)
        for metric in config["metric_list"]:
            values, how = found[metric["metric"]], metric["aggregation"]
            cell = scores.cell(condition, mma_bench.schema.Modality(metric["metric"].split("_")[0]))
            result = sum(values) / len(values) if how == "mean" else how(values)
            assert result == pytest.approx(getattr(cell, metric["metric"].partition("_")[2]))
    assert any(cell.several_rate and cell.unparsed_rate and cell.abstention_rate for cell in scores.cells)


@pytest.mark.slow
@pytest.mark.parametrize("chat", [False, True])
def test_lmms_eval_itself_gives_our_scores(
    demo: Path, run: Path, scores: Scores, tmp_path: Path, *, chat: bool
) -> None:
    python = python_of("lmms")
    command = [python, str(ROOT / "scripts" / "bench" / "lmms_eval_stub.py"), "--answers", str(run / "answers.jsonl")]
    command += ["--media", "2", "--out", str(tmp_path / "result.json"), *(["--chat"] if chat else [])]
    variables = {"PYTHONPATH": str(ROOT), "HF_HOME": str(tmp_path), "MMA_BENCH_CACHE": str(tmp_path / "cache")}
    ended = subprocess.run(
        command, cwd=demo.parent, env={**os.environ, **variables}, check=False, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    result = json.loads((tmp_path / "result.json").read_text())
    assert sum(result["questions"].values()) == len(scores.verdicts)
    for cell in scores.cells:
        metrics = result["results"][f"mma_bench_{cell.condition}"]
        for name in MEASURES:
            assert metrics[f"{cell.modality}_{name},none"] == pytest.approx(getattr(cell, name))
    assert len(result["files"]) == (24 if chat else 12)
    for file in result["files"]:
        assert Path(file).stat().st_size > 1000


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["chat", "simple"])
def test_lmms_evals_own_qwen_wrapper_answers_our_questions(demo: Path, tmp_path: Path, kind: str) -> None:
    """The wrapper answers with an empty text where anything fails, so a run that ends well says nothing by itself."""
    python = python_of("lmms")
    command = [python, str(ROOT / "scripts" / "harnesses" / "lmms_eval_qwen.py"), "--work", str(tmp_path), "--"]
    command += ["--tasks", "mma_bench_misaligned", "--limit", "2", *(["--force_simple"] if kind == "simple" else [])]
    variables = {"PYTHONPATH": str(ROOT), "HF_HOME": str(tmp_path), "MMA_BENCH_CACHE": str(tmp_path / "cache")}
    variables["MMA_BENCH_DATA"] = str(demo)
    ended = subprocess.run(command, env={**os.environ, **variables}, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "2 answers, 0 of them empty" in ended.stdout


def test_the_documented_install_has_the_pins_that_lmms_eval_lacks() -> None:
    (line,) = re.findall(r"^python -m venv lmms-env && .*", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    for pin in ("'filelock<3.21'", "'transformers==5.6.0'", "'moviepy>=2'", "'qwen-omni-utils[decord]'"):
        assert pin in line
