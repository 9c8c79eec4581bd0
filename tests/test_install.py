"""What the documents say about installing and about the size of a run is true."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.conftest import ROOT, run_command

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]


def test_the_table_of_run_sizes_is_what_the_protocols_give() -> None:
    printed = run_command(sys.executable, str(ROOT / "scripts" / "run_size.py")).stdout.strip()
    assert printed in (ROOT / "docs" / "evaluate.md").read_text(encoding="utf-8")
    assert "| `paper` | 2,632 | 7,896 | 12 |" in printed  # 658 clips: four pairs of streams, twelve questions


def test_no_install_line_asks_an_index_for_a_package_that_it_does_not_have() -> None:
    """`mma-bench[EXTRA]` is found where mma-bench is installed; plain `mma-bench` would be looked for on an index."""
    for path in DOCUMENTS:
        for line in re.findall(r"pip install ([^`#\n]+)", path.read_text(encoding="utf-8")):
            assert not re.search(r"(^|\s)'?mma-bench'?(\s|$)", line), f"{path.name}: {line}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_extra_in_the_documents_exists(path: Path) -> None:
    for names in re.findall(r"(?:mma-bench|\.whl|'\.)\[([a-z,]+)\]", path.read_text(encoding="utf-8")):
        assert set(names.split(",")) <= EXTRAS.keys(), f"{path.name}: {names}"


def test_messages_name_extras_that_exist() -> None:
    from mma_bench.extras import _EXTRAS

    assert _EXTRAS.keys() <= EXTRAS.keys()


def test_the_install_lines_work_with_a_wheel(wheel: Path, tmp_path: Path) -> None:
    assert f"./{wheel.name}[models]" in (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    target = f"{wheel}[{','.join(EXTRAS)}]"
    offline = ["--no-deps", "--no-index", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *offline, "--ignore-installed", "--dry-run", target]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "Would install mma-bench-" in result.stdout
    assert "does not provide the extra" not in result.stdout + result.stderr
