"""Run all stages of a build in order."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from datatrove.pipeline.base import PipelineStep

from builder.assemble import AssemblePlan, check_conditions, check_groups, read_stimuli, run_assemble
from builder.clip_step import ReadManifest
from builder.compare import CompareClips, CompareSettings
from builder.config import BuildConfig
from builder.executors import ExecutorSettings
from builder.funnel import funnel
from builder.inspect import InspectClips
from builder.manifest import ManifestRow, check_unique, read_manifest, write_manifest
from builder.normalise import NormaliseClips
from builder.notices import notices_of
from builder.package.contents import DatasetContents
from builder.package.provenance import provenance
from builder.package.references import references_of
from builder.package.step import PackageInputs, check_replaceable, package_dataset
from builder.release import leave_out_removed, release_rows
from builder.review.stage import run_review
from builder.select.official import OFFICIAL_LIST, official_clips
from builder.sources import make_source
from builder.sources.step import FetchClips
from builder.stage import StageFolder, forget_failures, run_clip_stage
from builder.verify.stage import make_verifier, run_verify
from mma_bench import __version__
from mma_bench.dataset.removed import RemovedIds, read_removed_ids
from mma_bench.errors import MMABenchError
from mma_bench.files.hashing import sha256_file, sha256_json
from mma_bench.files.lock import open_locked
from mma_bench.parsing import check_labels


@dataclass(frozen=True)
class BuildResult:
    """Result of a build.

    Attributes:
        out: the dataset's folder.
        rows: all clips, dropped ones with stage and reason.
        notices: what the build noticed and left unchanged, one sentence each.
    """

    out: Path
    rows: list[ManifestRow]
    notices: list[str]


def run_build(config: BuildConfig, work: Path, out: Path, *, retry_failed: bool = False) -> BuildResult:
    """Build the dataset ``out``; finished stages below ``work`` are not repeated.

    With ``retry_failed``, clips that could not be fetched are requested again if that can succeed.

    Raises:
        MMABenchError: an input is invalid, another build uses ``work``, or no clip is left.
    """
    check_conditions(config.assemble)
    check_replaceable(out)
    with only_build_in(work):
        source = make_source(config.source, config.seed)
        removed = _removed_ids(config, out)
        rows = leave_out_removed(source.rows(), removed)
        check_unique(rows)
        classes = source.class_names()
        check_labels(classes, f"source {source.name}")
        super_classes = source.super_classes()
        check_groups(config.assemble, classes, super_classes)
        verifier = make_verifier(config.verify, classes)
        selected = work / "select" / "manifest.parquet"
        write_manifest(selected, rows)
        source.prepare()
        fetch = FetchClips(work / "fetch", source)
        normalise = NormaliseClips(work / "normalise", fetch.folder, config.normalise)
        inspect = InspectClips(work / "inspect", normalise.folder, config.inspect)
        if retry_failed:
            forget_failures(fetch.folder, source.can_succeed_later)
        manifest = selected
        for step in (fetch, normalise, inspect):
            workers = source.fetch_workers if step is fetch else None
            executor = config.executor.changed(workers=workers) if workers else config.executor
            rows = run_clip_stage(step, manifest, executor)
            manifest = StageFolder(step.folder).manifest
        run_compare(config.compare, work, manifest)
        manifest = StageFolder(work / "compare").manifest
        run_verify(config.verify, verifier, work, manifest, config.normalise, config.executor)
        rows = run_review(config.review, work, StageFolder(work / "verify").manifest)
        mode = config.package.mode_for(source.name)
        rows = release_rows(rows, mode)
        manifest = StageFolder(work / "release").manifest
        write_manifest(manifest, rows)
        _need_clips(rows)
        plan = AssemblePlan(
            folder=work / "assemble",
            clips=normalise.folder / "clips",
            classes=classes,
            super_classes=super_classes,
            seed=config.seed,
            settings=config.assemble,
            video=config.normalise,
        )
        rows = run_assemble(plan, manifest, config.executor)
        hashes = {**source.input_hashes(), "clips": _media_hash(rows)}
        if verifier:
            hashes["verifier"] = verifier.fingerprint_sha256
        stimuli = plan.folder / "stimuli.parquet"
        found = [*source.notices(), *notices_of(rows)]
        contents = DatasetContents(
            clips=[row.to_clip() for row in rows if row.kept],
            stimuli=read_stimuli(stimuli),
            funnel=funnel(rows),
            provenance={**provenance(config, hashes), "licence_mode": mode, **({"notices": found} if found else {})},
            removed=removed,
            super_classes=super_classes,
            references=references_of(rows, inspect.folder) if mode == "ids-only" else (),
        )
        inputs = PackageInputs(stimuli, plan.clips, plan.streams, contents)
        package_dataset(inputs, work / "package", out, config.executor)
    return BuildResult(out, rows, found)


def _removed_ids(config: BuildConfig, out: Path) -> RemovedIds:
    """Return the ids to leave out: those of the setting, and those already removed from the dataset to replace."""
    asked = read_removed_ids(config.package.removed_ids) if config.package.removed_ids else RemovedIds()
    return asked | (read_removed_ids(out) if out.is_dir() else RemovedIds())


def run_compare(settings: CompareSettings, work: Path, manifest: Path) -> list[ManifestRow]:
    """Run the stage `compare` over the manifest of `inspect`, unless it is finished, and return its rows."""
    folder = StageFolder(work / "compare")
    inputs = sha256_json([__version__, repr(settings), sha256_file(manifest), sha256_file(OFFICIAL_LIST)])
    if not folder.is_finished(inputs):
        official_ids = frozenset(clip.youtube_id for clip in official_clips())
        step = CompareClips(folder.path, manifest.parent, settings, official_ids)
        _run_alone(folder, step, manifest, inputs)
    return read_manifest(folder.manifest)


def _run_alone(folder: StageFolder, step: PipelineStep, manifest: Path, inputs: str) -> None:
    """Run a block that needs all clips at once."""
    folder.begin(inputs, 1)
    clips = len(read_manifest(manifest))
    alone = ExecutorSettings(kind="local", workers=1)
    folder.run_pipeline([ReadManifest(manifest), step], alone, title=folder.path.name, items=clips, tasks=1)
    folder.finish(inputs)


def _need_clips(rows: list[ManifestRow]) -> None:
    if not any(row.kept for row in rows):
        reasons = sorted({f"{row.dropped_by}: {row.reason}" for row in rows})
        raise MMABenchError(
            f"no clip of {len(rows)} is left ({', '.join(reasons)}); `python -m builder status` lists them"
        )


def _media_hash(rows: list[ManifestRow]) -> str:
    return sha256_json([[row.clip_id, row.source_sha256] for row in rows])


@contextmanager
def only_build_in(work: Path) -> Iterator[None]:
    """Hold a lock on ``work``, which is released however the process ends."""
    try:
        work.mkdir(parents=True, exist_ok=True)
        lock = open_locked(work / ".lock", wait=False, holder="process")  # not for datatrove's forked manager
    except BlockingIOError as error:
        raise MMABenchError(f"another build is using {work}; wait for it or choose another --work") from error
    except OSError as error:
        raise MMABenchError(f"cannot use the work folder {work}: {error.strerror}; choose another --work") from error
    with lock:
        lock.truncate(0)
        lock.write(str(os.getpid()).encode("ascii"))
        lock.flush()
        yield
