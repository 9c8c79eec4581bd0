"""A model of a user's own: ten lines, no name, no fingerprint, answers as strings."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import mma_bench
from mma_bench import MMABenchError
from mma_bench.console.group import Command
from mma_bench.dataset.load import Sample
from mma_bench.evaluation.store import AnswerStore, open_run
from mma_bench.models import Answer, Model
from tests.conftest import ROOT


class Mine(Model):
    """Says the first option."""

    takes_media = False

    def answer(self, sample: Sample) -> list[str]:
        return [question.options[0] for question in sample.questions]


class Mixed(Mine):
    """Gives one answer as an object and the others as strings."""

    def answer(self, sample: Sample) -> list[Any]:
        first, *rest = sample.questions
        return [Answer(first.question_id, "Dog", output_tokens=1), *("Cat" for _ in rest)]


def test_strings_are_answers_and_name_and_time_come_by_themselves(demo: Path, tmp_path: Path) -> None:
    for model in (Mine(), Mixed()):
        run = tmp_path / type(model).__name__
        scores = mma_bench.evaluate(model, demo, run=run, condition="aligned", limit=2, progress=False)
        assert scores.missing == 0
        assert open_run(run).model == f"tests.models.test_own_model.{type(model).__name__}"
        assert all((answer.seconds or 0) > 0 for answer in AnswerStore(run).read().values())
    assert {answer.text for answer in AnswerStore(tmp_path / "Mixed").read().values()} == {"Dog", "Cat"}


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (["Dog"], "returned 1 answers to 2 questions; return one per question"),
        ([], "returned 0 answers to 2 questions"),
        ("Dog", "returned str; return a list with one string or Answer per question"),
        (None, "returned NoneType; return a list"),
        (["Dog", None], "returned NoneType for question "),
        (["Dog", Answer("another", "Dog")], "returned an Answer to 'another' for question "),
    ],
)
def test_wrong_answers_are_one_clear_error(said: Any, message: str, demo: Path, tmp_path: Path) -> None:
    class Wrong(Mine):
        def answer(self, sample: Sample) -> Any:
            return said

    with pytest.raises(MMABenchError, match=message):
        mma_bench.evaluate(Wrong(), demo, run=tmp_path / "run", condition="aligned", limit=1, protocol="paper")


MODULE = """
from mma_bench.models import Model
class Mine(Model):
    def __init__(self, words="Dog"):
        self.words, self._cache = words, object()
    def answer(self, sample):
        return [{words} for _ in sample.questions]
"""
PRINT = "import {module} as m, json; print(json.dumps([m.Mine().fingerprint(), m.Mine('Cat').fingerprint()]))"


def test_a_changed_model_gets_another_fingerprint(tmp_path: Path) -> None:
    """The same file gives the same one in every process; other code or settings give another."""

    def fingerprints(words: str) -> str:
        (tmp_path / "mine.py").write_text(MODULE.replace("{words}", words))
        environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-c", PRINT.replace("{module}", "mine")]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    first = fingerprints("self.words")
    assert first == fingerprints("self.words")
    one, two = json.loads(first)
    assert one["model"] == two["model"] == "mine.Mine"
    assert (one["setting words"], two["setting words"]) == ("Dog", "Cat")
    assert fingerprints("self.words + '!'") != first


def test_without_a_source_file_the_code_itself_is_hashed() -> None:
    def fingerprint(words: str, seed: str) -> str:
        code = MODULE.replace("{words}", words) + "\nprint(Mine().fingerprint())"
        environment = {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", code]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    assert fingerprint("'Dog' if self.words in {'a', 'b'} else ''", "1") == fingerprint(
        "'Dog' if self.words in {'a', 'b'} else ''", "2"
    )
    assert fingerprint("'Dog'", "1") != fingerprint("'Cat'", "1")


def test_a_run_whose_folder_is_removed_meanwhile_is_one_line(demo: Path, tmp_path: Path) -> None:
    class Remover(Mine):
        def answer(self, sample: Sample) -> list[str]:
            shutil.rmtree(tmp_path / "run", ignore_errors=True)
            return super().answer(sample)

    group = Command("group")

    @group.command("mine")
    def mine() -> None:
        mma_bench.evaluate(Remover(), demo, run=tmp_path / "run", condition="aligned", limit=1, progress=False)

    result = CliRunner().invoke(group, ["mine"])
    assert result.exit_code == 2, result.exception
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert "was its folder removed meanwhile?" in result.stderr
