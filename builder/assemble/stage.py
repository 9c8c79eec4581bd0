"""Run the `assemble` stage."""

from pathlib import Path

from builder.assemble.plan import AssemblePlan
from builder.assemble.step import AssembleStimuli, EncodeGraded
from builder.clip_step import ReadManifest
from builder.executors import ExecutorSettings
from builder.manifest import ManifestRow, read_manifest
from builder.stage import StageFolder
from mma_bench import __version__
from mma_bench.files.hashing import sha256_file, sha256_json
from mma_bench.schema import FORMAT_VERSION


def run_assemble(plan: AssemblePlan, manifest: Path, executor: ExecutorSettings) -> list[ManifestRow]:
    """Make the stimuli of the clips in ``manifest``, unless that is done, and return the stage's rows."""
    folder = StageFolder(plan.folder)
    inputs = sha256_json([__version__, FORMAT_VERSION, plan.inputs(), sha256_file(manifest)])
    if not (folder.is_finished(inputs) and (folder.path / "stimuli.parquet").is_file()):
        clips = len(read_manifest(manifest))
        folder.begin(inputs, 1)
        if plan.settings.graded:
            _encode_graded(plan, manifest, executor, inputs)
        alone = ExecutorSettings(kind="local", workers=1)
        pipeline = [ReadManifest(manifest), AssembleStimuli(plan)]
        folder.run_pipeline(pipeline, alone, title="assemble", items=clips, tasks=1)
        folder.finish(inputs)
    return read_manifest(folder.manifest)


def _encode_graded(plan: AssemblePlan, manifest: Path, executor: ExecutorSettings, inputs: str) -> None:
    folder = StageFolder(plan.folder / "encode")
    assembly = plan.assembly(read_manifest(manifest, kept_only=True))
    items = sum(len(ids) for ids in assembly.graded_clips.values())
    tasks = max(1, min(items, executor.worker_count * executor.tasks_per_worker))
    folder.begin(inputs, tasks)
    step = EncodeGraded(plan, manifest, folder.path)
    folder.run_pipeline([step], executor, title="graded", items=items, tasks=tasks)
    folder.finish(inputs)
