"""Settings of the engines, and what each stage's tasks need."""

import os
from collections.abc import Collection
from typing import Literal, Self

from pydantic import ConfigDict, Field

from mma_bench.counted import counted
from mma_bench.errors import MMABenchError, unknown
from mma_bench.schema import Checked

Kind = Literal["local", "ray", "slurm"]


class StageResources(Checked):
    """What differs from the default for the tasks of one stage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    workers: int | None = Field(default=None, ge=0, description="tasks at a time")
    cores: int | None = Field(default=None, ge=1, description="CPU cores per task")
    memory_gb: float | None = Field(default=None, gt=0, description="memory per task, GB")
    gpus: int | None = Field(default=None, ge=0, description="GPUs per task")
    hours: float | None = Field(default=None, gt=0, description="time limit per task")


class RaySettings(Checked):
    """How to reach a Ray cluster."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str = Field(
        default="auto", description="HOST:PORT of the head node; auto: RAY_ADDRESS, or the cluster on this machine"
    )


class SlurmSettings(Checked):
    """What Slurm needs to know apart from resources."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    setup: str | None = Field(
        default=None, description="shell lines that each job runs first, such as `module load ffmpeg`"
    )
    options: dict[str, str] = Field(default_factory=dict, description="more options of sbatch, by long name")
    max_array: int = Field(default=1000, ge=1, description="largest job array that the cluster allows")
    poll_seconds: float = Field(default=5.0, gt=0, description="time between two looks at the queue")


class ExecutorSettings(Checked):
    """Where and how the tasks of a stage run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind = "local"
    workers: int = Field(
        default=0, ge=0, description="tasks at a time; 0: as many as the machine or the Ray cluster has cores for"
    )
    tasks_per_worker: int = Field(default=4, ge=1, description="smaller tasks lose less when one is killed")
    cores: int = Field(default=1, ge=1, description="CPU cores per task")
    memory_gb: float = Field(default=4.0, gt=0, description="memory per task, GB; reserved by Ray and Slurm")
    gpus: int | None = Field(
        default=None, ge=0, description="GPUs per task; by default 1 where a task loads a model onto a GPU"
    )
    hours: float | None = Field(default=None, gt=0, description="time limit per task, for Ray and Slurm")
    retries: int = Field(default=3, ge=0, description="how often a failed or lost task is run again")
    scratch: str | None = Field(
        default=None,
        description="folder on each node's own disk for media that are being written; may contain $VARIABLES",
    )
    stages: dict[str, StageResources] = Field(default_factory=dict, description="what differs, by name of a stage")
    ray: RaySettings = RaySettings()
    slurm: SlurmSettings = SlurmSettings()

    def for_stage(self, name: str) -> Self:
        """Return the settings with what differs for the stage called ``name``."""
        own = self.stages.get(name)
        given = own.model_dump(exclude_none=True) if own else {}
        return self.changed(**given)

    def at_most(self, workers: int) -> Self:
        """Return the settings with at most ``workers`` tasks at a time; where no number is set, with as many."""
        return self.changed(workers=min(self.workers, workers) if self.workers else workers)

    def workers_of(self, name: str) -> int | None:
        """Return the number of workers that `stages` gives the stage called ``name``, if it does."""
        own = self.stages.get(name)
        return own.workers if own else None

    def check_stages(self, names: Collection[str]) -> None:
        """Raise MMABenchError if `stages` names a stage that is not among ``names``."""
        for name in self.stages:
            if name not in names:
                raise MMABenchError(unknown("executor.stages: there is no stage", name, sorted(names)))

    @property
    def worker_count(self) -> int:
        """Tasks at a time.

        Raises:
            MMABenchError: the engine does not say how many it has room for.
        """
        if self.workers:
            return self.workers
        if self.kind == "slurm":
            raise MMABenchError("executor.kind slurm needs executor.workers, the number of tasks at a time")
        if self.kind == "ray":
            from builder.executors.ray import room_for

            return room_for(self)
        return max(1, len(os.sched_getaffinity(0)) // self.cores)

    def in_words(self) -> str:
        """Return what each task gets, such as `2 cores, 8 GB, 1 GPU, at most 12 h`."""
        return ", ".join(_in_words(self))

    def differing(self, name: str) -> str:
        """Return what differs for the stage called ``name``, in words."""
        own = self.stages[name]
        return ", ".join(_in_words(own)) or "as all stages"


def _in_words(asked: StageResources | ExecutorSettings) -> list[str]:
    found = []
    if asked.workers and isinstance(asked, StageResources):
        found.append(f"{asked.workers} tasks at a time")
    if asked.cores:
        found.append(counted(asked.cores, "core"))
    if asked.memory_gb:
        found.append(f"{asked.memory_gb:g} GB")
    if asked.gpus is not None and (asked.gpus or isinstance(asked, StageResources)):
        found.append(counted(asked.gpus, "GPU") if asked.gpus else "no GPU")
    if asked.hours:
        found.append(f"at most {asked.hours:g} h")
    return found


def engine_override(kind: str | None) -> tuple[str, ...]:
    """Return the option `--executor` as an argument of `--set`."""
    return (f"executor.kind={kind}",) if kind else ()
