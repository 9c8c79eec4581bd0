"""Labels that no answer could tell apart are refused where the list is read, before anything is asked or written."""

import sys
from pathlib import Path

import pytest

from mma_bench import MMABenchError
from mma_bench.parsing import check_labels, parse_answer
from tests.conftest import run_builder, run_command
from tests.planted import stimulus, write

COMPOSED, DECOMPOSED = "Caf\u00e9", "Cafe\u0301"

ALIKE = [
    ("Dog", "dog"),
    ("Singing bowl", "Singing_bowl"),
    ("Singing-bowl", "singing bowl"),
    (COMPOSED, DECOMPOSED),
    ("Keyboard (musical)", "Keyboard_musical"),
    ("Cat", "Cat!"),
    ("\uff23at", "Cat"),
]


@pytest.mark.parametrize(("first", "second"), ALIKE)
def test_labels_that_read_the_same_are_refused_with_both_names(first: str, second: str) -> None:
    with pytest.raises(MMABenchError) as caught:
        check_labels(["Bird", first, second], "classes.txt")
    assert str(caught.value).startswith("classes.txt: ")
    assert repr(first) in str(caught.value)
    assert repr(second) in str(caught.value)


@pytest.mark.parametrize("label", ["___", "!", "\u200b", " "])
def test_a_label_without_a_letter_is_refused(label: str) -> None:
    with pytest.raises(MMABenchError, match="no letter or digit"):
        check_labels(["Cat", label], "here")


def test_labels_that_the_parser_tells_apart_are_accepted() -> None:
    labels = ["Glass", "Glasses", "Hair dryer", "Hairdryer", "Singing", "Singing_bowl", "Ash", "Ashe", "猫", "狗"]
    check_labels(labels, "here")
    assert [parse_answer(label, labels).label for label in labels] == labels


@pytest.mark.parametrize(("first", "second"), ALIKE[:4])
def test_a_build_refuses_them_before_it_fetches(first: str, second: str, tmp_path: Path) -> None:
    listed = tmp_path / "clips.csv"
    listed.write_text(f"file,label\na.mp4,Bird\nb.mp4,{first}\nc.mp4,{second}\n", encoding="utf-8")
    config = tmp_path / "config.yaml"
    config.write_text(f"source: {{kind: folder, csv: {listed}}}\n")
    places = ("--work", str(tmp_path / "work"), "--out", str(tmp_path / "mma-bench"))
    result = run_builder("run", "--config", str(config), *places, check=False)
    assert result.returncode == 2
    message = result.stderr.strip().splitlines()[-1]
    assert f"{first!r} (row 3)" in message
    assert f"{second!r} (row 4)" in message
    assert str(listed) in message
    assert not (tmp_path / "mma-bench").exists()
    assert not (tmp_path / "work" / "select").exists()


def test_a_list_of_classes_and_rules_are_refused_too(tmp_path: Path) -> None:
    (tmp_path / "clips.csv").write_text("file,label\na.mp4,Cat\n")
    (tmp_path / "classes.txt").write_text("Cat\ncat\n")
    for classes, where in ((f"{tmp_path / 'classes.txt'}", "classes.txt"), ("[Cat, cat]", "source.classes")):
        config = tmp_path / "config.yaml"
        config.write_text(f"source: {{kind: folder, csv: {tmp_path / 'clips.csv'}, classes: {classes}}}\n")
        places = ("--work", str(tmp_path / "work"), "--out", str(tmp_path / "mma-bench"))
        result = run_builder("run", "--config", str(config), *places, check=False)
        assert result.returncode == 2
        assert where in result.stderr
        assert "'Cat' and 'cat' read the same" in result.stderr


@pytest.mark.parametrize(("first", "second"), ALIKE[:4])
def test_an_evaluation_refuses_them_before_it_asks(first: str, second: str, tmp_path: Path) -> None:
    classes = ["Bird", first, second]
    data = write(tmp_path / "mma-bench", [stimulus("aligned_x_0", "aligned", first, first, classes)])
    run = tmp_path / "run"
    command = (sys.executable, "-m", "mma_bench", "eval", "--data", str(data), "--model", "baseline:random")
    result = run_command(*command, "--run", str(run), "--protocol", "paper", check=False)
    assert result.returncode == 2
    assert f"{first!r} and {second!r} read the same" in result.stderr
    assert str(data) in result.stderr
    assert not run.exists()
