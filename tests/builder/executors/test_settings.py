"""One configuration says which engine runs the tasks and what the tasks of each stage get."""

import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from builder.cli import main
from builder.config import BuildConfig
from builder.executors import ExecutorSettings
from builder.executors.check import engine_lines
from builder.fetch.stage import FetchClips
from builder.sources.audioset.settings import AudioSetSettings, DownloadSettings
from builder.sources.audioset.source import AudioSetSource
from mma_bench.errors import MMABenchError

CONFIG = """
source: {{kind: folder, csv: {folder}/clips.csv}}
executor:
  {engine}
  stages: {{verify: {{gpus: 1, hours: 12}}, normalise: {{cores: 2}}}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "clips.csv").write_text("file,label\na.mp4,Dog\nb.mp4,Cat\n")
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def dry_run(folder: Path, engine: str, *more: str) -> Result:
    config = folder / "config.yaml"
    config.write_text(CONFIG.format(folder=folder, engine=engine))
    places = ["--config", str(config), "--work", str(folder / "work"), "--out", str(folder / "out")]
    return CliRunner().invoke(main, ["run", *places, "--dry-run", *more])


def test_a_dry_run_tells_engine_and_resources(folder: Path) -> None:
    result = dry_run(folder, "workers: 6\n  scratch: $TMPDIR/x")
    assert result.exit_code == 0, result.stderr
    told = result.stdout.splitlines()
    at = told.index("engine local: 6 tasks at a time, each 1 core, 4 GB, scratch disk $TMPDIR/x")
    assert told[at + 1 : at + 3] == ["  verify: 1 GPU, at most 12 h", "  normalise: 2 cores"]


def test_a_dry_run_says_what_an_engine_lacks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert "pip install" in dry_run(folder, "kind: ray").stderr
    programs = folder / "bin"
    programs.mkdir()
    for name in ("squeue", "scontrol", "ffmpeg"):
        (programs / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(programs))
    slurm = dry_run(folder, "workers: 2", "--executor", "slurm")
    assert slurm.exit_code == 2
    assert "executor.kind slurm needs sbatch, scancel, which are not on this machine" in slurm.stderr
    assert "engine slurm: 2 tasks at a time" in slurm.stdout
    for name in ("sbatch", "scancel"):
        (programs / name).touch(mode=0o755)
    assert "executor.kind slurm needs executor.workers" in dry_run(folder, "kind: slurm").stderr


def test_a_stage_overrides_the_default() -> None:
    settings = ExecutorSettings(
        kind="slurm", workers=64, hours=4, stages={"verify": {"workers": 8, "gpus": 1, "memory_gb": 40}}
    )
    verify, inspect = settings.for_stage("verify"), settings.for_stage("inspect")
    assert (verify.workers, verify.gpus, verify.memory_gb, verify.hours, verify.cores) == (8, 1, 40, 4, 1)
    assert (inspect.workers, inspect.gpus) == (64, None)


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ({}, 4),
        ({"stages": {"fetch": {"workers": 2}}}, 2),
        ({"stages": {"fetch": {"workers": 9}}}, 4),
        ({"workers": 3}, 3),
    ],
)
def test_a_network_source_takes_no_more_downloads_than_it_or_the_configuration_allows(
    asked: dict[str, Any], given: int, tmp_path: Path
) -> None:
    settings = ExecutorSettings.model_validate(asked)
    source = AudioSetSource(
        AudioSetSettings(kind="audioset", preset="official", download=DownloadSettings(concurrency=4))
    )
    assert FetchClips(tmp_path, source).executor(settings.for_stage("fetch")).workers == given
    assert f"  fetch: {given} tasks at a time" in engine_lines(settings, source.fetch_workers)


def test_more_cores_per_task_are_fewer_tasks_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(8)))
    assert [ExecutorSettings(cores=cores).worker_count for cores in (1, 3, 16)] == [8, 2, 1]


def test_old_configurations_still_work_and_a_misspelled_stage_is_named(folder: Path) -> None:
    source = {"kind": "folder", "csv": "clips.csv"}
    old = BuildConfig.model_validate({"source": source, "executor": {"kind": "local", "workers": 3}})
    assert (old.executor.kind, old.executor.worker_count) == ("local", 3)
    result = dry_run(folder, "stages: {}", "--set", "executor.stages={verfy: {gpus: 1}}")
    assert result.exit_code == 2
    assert "executor.stages: there is no stage 'verfy'; did you mean 'verify'?" in result.stderr
    hydrate = CliRunner().invoke(main, ["hydrate", "--help"])
    assert "--executor [local|ray|slurm]" in hydrate.stdout


def test_a_stage_of_a_hydration_is_none_of_a_build() -> None:
    with pytest.raises(MMABenchError, match="there is no stage 'match'"):
        ExecutorSettings(stages={"match": {"cores": 2}}).check_stages(["normalise"])
