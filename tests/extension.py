"""The package of docs/extending.md, written outside the repository and declared as an installed one."""

import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from builder.sources.synthetic import SyntheticSettings, SyntheticSource
from tests.conftest import ROOT
from tests.preloaded import run_module

_BLOCK = re.compile(r"^```(?:python|yaml|toml)\n# (my_extension/\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples() -> dict[str, str]:
    """Return the content of each file of the page by its path."""
    return dict(_BLOCK.findall((ROOT / "docs" / "extending.md").read_text(encoding="utf-8")))


def declare(folder: Path, package: str, points: dict[str, dict[str, str]]) -> None:
    """Make ``package`` an installed one, as pip would: metadata next to its modules."""
    info = folder / f"{package.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = [f"[{group}]\n" + "".join(f"{a} = {b}\n" for a, b in names.items()) for group, names in points.items()]
    (info / "entry_points.txt").write_text("\n".join(lines))


@dataclass(frozen=True)
class Outside:
    """A folder that is no part of the repository.

    Attributes:
        site: what is on the module path.
        work: the working folder.
    """

    site: Path
    work: Path

    def run(self, *command: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a Python command here and check its exit code."""
        path = os.pathsep.join([str(ROOT), str(self.site)])
        environment = {**os.environ, "PYTHONPATH": path, "HF_HUB_OFFLINE": "1", "PYTHONSAFEPATH": "1"}
        if command[0] == "-m":
            result = run_module(command[1], command[2:], self.work, environment)
        else:
            result = subprocess.run(
                [sys.executable, *command], cwd=self.work, env=environment, capture_output=True, text=True, check=False
            )
        assert result.returncode == code, f"{command}: {result.returncode}\n{result.stdout}\n{result.stderr}"
        return result


def write_extension(base: Path) -> Outside:
    """Write the package of the page, and clips for its source."""
    outside = Outside(base / "site", base / "work")
    for path, text in examples().items():
        place = outside.site / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    (outside.site / "my_extension" / "__init__.py").touch()
    declared = tomllib.loads(examples()["my_extension/pyproject.toml"])
    declare(outside.site, "my-extension", declared["project"]["entry-points"])
    settings = SyntheticSettings(kind="synthetic", test=2, classes=["Bell", "Drum", "Frog"], seconds=1, size=112)
    source = SyntheticSource(settings, 0)
    for row in source.rows():
        folder = outside.work / "clips" / row.visual_label
        folder.mkdir(parents=True, exist_ok=True)
        source.fetch(row, folder)
    return outside
