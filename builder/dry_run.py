"""`run --dry-run`: what a build would do, what would stop it, and which clips it would drop, without a network."""

import functools
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from builder.assemble import check_conditions, check_groups, check_label_conditions
from builder.config import BuildConfig
from builder.executors.check import check_engine, engine_lines
from builder.manifest import ManifestRow, unique
from builder.manifest_file import Manifest, write_manifest
from builder.own_stages import own_stages
from builder.package.dataset import check_replaceable
from builder.pipeline import BUILD, order
from builder.sources import Source, make_source
from mma_bench import models
from mma_bench.console.dry_run import DryRun, check_space
from mma_bench.errors import MMABenchError
from mma_bench.parsing import check_labels
from mma_bench.schema import CONDITIONS

_BYTES_A_SECOND = 181_000
"""Size of both streams of a clip of 504x504 pixels at crf 18: 67 MB for the demo's 37 clips of 10 s."""


def plan_build(config: BuildConfig, work: Path, out: Path) -> DryRun:
    """Check a build, without downloading or decoding anything.

    Args:
        config: all settings.
        work: folder for intermediate results.
        out: folder for the dataset.
    """
    found = DryRun()
    found.attempt(lambda: check_conditions(config.assemble))
    own = found.attempt(lambda: own_stages(config.stages)) or []
    found.attempt(lambda: config.executor.check_stages(order([entry.name for entry in BUILD], own)))
    if own:
        found.lines.append(f"stages: {', '.join(order([entry.name for entry in BUILD], own))}")
    found.attempt(lambda: check_replaceable(out))
    found.attempt(_check_programs)
    found.attempt(lambda: check_engine(config.executor))
    if config.verify.model:
        model, options = config.verify.model, config.verify.model_options
        if line := found.attempt(lambda: models.preview(model, options)):
            found.lines.append(f"verified by {line}")
    else:
        found.lines.append("verified by no model")
    if (source := found.attempt(lambda: make_source(config.source, config.seed))) is not None:
        _check_source(found, config, source)
        with tempfile.TemporaryDirectory() as folder:
            listed = Path(folder) / "manifest.parquet"
            found.attempt(lambda: write_manifest(listed, unique(source.rows())))
            if listed.is_file():
                _check_rows(found, config, source, Manifest(listed), work, out)
    conditions = ", ".join([*config.assemble.conditions, *config.assemble.graded])
    found.lines.append(f"conditions: {conditions}")
    found.lines += [f"seed {config.seed}", *engine_lines(config.executor, source.fetch_workers if source else None)]
    return found


def _check_source(found: DryRun, config: BuildConfig, source: Source) -> None:
    found.attempt(source.check)
    names = found.attempt(source.class_names)
    if names is None:
        return
    found.attempt(lambda: check_labels(names, f"source {source.name}"))
    found.lines.append(f"{len(names)} classes: {', '.join(names)}")
    super_classes = found.attempt(source.super_classes)
    if super_classes is not None:
        found.attempt(lambda: check_groups(config.assemble, names, super_classes))
    found.attempt(lambda: check_label_conditions(config.assemble, names, config.normalise.size))


def _check_rows(found: DryRun, config: BuildConfig, source: Source, clips: Manifest, work: Path, out: Path) -> None:
    listed, kept = clips.row_count, clips.kept_count
    agreeing = sum(row.streams_agree for row in clips)
    found.lines += [f"noticed: {notice}" for notice in source.notices()]
    found.lines += [
        f"source {source.name}: {listed} clips listed, {listed - kept} of them rejected because of the list",
        f"{agreeing} clips whose streams agree, {kept - agreeing} whose streams disagree",
    ]
    if source.name == "folder":  # a list that its user wrote; most rows of AudioSet's lists are dropped intentionally
        found.problems += [f"{row.file}: {row.detail}" for row in clips.rows() if not row.kept]
    media = found.attempt(lambda: source.media_findings(clips))
    if media is not None:
        found.problems += media.problems
        found.lines += media.lines
    if not kept:
        found.problems.append(f"no clip of {listed} can be used")
    size = _clip_bytes(config, clips)
    for folder, needed, what in ((work, 2 * size, "work folder"), (out, _copies(config) * size, "dataset")):
        if line := found.attempt(functools.partial(check_space, folder, needed, what)):
            found.lines.append(line)


def _clip_bytes(config: BuildConfig, clips: Iterable[ManifestRow]) -> float:
    """Return the approximate number of bytes of all clips' streams."""
    longest = config.normalise.seconds
    seconds = sum(min(longest, (row.end_seconds or row.start_seconds + longest) - row.start_seconds) for row in clips)
    return seconds * _BYTES_A_SECOND * (config.normalise.size / 504) ** 2


def _copies(config: BuildConfig) -> int:
    """Return the number of stimuli that a clip is in: a dataset contains the streams of each."""
    media = [name for name in config.assemble.conditions if name in CONDITIONS and CONDITIONS[name].changes == "media"]
    return len(media) + sum(len(levels) for levels in config.assemble.graded.values())


def _check_programs() -> None:
    if shutil.which("ffmpeg") is None:
        raise MMABenchError("ffmpeg is not installed; run scripts/setup.sh or install it with your system")
