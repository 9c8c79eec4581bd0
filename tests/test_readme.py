"""What the README and the tutorial tell people to type works as it is written there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mma_bench import load
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [README, (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")]
BLOCKS = [block for page in PAGES for block in re.findall(r"^```(\w*)\n(.*?)^```", page, re.MULTILINE | re.DOTALL)]
SCRIPTS = {"./scripts/demo.sh", "./scripts/test.sh"}  # the fixture runs the one, and the other runs these tests
COMMANDS = [
    line.split("#")[0].strip()
    for language, block in BLOCKS
    if language == ""
    for line in block.splitlines()
    if line.split()[0] not in SCRIPTS
]


@pytest.fixture(scope="module")
def place(demo_folder: Path, demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the relative paths of both pages lead to something: the demo, and clips of one's own."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "mma-bench").symlink_to(demo)
    for name in ("builder", "scripts"):
        (folder / name).symlink_to(ROOT / name)
    shutil.copytree(demo_folder / "runs" / "demo" / "cascade", folder / "runs" / "cascade")  # the demo asked it already
    (folder / "clips").mkdir()
    rows = ["file,label"]
    for row in load(demo, condition="aligned", limit=3):
        path = folder / "clips" / f"{row.video_clip_id}.mp4"
        path.write_bytes(row.media.mp4())
        rows.append(f"{path.name},{row.answer}")
    (folder / "clips" / "clips.csv").write_text("\n".join(dict.fromkeys(rows)) + "\n")
    return folder


def run(command: list[str], place: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


COMMAND = str(Path(sys.executable).parent / "mma-bench")


def test_the_readme_names_both_scripts() -> None:
    assert all((ROOT / script).stat().st_mode & 0o100 for script in SCRIPTS)
    assert all(script in README for script in SCRIPTS)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_of_the_pages(command: str, place: Path) -> None:
    program, *arguments = command.split()
    assert program.startswith(".venv/bin/")
    assert run([str(Path(sys.executable).parent / Path(program).name), *arguments], place)


def test_the_tutorial_shows_what_its_commands_print(place: Path) -> None:
    shown = re.findall(r"^```text\n(.*?)^```", PAGES[1], re.MULTILINE | re.DOTALL)
    evaluated = run([COMMAND, "eval", "--model", "baseline:visual-only", "--run", "runs/shown"], place)
    compared = run([COMMAND, "compare", "runs/cascade", "runs/shown"], place)
    reported = run([COMMAND, "report", "runs/cascade", "--out", "shown"], place)
    lines = [line for block in shown for line in block.splitlines() if line.startswith(("aligned", "misal", "cascade"))]
    assert len(lines) == 10
    assert [line for line in lines if line not in (evaluated + compared + reported).splitlines()] == []


OWN_MODEL = re.findall(
    r"^```python\n(.*?class Mine.*?)^```", (ROOT / "docs" / "models.md").read_text(encoding="utf-8"), re.M | re.DOTALL
)


@pytest.mark.parametrize("code", [*(block for language, block in BLOCKS if language == "python"), *OWN_MODEL])
def test_python_of_the_pages(code: str, place: Path) -> None:
    assert run([sys.executable, "-c", code], place)
