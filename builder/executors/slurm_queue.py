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


def submit(script: Path) -> str:
    """Submit a batch script and return the job's id.

    Raises:
        MMABenchError: Slurm refuses it.
    """
    result = _command("sbatch", "--parsable", "--export=ALL", str(script))
    if result.returncode != 0:
        said = " ".join(result.stderr.split()).removeprefix("sbatch: error: ")
        raise MMABenchError(f"Slurm refused the job: {said}; see executor.slurm in the configuration, and {script}")
    return result.stdout.strip().partition(";")[0]


def tasks_of(job: str) -> list[ArrayTask] | None:
    """Return the tasks of the array ``job`` that Slurm still remembers; None if it does not answer now."""
    result = _command("squeue", "--noheader", "--array", "--states=all", f"--jobs={job}", "--format=%K|%T|%N|%r")
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


def cancel(job: str) -> None:
    """Cancel the array ``job``."""
    _command("scancel", job)


def _command(program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise MMABenchError(
            f"executor.kind slurm needs {program}, which is not on this machine; run the build where jobs are submitted"
        ) from error
