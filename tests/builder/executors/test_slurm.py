"""A Slurm whose commands are small scripts: what the build leaves in the queue, and how long it waits, at any fault."""

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dill  # type: ignore[import-untyped]
import pytest

from builder import run_stage
from builder.clip_step import ClipStep
from builder.executors import ExecutorSettings, earlier_job, slurm, slurm_queue, slurm_task
from builder.executors.earlier_job import end_earlier_job, note_job
from builder.executors.slurm import SlurmExecutor
from builder.executors.slurm_task import FINAL, NOT_SHARED
from builder.executors.task import NotShared
from builder.manifest import ManifestRow
from builder.stage import ClipStage
from builder.stage_folder import StageFolder, forget_failures
from mma_bench.errors import MMABenchError

# The queue is a file per job, named after it; scancel empties the queue unless it is told to refuse.
SBATCH = """
for option in "$@"; do case "$option" in --job-name=*) name="${option#--job-name=}"; esac; done
echo "0|${STATE:-RUNNING}|n1|None" > "$QUEUE/jobs/$name"; echo "submitted $name" >> "$QUEUE/log"; echo 777
[ -z "$INTERRUPT" ] || kill -INT $PPID
"""
SQUEUE = """
[ ! -e "$QUEUE/silent" ] || exit 1
for option in "$@"; do case "$option" in --name=*) name="${option#--name=}"; esac; done
cat "$QUEUE"/jobs/${name:-*} 2>/dev/null; exit 0
"""
SCANCEL = """
echo "scancel $1" >> "$QUEUE/log"
[ ! -e "$QUEUE/refuses" ] || { rm "$QUEUE/refuses"; echo "scancel: error: controller is busy" >&2; exit 1; }
rm -f "$QUEUE/jobs/${1#--name=}"
"""
SCONTROL = """
case "$*" in *requeue*) echo requeue >> "$QUEUE/log"; exit 0; esac
echo "JobState=FAILED ExitCode=${CODE:-1}:0"
"""


