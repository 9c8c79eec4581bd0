"""Run a stage of either kind: skip it if nothing changed, resume it after a kill, retry what failed, show progress."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pyarrow.compute as pc

from builder.clip_step import ClipStep
from builder.collector import few_collections
from builder.executors import ExecutorSettings
from builder.executors.earlier_job import end_earlier_job
from builder.manifest import ManifestRow
from builder.manifest_file import NO_CLIPS, Manifest, OtherClips, manifest_writer, replaced, tables_of
from builder.media_folder import all_exist
from builder.progress import progress_bar
from builder.results import Results
from builder.stage import ClipStage, Progress, Stage, WholeStage
from builder.stage_folder import StageFolder, forget_failures
from mma_bench import __version__
from mma_bench.console.progress import say
from mma_bench.errors import MMABenchError
from mma_bench.files.hashing import sha256_file, sha256_json
from mma_bench.models.own import place_of
from mma_bench.registry import one_line


def run_stage(stage: Stage, source: Path | None, executor: ExecutorSettings, *, retry_failed: bool = False) -> Manifest:
    """Run ``stage``, unless it is finished, and return its manifest; of a stage without one, that of the stage before.

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
            end_earlier_job(stage.folder)  # it may still write results
            forget_failures(stage.folder, _results(stage), worth_another_try)
        return _run_clips(stage, source, stage.executor(executor.for_stage(stage.name)))
    if isinstance(stage, WholeStage):
        return _run_whole(stage, source, stage.executor(executor.for_stage(stage.name)))
    raise TypeError(f"{stage.name} is neither a ClipStage nor a WholeStage")


def _run_clips(stage: ClipStage, path: Path, executor: ExecutorSettings) -> Manifest:
    folder = StageFolder(stage.folder)
    inputs = _inputs(stage, path)
    finished = Manifest(folder.manifest)
    if folder.is_finished(inputs) and _is_whole(stage, finished, _results(stage)):
        return finished
    source = Manifest(path)
    left = 0 if stage.changes_nothing() else source.kept_count
    tasks = max(1, min(left, executor.worker_count * executor.tasks_per_worker))
    run = folder.begin(inputs, tasks)
    results = _results(stage)
    if left:
        results.compact()  # what a killed run left; the tasks would all have to read it
        step = ClipStep(stage, path, source.divided(tasks), run, folder.parts)
        folder.run_pipeline([step], executor, title=stage.name, items=left, tasks=tasks)
    with few_collections(), manifest_writer(folder.manifest) as writer:
        try:
            for table in replaced(source, folder.rows_of_tasks(tasks)) if left else source.tables():
                writer.add(table)
        except OtherClips as error:
            folder.forget_tasks()
            raise MMABenchError(
                f"{stage.name}: the results are not those of its {left} clips ({error}); a process of an earlier run "
                f"may still have written to {folder.path}; run the same command again"
            ) from error
    results.compact()
    if not _is_whole(stage, finished, results):
        folder.forget_tasks()
        raise MMABenchError(f"{stage.name}: files in {folder.path} vanished meanwhile; run the same command again")
    folder.finish(inputs)
    for line in stage.summary():
        say(line)
    return finished


@few_collections()
def _is_whole(stage: ClipStage, manifest: Manifest, results: Results) -> bool:
    """Return whether all files of the kept clips are there, and their values in the stage's own columns."""
    if not all_exist(_outputs(stage, manifest)):
        return False
    return stage.columns() is None or not results.find(manifest.column("clip_id")).missing


def _outputs(stage: ClipStage, manifest: Manifest) -> Iterator[Path]:
    """Yield the files that the kept clips must have."""
    if type(stage).outputs is ClipStage.outputs:
        return
    for table in manifest.tables(["clip_id", "media", "dropped_by"]):
        kept = table.filter(pc.is_null(table["dropped_by"]))
        for clip_id, media in zip(kept["clip_id"].to_pylist(), kept["media"].to_pylist(), strict=True):
            yield from stage.outputs(clip_id, media)


def _results(stage: ClipStage) -> Results:
    return Results(stage.folder, stage.columns())


def _run_whole(stage: WholeStage, path: Path | None, executor: ExecutorSettings) -> Manifest:
    folder = StageFolder(stage.folder)
    source = Manifest(path) if path else NO_CLIPS
    if stage.always_runs:
        if stage.counts_clips:
            folder.forget_finish()  # of a time when it was not one that always runs
            _write(stage, source, folder.manifest)
            return Manifest(folder.manifest)
        with _collections(stage):
            for _ in _run(stage, source):
                pass
        return source
    inputs = _inputs(stage, path)
    if folder.is_finished(inputs) and all(file.is_file() for file in stage.files()):
        return Manifest(folder.manifest)
    folder.begin(inputs, 1)
    with _collections(stage):
        work = stage.parallel(source)
    if work is not None:
        tasks = max(1, min(work.items, executor.worker_count * executor.tasks_per_worker))
        shared = StageFolder(work.folder)
        shared.begin(inputs, tasks)
        shared.run_pipeline([work.step], executor, title=work.title, items=work.items, tasks=tasks)
        shared.finish(inputs)
    with progress_bar(stage.name, source.kept_count, folder.path):
        _write(stage, source, folder.manifest)
    folder.finish(inputs)
    return Manifest(folder.manifest)


def _collections(stage: WholeStage) -> AbstractContextManager[None]:
    """Return what lets the garbage collector work rarely, unless ``stage`` may hold media, which a cycle would keep."""
    return few_collections() if stage.only_rows else nullcontext()


def _inputs(stage: Stage, source: Path | None) -> str:
    return sha256_json([__version__, *stage.decided_by, sha256_file(source) if source else None])


def _write(stage: WholeStage, source: Manifest, path: Path) -> None:
    """Run ``stage``, and write its rows between those that were dropped before."""
    results = tables_of(_run(stage, source))
    with _collections(stage), manifest_writer(path) as writer:
        try:
            if stage.changes_nothing():
                results = source.tables()
            elif source is not NO_CLIPS:
                results = replaced(source, results)
            for table in results:
                writer.add(table)
        except OtherClips as error:  # no funnel would show a clip that is missing
            raise MMABenchError(
                f"the stage {stage.name} did not return every clip in its order ({error}); a clip is dropped by "
                "`row.drop(...)`, and its row stays"
            ) from error


def _run(stage: WholeStage, source: Manifest) -> Iterator[ManifestRow]:
    """Run ``stage`` and yield its rows; raise if a user's stage fails."""
    progress = Progress(stage.folder)
    try:
        for row in stage.run(source):
            if not isinstance(row, ManifestRow):
                raise TypeError(f"run returned a {type(row).__name__} instead of a ManifestRow")
            yield row
            progress.advance()
    except Exception as error:
        kind = type(stage)
        if isinstance(error, MMABenchError) or kind.__module__.startswith("builder."):
            raise
        raise MMABenchError(f"the stage {stage.name} failed: {one_line(error)}{place_of(error, kind)}") from error
