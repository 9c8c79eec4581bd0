"""What a dry run says about an engine."""

import shutil

from builder.executors.settings import ExecutorSettings, StageResources
from builder.executors.slurm_queue import PROGRAMS
from mma_bench.errors import MMABenchError
from mma_bench.extras import needs


def check_engine(settings: ExecutorSettings) -> None:
    """Check that the engine is installed on this machine; nothing is started or asked.

    Raises:
        MMABenchError: a package or a program is missing, or the engine needs a setting.
    """
    if settings.kind == "ray":
        with needs("executor.kind: ray", "ray"):
            import ray  # noqa: F401
    if settings.kind == "slurm":
        if missing := [program for program in PROGRAMS if shutil.which(program) is None]:
            raise MMABenchError(
                f"executor.kind slurm needs {', '.join(missing)}, which {'are' if len(missing) > 1 else 'is'} not on "
                "this machine; run the build where jobs are submitted"
            )
        _ = settings.worker_count


def engine_lines(settings: ExecutorSettings, fetch_workers: int | None = None) -> list[str]:
    """Return the engine and what each stage's tasks get, one line for the default and one per stage that differs.

    Args:
        settings: of all stages.
        fetch_workers: how many downloads at a time the source allows, if it has a limit.
    """
    if fetch_workers:
        asked = settings.stages.get("fetch", StageResources())
        fetch = asked.changed(workers=settings.for_stage("fetch").at_most(fetch_workers).workers)
        settings = settings.changed(stages={**settings.stages, "fetch": fetch})
    if settings.workers or settings.kind == "local":
        workers = f"{settings.worker_count} tasks at a time"
    else:
        workers = "as many tasks at a time as the cluster has room for"
    scratch = f", scratch disk {settings.scratch}" if settings.scratch else ""
    lines = [f"engine {settings.kind}: {workers}, each {settings.in_words()}{scratch}"]
    return [*lines, *(f"  {name}: {settings.differing(name)}" for name in settings.stages)]
