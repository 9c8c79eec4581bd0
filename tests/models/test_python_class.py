"""`--model python:FILE.py:CLASS` and `python:MODULE:CLASS`: every mistake is one line that says what to do."""

from pathlib import Path

import pytest

from mma_bench import MMABenchError
from mma_bench.models import load, model_class

SOURCE = """
from mma_bench.models import Model

class Fine(Model):
    takes_media = False
    uses_gpu = True
    def __init__(self, word="x", **others):
        self.word = word
    def answer(self, sample):
        return [self.word for _ in sample.questions]

class Strict(Fine):
    def __init__(self, needed, count="1"):
        self.count = int(count)

class Named(Fine):
    name = "my model"

class Silent(Model):
    pass

NOT_A_CLASS = 3
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*__import__("sys").path])
    (tmp_path / "random.py").write_text(SOURCE)  # the name of a module of Python's own, which it must not hide
    (tmp_path / "own_models_of_a_test.py").write_text(SOURCE)
    (tmp_path / "torn.py").write_text("import no_such_package_at_all\n")
    (tmp_path / "exits.py").write_text("raise SystemExit('no licence')\n")
    (tmp_path / "syntax.py").write_text("def broken(:\n")
    return tmp_path


def test_a_file_and_a_module_give_a_model_with_options_and_attributes(folder: Path) -> None:
    made = load("python:random.py:Fine", {"word": "Cat", "other": "1"})
    assert made.name == "python:random.py:Fine"
    assert made.fingerprint()["setting word"] == "Cat"
    assert model_class("python:random.py:Fine").uses_gpu
    assert load(f"python:{folder / 'random.py'}:Fine").name == "python:random.py:Fine"  # no folder is published
    assert load("python:own_models_of_a_test:Fine").name == "python:own_models_of_a_test:Fine"
    assert load("python:random.py:Named").name == "my model"
    assert load("python:random.py:Strict", {"needed": "a", "count": "2"}).fingerprint()["setting count"] == "2"


def test_the_code_of_a_file_is_part_of_the_fingerprint(folder: Path) -> None:
    before = load("python:random.py:Fine").fingerprint()
    (folder / "changed").mkdir()
    (folder / "changed" / "random.py").write_text(SOURCE + "\n# another answer\n")
    after = load("python:changed/random.py:Fine").fingerprint()
    assert before["model"] == after["model"]
    assert before["sha256 code"] != after["sha256 code"]


@pytest.mark.parametrize(
    ("place", "options", "message"),
    [
        ("", {}, "write python:MODULE:CLASS or python:FILE.py:CLASS"),
        ("random.py", {}, "write python:MODULE:CLASS"),
        (":Fine", {}, "write python:MODULE:CLASS"),
        ("absent.py:Fine", {}, "there is no file absent.py"),
        ("absent:Fine", {}, "there is no module 'absent'"),
        ("own_models_of_a_test.deeper:Fine", {}, "there is no module 'own_models_of_a_test.deeper'"),
        ("random.py:Fien", {}, "random.py has no class 'Fien'; did you mean 'Fine'"),
        ("random.py:NOT_A_CLASS", {}, "is not a subclass of mma_bench.models.Model"),
        ("random.py:Model", {}, "is not a subclass"),
        ("random.py:Silent", {}, "random.Silent does not define answer"),
        ("torn.py:X", {}, "importing torn.py failed: ModuleNotFoundError: No module named 'no_such_package_at_all'"),
        ("exits.py:X", {}, "importing exits.py failed: SystemExit: no licence"),
        ("syntax.py:X", {}, "importing syntax.py failed: SyntaxError"),
        ("random.py:Strict", {}, "random.Strict needs the option 'needed'"),
        ("random.py:Strict", {"needed": "a", "cuont": "2"}, "--model-option cuont: random.Strict has no such option"),
        ("random.py:Strict", {"needed": "a", "count": "b"}, "random.Strict cannot be made: ValueError: .*random.py:14"),
    ],
)
def test_a_mistake_is_one_line(folder: Path, place: str, options: dict[str, str], message: str) -> None:
    with pytest.raises(MMABenchError, match=message):
        load(f"python:{place}", options)
