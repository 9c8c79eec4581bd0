"""Both command lines: help that is complete, examples that parse, suggestions, missing packages, exit codes."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from builder.cli import main as builder_main
from mma_bench.cli import main as mma_main
from mma_bench.console.group import Command
from tests.conftest import ROOT

PROGRAMS: dict[str, Command] = {"mma-bench": mma_main, "python -m builder": builder_main}  # type: ignore[dict-item]


def commands() -> Iterator[tuple[str, str]]:
    for program, group in PROGRAMS.items():
        for name in group.list_commands(click.Context(group)):
            yield program, name


def find(program: str, name: str) -> click.Command:
    group = PROGRAMS[program]
    command = group.get_command(click.Context(group), name)
    assert command is not None
    return command


def shown(program: str, *arguments: str) -> str:
    result = CliRunner().invoke(PROGRAMS[program], [*arguments, "--help"], prog_name=program, terminal_width=100)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_list_of_commands_cuts_no_description(program: str) -> None:
    group = PROGRAMS[program]
    result = CliRunner().invoke(group, ["--help"], prog_name=program, terminal_width=80)
    assert "..." not in result.output.partition("Commands:")[2]
    for name, entry in group.entries.items():
        assert len(entry.help) <= 60
        assert re.search(rf"^  {re.escape(name)} +{re.escape(entry.help)}$", result.output, re.MULTILINE)


@pytest.mark.parametrize(("program", "name"), list(commands()))
def test_every_command_explains_itself(program: str, name: str) -> None:
    command = find(program, name)
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.opts} has no help"
    assert re.search(r"^  Examples?:$", shown(program, name), re.MULTILINE)


def examples(text: str) -> list[list[str]]:
    """Return the commands below `Examples:`, with lines that end in a backslash joined."""
    block = re.split(r"^  Examples?:$", text, maxsplit=1, flags=re.MULTILINE)[1]
    lines = re.split(r"\n\n|\nOptions:", block.replace("\\\n", " "))[0].strip().splitlines()
    return [shlex.split(line.replace("...", "")) for line in lines]


@pytest.mark.parametrize(("program", "name"), list(commands()))
def test_every_example_parses(program: str, name: str) -> None:
    text = shown(program, name)
    for line in re.split(r"^  Examples?:$", text, maxsplit=1, flags=re.MULTILINE)[1].splitlines():
        assert "    " not in line.strip() or line.startswith("  -"), f"a line break was lost: {line}"
        if line.startswith("Options:"):
            break
    found = examples(text)
    assert found
    mine = [words for words in found if words[: len(program.split()) + 1] == [*program.split(), name]]
    assert mine, f"no example of {name} itself"
    for words in found:
        assert words[: len(program.split())] == program.split()
        other, *arguments = words[len(program.split()) :]
        _check_arguments(find(program, other), arguments)


def _check_arguments(command: click.Command, arguments: list[str]) -> None:
    context = click.Context(command)
    given, rest, _ = command.make_parser(context).parse_args(list(arguments))
    assert not rest
    for parameter in command.params:
        if parameter.required:
            assert given.get(str(parameter.name)) not in (None, ()), f"{arguments}: {parameter.name} is missing"
        if isinstance(parameter.type, click.Path) or given.get(str(parameter.name)) is None:
            continue
        values = given[str(parameter.name)]
        for value in values if isinstance(values, list) else [values]:
            parameter.type.convert(value, parameter, context)


@pytest.mark.parametrize(
    ("program", "typed", "meant"),
    [
        ("mma-bench", "evl", "eval"),
        ("mma-bench", "veify-data", "verify-data"),
        ("python -m builder", "staus", "status"),
    ],
)
def test_a_misspelled_command_is_suggested(program: str, typed: str, meant: str) -> None:
    result = CliRunner().invoke(PROGRAMS[program], [typed])
    assert result.exit_code == 2
    assert f"there is no command '{typed}'; did you mean '{meant}'?" in result.stderr


@pytest.mark.parametrize("program", PROGRAMS)
def test_both_programs_tell_their_version(program: str) -> None:
    from mma_bench import __version__

    result = CliRunner().invoke(PROGRAMS[program], ["--version"])
    assert result.exit_code == 0
    assert __version__ in result.output


HEAVY = ("torch", "datasets", "pandas", "numpy", "pyarrow", "matplotlib", "scipy", "pydantic", "datatrove", "av")

START = """
import importlib.abc, runpy, sys
blocked = {blocked!r}
class Block(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked or name in blocked:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Block())
sys.argv = {argv!r}
try:
    runpy.run_module({module!r}, run_name="__main__", alter_sys=True)
finally:
    print([name for name in {heavy!r} if name in sys.modules])
"""


def start(module: str, *arguments: str, blocked: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run a module as `python -m` does, in an environment without some packages."""
    code = START.format(blocked=blocked, argv=[module, *arguments], module=module, heavy=HEAVY)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("module", ["mma_bench", "builder"])
