"""Clips and their local build, with which the builds on clusters are compared. All tests here are slow."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.clips import make_clips
from tests.conftest import ROOT, run_builder, tree


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this folder."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker("slow")


@dataclass(frozen=True)
class LocalBuild:
    """What the build is without a cluster.

    Attributes:
        config: its configuration.
        files: hash of each file of the dataset.
        status: what each stage kept and dropped, and why.
    """

    config: Path
    files: dict[str, str]
    status: str


@pytest.fixture(scope="session")
def local_build(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> LocalBuild:
    """The 15 real clips and 200 rendered ones, built on this machine."""
    folder = tmp_path_factory.mktemp("local")
    config = make_clips(shared / "clips", folder / "clips")
    run_builder("run", *arguments(config, folder))
    return LocalBuild(config, tree(folder / "out"), status(folder))


def arguments(config: Path, folder: Path) -> list[str]:
    return ["--config", str(config), "--work", str(folder / "work"), "--out", str(folder / "out")]


def status(folder: Path) -> str:
    return run_builder("status", "--work", str(folder / "work"), "--json").stdout


def start(*command: str, **environment: str) -> "subprocess.Popen[str]":
    """Start a module of Python in a group of processes of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for(what: Any, process: "subprocess.Popen[str]", seconds: float = 600) -> None:
    """Wait until ``what()`` is true; fail if the process ends before."""
    deadline = time.monotonic() + seconds
    while not what():
        if process.poll() is not None:
            pytest.fail(f"ended with {process.returncode} too early:\n{process.communicate()[1]}")
        if time.monotonic() > deadline:
            process.kill()
            pytest.fail(f"waited too long:\n{process.communicate()[1]}")
        time.sleep(0.1)


def finished_clips(work: Path, stage: str) -> int:
    """Return how many clips the tasks of a stage have finished so far."""
    found = 0
    for path in (work / stage / "progress").glob("*"):
        text = path.read_text()
        found += int(text) if text.isdigit() else 0
    return found


def attempts(folder: Path) -> list[str]:
    """Return the attempts of the tasks of `tests.cluster.steps`."""
    return sorted(path.name for path in (folder / "attempts").glob("*"))
