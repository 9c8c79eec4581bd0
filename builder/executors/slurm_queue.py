"""Slurm's commands: what is in the queue, cancel, run again."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from mma_bench.errors import MMABenchError

PROGRAMS = ("sbatch", "squeue", "scontrol", "scancel")

_ACTIVE = frozenset(
    {"PENDING", "RUNNING", "CONFIGURING", "COMPLETING", "SUSPENDED", "REQUEUED", "RESIZING", "SIGNALING", "STAGE_OUT"}
)
_NEVER_STARTS = re.compile(
    "held|BadConstraints|NeverSatisfied|PartitionConfig|PartitionTimeLimit|PartitionNodeLimit|InvalidAccount|InvalidQOS|NotAllowed",
    re.IGNORECASE,
)
_UNKNOWN_JOB = "invalid job id"
_ANSWER_SECONDS = 120.0
"""How long a command may take; Slurm's own limits are shorter."""


@dataclass(frozen=True)
class ArrayTask:
    """One task of a job array.

    Attributes:
        index: its index in the array.
        state: as Slurm names it, such as `RUNNING` or `NODE_FAIL`.
        node: where it runs or ran.
        reason: why it waits.
    """

    index: int
    state: str
    node: str
    reason: str

    @property
    def is_active(self) -> bool:
        """Whether Slurm will still run it, or runs it."""
        return self.state in _ACTIVE

    @property
    def never_starts(self) -> bool:
        """Whether it waits for something that a person must change."""
        return self.state == "PENDING" and bool(_NEVER_STARTS.search(self.reason))


def submit(script: Path, name: str) -> str:
    """Submit a batch script as a job called ``name`` and return the job's id.

    Raises:
        MMABenchError: Slurm refuses it.
    """
    # An option of the command takes precedence over the script and over SBATCH_JOB_NAME.
    result = _command("sbatch", "--parsable", "--export=ALL", f"--job-name={name}", str(script))
    if result.returncode != 0:
        said = " ".join(result.stderr.split()).removeprefix("sbatch: error: ")
        raise MMABenchError(f"Slurm refused the job: {said}; see executor.slurm in the configuration, and {script}")
    return result.stdout.strip().partition(";")[0]


def tasks_of(job: str) -> list[ArrayTask] | None:
    """Return the tasks of the array ``job`` that Slurm still remembers; None if it does not answer now."""
    return _tasks(f"--jobs={job}")


def is_active(name: str) -> bool | None:
    """Return whether Slurm runs, or will run, a task of the jobs called ``name``; None if it does not answer now."""
    tasks = _tasks(f"--name={name}")
    return None if tasks is None else any(task.is_active for task in tasks)


def _tasks(which: str) -> list[ArrayTask] | None:
    result = _command("squeue", "--noheader", "--array", "--states=all", which, "--format=%K|%T|%N|%r")
    if result.returncode != 0:
        return [] if _UNKNOWN_JOB in result.stderr.lower() else None
    found = []
    for line in result.stdout.splitlines():
        index, state, node, reason = line.split("|", 3)
        if index.isdigit():
            found.append(ArrayTask(int(index), state, node, reason))
    return found


def why_ended(job: str, index: int) -> str:
    """Return what Slurm says about the end of a task, such as `exit code 137:0`."""
    shown = _command("scontrol", "--oneliner", "show", "job", f"{job}_{index}").stdout
    fields = dict(re.findall(r"(\w+)=(\S+)", shown))
    code = fields.get("ExitCode", "unknown")
    return f"Slurm state {fields.get('JobState', 'unknown')}, exit code {code}"


def exit_code(job: str, index: int) -> int | None:
    """Return the exit code of a task that ended."""
    shown = _command("scontrol", "--oneliner", "show", "job", f"{job}_{index}").stdout
    found = re.search(r"ExitCode=(\d+):", shown)
    return int(found[1]) if found else None


def requeue(job: str, index: int) -> bool:
    """Let Slurm run a task of an array again; return whether it will."""
    return _command("scontrol", "requeue", f"{job}_{index}").returncode == 0


def cancel(name: str) -> str:
    """Cancel the jobs called ``name``; return what Slurm says against it, which is nothing if it agrees."""
    result = _command("scancel", f"--name={name}")
    return " ".join(result.stderr.split()) if result.returncode else ""


def _command(program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [program, *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=_ANSWER_SECONDS)
    except subprocess.TimeoutExpired:
        said = f"{program} has not answered for {_ANSWER_SECONDS:.0f} s"
        return subprocess.CompletedProcess(command, 1, "", said)
    except FileNotFoundError as error:
        raise MMABenchError(
            f"executor.kind slurm needs {program}, which is not on this machine; run the build where jobs are submitted"
        ) from error