def test_help_loads_nothing_heavy(module: str) -> None:
    result = start(module, "--help")
    assert result.returncode == 0
    assert result.stdout.splitlines()[-1] == "[]"


EXTRAS = {
    "models": ("torch", "torchcodec", "transformers", "onnxruntime", "cv2"),
    "endpoints": ("google.genai", "httpx2", "openai", "tenacity"),
    "train": ("webdataset",),
    "tune": ("peft", "tensorboard"),
    "build": ("datatrove", "ffmpeg", "librosa", "yt_dlp", "zstandard"),
    "review": ("gradio", "fastapi", "uvicorn", "statsmodels"),
    "ray": ("ray",),
}
TUNE = ("tune", "--config", "mma_bench/tuning/configs/tiny.yaml", "--out", "out")


@pytest.mark.parametrize(
    ("extra", "module", "arguments", "install"),
    [
        ("models", "mma_bench", ("probe", "--model", "cascade"), "models"),
        ("models", "mma_bench", ("probe", "--model", "transformers:x"), "models"),
        ("endpoints", "mma_bench", ("probe", "--model", "openai:x@http://127.0.0.1:9/v1"), "endpoints"),
        ("endpoints", "mma_bench", ("probe", "--model", "gemini:x"), "endpoints"),
        ("models", "mma_bench", TUNE, "models,train,tune"),
        ("train", "mma_bench", TUNE, "models,train,tune"),
        ("tune", "mma_bench", ("merge-adapter", "--adapter", ".", "--out", "out"), "models,train,tune"),
        ("tune", "mma_bench", (*TUNE, "--dry-run"), "models,train,tune"),
        ("build", "builder", ("run", "--config", "builder/configs/demo.yaml", "--work", "w", "--out", "o"), "build"),
        ("build", "builder", ("hydrate", "--data", "x", "--work", "w", "--out", "o"), "build"),
        ("review", "builder", ("review", "--work", "w"), "review"),
    ],
)
def test_a_missing_package_is_one_line_with_the_command_that_installs_it(
    extra: str, module: str, arguments: tuple[str, ...], install: str, tmp_path: Path
) -> None:
    arguments = tuple(str(tmp_path / word) if word in ("w", "o", "out") else word for word in arguments)
    result = start(module, *arguments, blocked=EXTRAS[extra])
    assert result.returncode == 2, result.stderr
    line = result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr
    assert re.search(rf"^error: .* needs .*: pip install '(mma-bench|\.)\[{install}\]'", line)


@pytest.mark.parametrize("arguments", [("tune", "--help"), ("eval", "--help"), ("export", "--help")])
def test_help_needs_no_extra(arguments: tuple[str, ...]) -> None:
    blocked = tuple(name for names in EXTRAS.values() for name in names)
    assert start("mma_bench", *arguments, blocked=blocked).returncode == 0
    assert start("builder", "run", "--help", blocked=blocked).returncode == 0


def test_streaming_without_its_package_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['webdataset'] = None\nimport mma_bench\n"
        "try:\n mma_bench.stream('x')\nexcept mma_bench.MMABenchError as error:\n print(error)"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "streaming needs the package webdataset" in result.stdout, result.stderr


def _with_torch() -> None:
    import torch

    with open("/dev/full", "wb") as file:
        torch.save({"weights": torch.zeros(100_000)}, file)


def _with_matplotlib() -> None:
    from matplotlib.figure import Figure

    Figure().savefig("/dev/full", format="pdf")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("write", [_with_torch, _with_matplotlib])
def test_a_full_disk_is_one_line_whichever_library_writes(write: Callable[[], None]) -> None:
    group = Command("mma-bench", commands={"write": click.Command("write", callback=write)})
    result = CliRunner().invoke(group, ["write"])
    assert result.exit_code == 2, result.exception
    assert result.stderr.startswith("error: No space left on device")


def _mistake_after_a_handled_error() -> None:
    try:
        raise OSError(30, "Read-only file system")
    except OSError:
        raise KeyError("a mistake") from None


def _mistake_because_of_a_missing_file() -> None:
    raise KeyError("a mistake") from FileNotFoundError(2, "No such file or directory")


def _server_with_a_full_disk() -> None:
    raise RuntimeError("the server said: No space left on device")


@pytest.mark.parametrize(
    "fails", [_mistake_after_a_handled_error, _mistake_because_of_a_missing_file, _server_with_a_full_disk]
)
def test_an_error_of_the_code_is_no_full_disk(fails: Callable[[], None]) -> None:
    group = Command("mma-bench", commands={"fail": click.Command("fail", callback=fails)})
    assert isinstance(CliRunner().invoke(group, ["fail"]).exception, KeyError | RuntimeError)
