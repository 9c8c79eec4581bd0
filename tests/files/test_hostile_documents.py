"""Hostile YAML, JSON and CSV: one line that names the file, exit code 2, whichever command reads it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from builder.cli import main as builder_main
from mma_bench.cli import main as mma_main
from mma_bench.errors import MMABenchError
from mma_bench.files.documents import parse_json, parse_yaml

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGED = "a0: &a0 {k0: 1, k1: 1, k2: 1, k3: 1, k4: 1}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}\n" for n in range(1, 9)
)
YAML = {
    "a date that is none": "title: 2024-99-99\n",
    "a number of 5,000 digits": f"seed: {'9' * 5000}\n",
    "3,000 brackets": f"source: {'[' * 3000}{']' * 3000}\n",
    "3,000 braces": f"source: {'{a: ' * 3000}x{'}' * 3000}\n",
    "a list as a key": "? [a]\n: b\n",
    "a mapping as a key": "? {a: b}\n: c\n",
    "a billion values in ten lines": BOMB,
    "a million merged keys": MERGED,
    "base 60": f"seed: 1{':1' * 200_000}\n",
    "a hexadecimal number of 5,000 digits": f"seed: 0x{'f' * 5000}\n",
    "an alias of what contains it": "source: &a [*a]\n",
    "no truth value": "seed: !!bool maybe\n",
    "no time": "seed: !!timestamp now\n",
    "no integer": "seed: !!int ''\n",
    "no bytes": "seed: !!binary '§'\n",
    "an object": "seed: !!python/object/apply:os.system ['true']\n",
    "a control character": "seed: \x07\n",
    "a tab": "\tseed: 1\n",
    "a merge of no mapping": "<<: 1\nseed: 2\n",
    "an unknown alias": "seed: *nowhere\n",
    "two documents": "seed: 1\n---\nseed: 2\n",
    "a list": "- seed\n",
    "nothing": "",
    "infinity": "seed: .inf\n",
    "not a number": "normalise: {seconds: .nan}\n",
    "terminal escapes": '"\\e[2J\\n\\nerror": 1\n',
}
READERS = {
    "build": (builder_main, ["run", "--config", "FILE", "--work", "WORK", "--out", "OUT"]),
    "select": (builder_main, ["select", "--ontology", "FILE", "--segments", "FILE", "--rules", "FILE", "--out", "OUT"]),
    "tune": (mma_main, ["tune", "--config", "FILE", "--out", "OUT"]),
    "eval": (mma_main, ["eval", "--data", "WORK", "--model", "baseline:random", "--run", "OUT", "--protocol", "FILE"]),
}


def refused(result: Result) -> None:
    """Check that a command said what was wrong in one line of printable characters."""
    assert result.exit_code == 2, (result.output, result.exception)
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("error: ")
    assert lines[0].isprintable()
    assert len(lines[0]) < 2100


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("case", YAML)
def test_hostile_yaml_is_one_line(tmp_path: Path, reader: str, case: str) -> None:
    file = tmp_path / "hostile.yaml"
    file.write_text(YAML[case])
    program, arguments = READERS[reader]
    places = {"FILE": str(file), "WORK": str(tmp_path / "work"), "OUT": str(tmp_path / "out")}
    refused(CliRunner().invoke(program, [places.get(argument, argument) for argument in arguments]))
    assert [path.name for path in tmp_path.iterdir()] == ["hostile.yaml"]


@pytest.mark.parametrize("value", ["2024-99-99", "9" * 5000, "[" * 3000, "{[a]: b}", "!!bool maybe", "&a [*a]", ".nan"])
def test_hostile_values_of_set_are_one_line(tmp_path: Path, value: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("source: {kind: folder, csv: list.csv}\n")
    arguments = ["run", "--config", str(file), "--work", str(tmp_path / "w"), "--out", str(tmp_path / "o")]
    refused(CliRunner().invoke(builder_main, [*arguments, "--set", f"normalise.seconds={value}"]))


@pytest.mark.parametrize(
    "content",
    ["[" * 100_000, '{"a":' * 3000, "9" * 5000, '[{"video_id": ' + "9" * 5000 + "}]", "\ud800", '"\\ud800"', "NaN", ""],
)
def test_hostile_json_is_one_line(tmp_path: Path, content: str) -> None:
    file = tmp_path / "hostile.json"
    file.write_bytes(content.encode("utf-8", "surrogatepass"))
    select = ["select", "--ontology", str(file), "--segments", str(file), "--out", str(tmp_path / "out.parquet")]
    refused(CliRunner().invoke(builder_main, select))
    avhbench = ["avhbench", "--qa", str(file), "--videos", str(tmp_path), "--model", "baseline:random"]
    refused(CliRunner().invoke(mma_main, [*avhbench, "--run", str(tmp_path / "run")]))
    run = tmp_path / "run"
    run.mkdir()
    (run / "run.json").write_bytes(file.read_bytes())
    refused(CliRunner().invoke(mma_main, ["score", str(run)]))


@pytest.mark.parametrize(
    "row",
    [
        *(f"a.mp4,Bird,{start},," for start in ("1e300", "-1", "nan", "inf", "1e8", "9" * 5000)),
        *(f"{name},Bird,,," for name in (".", "..", "./", "/etc/passwd", "a/../../b", "")),
        "a.mp4,Bird,0,1e300,",
        f"{'x' * 200_000},Bird,,,",
    ],
)
def test_hostile_rows_of_a_list_of_clips_are_one_line(tmp_path: Path, row: str) -> None:
    (tmp_path / "list.csv").write_text(f"file,label,start_seconds,end_seconds,attribution\nb.mp4,Cat,,,\n{row}\n")
    file = tmp_path / "config.yaml"
    file.write_text(f"source: {{kind: folder, csv: {tmp_path / 'list.csv'}}}\n")
    arguments = ["run", "--config", str(file), "--work", str(tmp_path / "w"), "--out", str(tmp_path / "o"), "--dry-run"]
    refused(CliRunner().invoke(builder_main, arguments))


def fault(parse: Callable[[str], object], text: str) -> str:
    try:
        parse(text)
    except ValueError as error:
        return str(error)
    return ""


@given(st.text(alphabet="[]{}:,-?!&*#|>'\"%@`abe.019 \n\t\\<=~", max_size=60))
def test_any_text_is_a_value_or_a_value_error_of_one_line(text: str) -> None:
    assert "\n" not in fault(parse_yaml, text) + fault(parse_json, text)


def test_what_is_right_is_read_as_before() -> None:
    assert parse_yaml("a: &x [1, 2.5, null]\nb: *x\nc: 2024-02-29\n")["b"] == [1, 2.5, None]
    assert parse_json(json.dumps({"a": [1, "ä"]})) == {"a": [1, "ä"]}


def test_messages_are_one_line_whatever_they_quote() -> None:
    assert str(MMABenchError("a\n  b\x1b[2J\tc\u202e")) == "a b\\x1b[2J c\\u202e"
