"""Run a stage of either kind: skip it if nothing changed, resume it after a kill, retry what failed, show progress."""

from pathlib import Path

from builder.clip_step import ClipStep, ReadManifest, WriteManifestPart
from builder.executors import ExecutorSettings
from builder.manifest import ManifestRow, read_manifest, write_manifest
from builder.progress import progress_bar
from builder.stage import ClipStage, Stage, WholeStage
from builder.stage_folder import StageFolder, forget_failures
from mma_bench import __version__
from mma_bench.errors import MMABenchError
from mma_bench.files.hashing import sha256_file, sha256_json
from mma_bench.models.own import place_of
from mma_bench.registry import one_line


def run_stage(
    stage: Stage, source: Path | None, executor: ExecutorSettings, *, retry_failed: bool = False
) -> list[ManifestRow]:
    """Run ``stage``, unless it is finished, and return its rows in the order of the source.

    Args:
        stage: what to run.
        source: the manifest of the stage before; None for the first stage.
        executor: where tasks run.
        retry_failed: process dropped clips again if the stage says that it can succeed.

    Raises:
        MMABenchError: an input is wrong, or the stage fails for all clips.
    """
    stage.prepare()
    if isinstance(stage, ClipStage):
        if source is None:
            raise TypeError(f"{stage.name} looks at clips, so it cannot be the first stage")
        if retry_failed and (worth_another_try := stage.retry()):
            forget_failures(stage.folder, worth_another_try)
        return _run_clips(stage, source, stage.executor(executor))
    if isinstance(stage, WholeStage):
        return _run_whole(stage, source, stage.executor(executor))
    raise TypeError(f"{stage.name} is neither a ClipStage nor a WholeStage")


def _run_clips(stage: ClipStage, source: Path, executor: ExecutorSettings) -> list[ManifestRow]:
    folder = StageFolder(stage.folder)
    inputs = _inputs(stage, source)
    if folder.is_finished(inputs):
        rows = read_manifest(folder.manifest)
        if all(path.is_file() for row in rows if row.kept for path in stage.outputs(row)):
            return rows
    rows = read_manifest(source)
    left = 0 if stage.changes_nothing() else sum(row.kept for row in rows)
    tasks = max(1, min(left, executor.worker_count * executor.tasks_per_worker))
    folder.begin(inputs, tasks)
    results: dict[str, ManifestRow] = {}
    if left:
        pipeline = [ReadManifest(source), ClipStep(stage), WriteManifestPart(stage.folder)]
        folder.run_pipeline(pipeline, executor, title=stage.name, items=left, tasks=tasks)
        results = folder.results(tasks)
        if missing := sum(row.kept and row.clip_id not in results for row in rows):
            folder.forget_tasks()
            raise MMABenchError(
                f"{stage.name}: {missing} of {left} clips have no result; a process of an earlier run may still have "
                f"written to {folder.path}; run the same command again"
            )
    ordered = [results.get(row.clip_id, row) for row in rows]
    write_manifest(folder.manifest, ordered)
    folder.finish(inputs)
    return ordered


def _run_whole(stage: WholeStage, source: Path | None, executor: ExecutorSettings) -> list[ManifestRow]:
    folder = StageFolder(stage.folder)
    if stage.always_runs:
        results = _run(stage, [] if source is None else read_manifest(source), has_source=source is not None)
        if stage.counts_clips:
            write_manifest(folder.manifest, results)
        return results
    inputs = _inputs(stage, source)
    if folder.is_finished(inputs) and all(path.is_file() for path in stage.files()):
        return read_manifest(folder.manifest)
    rows = [] if source is None else read_manifest(source)
    folder.begin(inputs, 1)
    if source and (work := stage.parallel(rows, source)) is not None:
        tasks = max(1, min(work.items, executor.worker_count * executor.tasks_per_worker))
        shared = StageFolder(work.folder)
        shared.begin(inputs, tasks)
        shared.run_pipeline([work.step], executor, title=work.title, items=work.items, tasks=tasks)
        shared.finish(inputs)
    with progress_bar(stage.name, len(rows), folder.path):
        results = _run(stage, rows, has_source=source is not None)
    write_manifest(folder.manifest, results)
    folder.finish(inputs)
    return results


def _inputs(stage: Stage, source: Path | None) -> str:
    return sha256_json([__version__, *stage.decided_by, sha256_file(source) if source else None])


def _run(stage: WholeStage, rows: list[ManifestRow], *, has_source: bool) -> list[ManifestRow]:
    """Run ``stage``; raise if a user's stage fails, or if a clip is missing, which no funnel would show."""
    try:
        results = stage.run(rows)
    except Exception as error:
        kind = type(stage)
        if isinstance(error, MMABenchError) or kind.__module__.startswith("builder."):
            raise
        raise MMABenchError(f"the stage {stage.name} failed: {one_line(error)}{place_of(error, kind)}") from error
    if has_source and [row.clip_id for row in results] != [row.clip_id for row in rows]:
        raise MMABenchError(
            f"the stage {stage.name} did not return every clip in its order; a clip is dropped by `row.drop(...)`, and "
            "its row stays"
        )
    return results