class Nothing(ClipStage):
    """Changes nothing."""

    name = "nothing"

    def process(self, row: ManifestRow) -> ManifestRow:
        """Return ``row``."""
        return row


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a fake Slurm's queue and log; its commands come first on PATH."""
    folder = tmp_path / "slurm"
    (folder / "jobs").mkdir(parents=True)
    (folder / "log").touch()
    for name, body in (("sbatch", SBATCH), ("squeue", SQUEUE), ("scancel", SCANCEL), ("scontrol", SCONTROL)):
        path = folder / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh{body}")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("QUEUE", str(folder))
    monkeypatch.setattr(earlier_job, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(earlier_job, "_REPEAT_SECONDS", 0.02)
    return folder


def executor(folder: Path, **changes: object) -> SlurmExecutor:
    settings = ExecutorSettings.model_validate(
        {"kind": "slurm", "workers": 2, "retries": 0, "slurm": {"poll_seconds": 0.01}, **changes}
    )
    (folder / "log").mkdir(parents=True)
    step = ClipStep(Nothing(folder), folder / "manifest.parquet", [0, 1], 1, folder / "parts")
    return SlurmExecutor(settings, [step], folder / "log", tasks=1, name="nothing")


def log(queue: Path) -> list[str]:
    return (queue / "log").read_text().splitlines()


@pytest.mark.parametrize("options", [{}, {"job-name": "my job"}])
def test_a_build_interrupted_while_it_submits_leaves_no_job(
    options: dict[str, str], queue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERRUPT", "1")  # sbatch has submitted the job, but the build never learns its number
    with pytest.raises(KeyboardInterrupt):
        executor(tmp_path / "stage", slurm={"options": options}).run()
    name = log(queue)[0].removeprefix("submitted ")
    assert name.startswith("my-job-" if options else "mma-bench-nothing-")
    assert log(queue)[1:] == [f"scancel --name={name}"]
    assert not list((queue / "jobs").iterdir())


def test_the_next_run_ends_a_job_whose_build_was_killed_while_it_submitted(
    queue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = executor(tmp_path / "stage")

    def killed(name: str) -> str:
        raise SystemExit  # no line of the build runs after a SIGKILL, not even this `except`

    monkeypatch.setenv("INTERRUPT", "1")
    with monkeypatch.context() as change:
        change.setattr(slurm_queue, "cancel", killed)
        with pytest.raises(SystemExit):
            stage.run()
    assert len(list((queue / "jobs").iterdir())) == 1
    (queue / "refuses").touch()  # the first time; then it is asked again
    end_earlier_job(tmp_path / "stage")
    assert not list((queue / "jobs").iterdir())
    assert len([line for line in log(queue) if line.startswith("scancel")]) == 2
    assert not (tmp_path / "stage" / "slurm_job").exists()


@pytest.mark.parametrize(
    ("fault", "said"),
    [("silent", "squeue does not answer"), ("refuses", r"it is still in the queue \(scancel: .*controller is busy\)")],
)
def test_a_job_that_does_not_end_is_one_error(
    fault: str,
    said: str,
    queue: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(earlier_job, "_PATIENCE_SECONDS", 0.3)
    note_job(tmp_path, "mma-bench-nothing-1")
    (queue / "jobs" / "mma-bench-nothing-1").write_text("0|COMPLETING|n1|None\n")
    (queue / fault).touch()
    if fault == "refuses":
        scancel = queue / "bin" / "scancel"
        scancel.write_text(scancel.read_text().replace('rm "$QUEUE/refuses"; ', ""))
    with pytest.raises(MMABenchError, match=f"the Slurm job mma-bench-nothing-1 has not ended: {said}.*then delete"):
        end_earlier_job(tmp_path)
    assert "waiting for the Slurm job mma-bench-nothing-1 to end" in capsys.readouterr().err
    assert len([line for line in log(queue) if line == "scancel --name=mma-bench-nothing-1"]) > 1
    assert (tmp_path / "slurm_job").is_file()  # the next run tries again


def test_a_command_of_slurm_that_hangs_is_given_up(
    queue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (queue / "bin" / "squeue").write_text("#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr(slurm_queue, "_ANSWER_SECONDS", 0.1)
    assert slurm_queue.is_active("any") is None


def test_a_log_that_appears_late_does_not_blame_the_folder(
    queue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE", "FAILED")
    stage = executor(tmp_path / "stage")
    looks = 0

    def exit_code(job: str, index: int) -> int | None:
        nonlocal looks
        looks += 1
        if looks == 3:
            stage._log(job, index).write_text("late")
        return asked(job, index)

    asked = slurm_queue.exit_code
    monkeypatch.setattr(slurm_queue, "exit_code", exit_code)
    with pytest.raises(MMABenchError, match="failed once, the last time on n1: Slurm state FAILED, exit code 1:0"):
        stage.run()


def test_what_would_come_again_ends_the_build_before_its_reason_is_visible(
    queue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE", "FAILED")
    monkeypatch.setenv("CODE", str(FINAL))
    monkeypatch.setattr(slurm, "_MARK_SECONDS", 0.1)
    stage = executor(tmp_path / "stage", retries=3)
    with pytest.raises(MMABenchError, match=rf"exit code {FINAL}:0 .*\(task 0 of nothing on n1; log: "):
        stage.run()
    assert "requeue" not in log(queue)


@pytest.mark.parametrize(("error", "code"), [(MMABenchError("no model"), FINAL), (NotShared("not here"), NOT_SHARED)])
def test_the_exit_code_of_a_job_says_whether_it_would_fail_again(
    error: Exception, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing:
        def run_task(self) -> None:
            raise error

    (tmp_path / "executor.pik").write_bytes(dill.dumps(Failing()))
    monkeypatch.setattr(sys, "argv", ["slurm_task", str(tmp_path / "executor.pik")])
    with pytest.raises(SystemExit) as ended:
        slurm_task.main()
    assert ended.value.code == code


def test_the_job_of_a_killed_build_ends_before_results_are_forgotten(
    queue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Retried(Nothing):
        """Would try each dropped clip again."""

        def retry(self) -> Callable[[str], bool]:
            return lambda reason: True

    def forget(*arguments: Any) -> int:
        (queue / "log").open("a").write("forget\n")
        return forget_failures(*arguments)

    monkeypatch.setattr(run_stage, "forget_failures", forget)
    note_job(tmp_path / "nothing", "mma-bench-nothing-1")
    with pytest.raises(FileNotFoundError):
        run_stage.run_stage(
            Retried(tmp_path / "nothing"), tmp_path / "missing.parquet", ExecutorSettings(), retry_failed=True
        )
    assert log(queue) == ["scancel --name=mma-bench-nothing-1", "forget"]


def test_jobs_in_folders_below_the_stage_end_before_its_leftovers_are_removed(queue: Path, tmp_path: Path) -> None:
    for folder in (tmp_path / "log", tmp_path / "encode" / "log"):
        note_job(folder, f"job-{folder.parent.name}")
    StageFolder(tmp_path).begin("inputs", 1)
    assert sorted(log(queue)) == sorted([f"scancel --name=job-{tmp_path.name}", "scancel --name=job-encode"])
    assert not list(tmp_path.rglob("slurm_job"))
