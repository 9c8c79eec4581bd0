"""The engines that run the tasks of a stage: this machine, a Ray cluster or a Slurm cluster."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from builder.executors.settings import ExecutorSettings, RaySettings, SlurmSettings, StageResources, engine_override

if TYPE_CHECKING:
    from datatrove.executor.base import PipelineExecutor
    from datatrove.pipeline.base import PipelineStep

__all__ = ["ExecutorSettings", "RaySettings", "SlurmSettings", "StageResources", "engine_override", "make_executor"]


def make_executor(
    settings: ExecutorSettings, pipeline: "Sequence[PipelineStep]", logs: Path, *, tasks: int, name: str = "stage"
) -> "PipelineExecutor":
    """Return the executor that runs ``pipeline`` as ``tasks`` tasks and marks completed ones in ``logs``.

    Its `run` returns when all tasks are completed, on every engine.

    Args:
        settings: of the stage, as `ExecutorSettings.for_stage` returns them.
        pipeline: blocks of datatrove that can be pickled.
        logs: folder for marks and logs; with Ray and Slurm, all nodes must see it under this path.
        tasks: number of tasks.
        name: name of the stage, in messages and in the engine's own lists.

    Raises:
        MMABenchError: the engine is not installed or cannot be reached.
    """
    if settings.kind == "ray":
        from builder.executors.ray import RayExecutor

        return RayExecutor(settings, pipeline, logs, tasks=tasks, name=name)
    if settings.kind == "slurm":
        from builder.executors.slurm import SlurmExecutor

        return SlurmExecutor(settings, pipeline, logs, tasks=tasks, name=name)
    from builder.executors.local import LocalExecutor

    return LocalExecutor(settings, pipeline, logs, tasks=tasks, name=name)
