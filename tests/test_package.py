"""What the package promises as a whole: a quick import, a wheel without the builder, small files."""

import re
import sys
import tomllib
import zipfile
from pathlib import Path

import yaml

from mma_bench import __version__
from tests.conftest import ROOT, run_command

HEAVY = ("torch", "openai", "transformers", "datasets", "pandas", "matplotlib", "onnxruntime", "numpy", "pyarrow")


def test_importing_loads_no_heavy_library() -> None:
    code = f"import sys, mma_bench; print([name for name in {HEAVY} if name in sys.modules])"
    assert run_command(sys.executable, "-c", code).stdout.strip() == "[]"


def test_the_wheel_holds_what_users_need_and_no_builder(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.split("/")[0].split("-")[0] for name in names} == {"mma_bench"}
    for source in (ROOT / "mma_bench").rglob("*"):
        if source.is_file() and "__pycache__" not in source.parts:
            assert source.relative_to(ROOT).as_posix() in names


def test_builder_is_never_imported_by_the_package() -> None:
    for path in (ROOT / "mma_bench").rglob("*.py"):
        assert "import builder" not in path.read_text(encoding="utf-8")
        assert "from builder" not in path.read_text(encoding="utf-8")


def test_there_is_one_version_number() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    releases = re.findall(r"^## (\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert citation["version"] == releases[0] == __version__
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"].get("version", __version__) == __version__
