"""The `package` stage: write everything into a staging folder, then put it in place at once."""

import json
import shutil
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from builder.assemble.step import read_stimuli
from builder.executors import ExecutorSettings
from builder.funnel import funnel
from builder.manifest import ManifestRow
from builder.package.contents import DatasetContents, write_contents, write_table
from builder.package.seal import put_in_place, seal, staging_folder
from builder.package.shards import Shard, WriteShards, index_part, plan_shards
from builder.stage import StageFolder
from mma_bench.atomic import write_text
from mma_bench.errors import MMABenchError
from mma_bench.hashing import sha256_file, sha256_json
from mma_bench.layout import BUILD_MARK
from mma_bench.removed import RemovedIds
from mma_bench.schema import IndexEntry, Stimulus


@dataclass(frozen=True)
class PackageInputs:
    """Everything that decides the bytes of a dataset.

    Attributes:
        stimuli: Parquet file of the stimuli.
        clips: folder of the normalised streams.
        streams: folder of the generated streams.
        rows: manifest of all clips, dropped ones included.
        provenance: what `metadata/provenance.json` will say.
        removed: ids of clips that are left out for good.
        super_classes: super-class of each class, by its name.
    """

    stimuli: Path
    clips: Path
    streams: Path
    rows: Sequence[ManifestRow]
    provenance: dict[str, Any]
    removed: RemovedIds
    super_classes: dict[str, str]

    def contents(self, stimuli: Sequence[Stimulus]) -> DatasetContents:
        """Return what the dataset will say of itself."""
        clips = [row.to_clip() for row in self.rows if row.kept]
        return DatasetContents(clips, stimuli, funnel(self.rows), self.provenance, self.removed, self.super_classes)

    def fingerprint(self) -> str:
        """Return a hash of the inputs."""
        # Without `media`, which leads from the work folder to the source: where a build runs must not matter.
        rows = [row.model_dump(mode="json", exclude={"media"}) for row in self.rows]
        removed = sorted(self.removed.ids)
        return sha256_json([self.provenance, removed, sha256_file(self.stimuli), rows, self.super_classes])


def package_dataset(inputs: PackageInputs, work: Path, out: Path, executor: ExecutorSettings) -> None:
    """Write the dataset to the folder ``out``, replacing an earlier one only when the new one is complete."""
    folder = StageFolder(work)
    fingerprint = inputs.fingerprint()
    staging = staging_folder(out)
    if _is_in_place(out, fingerprint):
        shutil.rmtree(staging, ignore_errors=True)  # a kill may have left the dataset that this one replaced
        return
    check_replaceable(out)
    stimuli = read_stimuli(inputs.stimuli)
    contents = inputs.contents(stimuli)
    shards = contents.settings.shards
    plan = [] if contents.ids_only else plan_shards(stimuli, shards)
    tasks = min(len(plan) or 1, executor.worker_count * executor.tasks_per_worker)
    if not staging.is_dir():
        shutil.rmtree(work, ignore_errors=True)  # completion marks of a staging folder that is gone
    folder.begin(fingerprint, tasks)
    if _content_of(staging / ".fingerprint") != fingerprint:
        shutil.rmtree(staging, ignore_errors=True)
        shutil.rmtree(work / "log", ignore_errors=True)
        write_text(staging / ".fingerprint", fingerprint)
    for leftover in staging.rglob(".tmp-*"):
        leftover.unlink(missing_ok=True)
    if plan:
        step = WriteShards(inputs.stimuli, inputs.streams, inputs.clips, staging, work, shards)
        folder.run_pipeline([step], executor, title="package", items=len(stimuli), tasks=tasks)
        _write_index(staging, plan)
    write_contents(staging, contents)
    # In this order: while the fingerprint stands, a run after a kill takes the shards as done and reads their index.
    (staging / ".fingerprint").unlink()
    shutil.rmtree(staging / ".index", ignore_errors=True)
    seal(staging, fingerprint)
    put_in_place(staging, out)


def check_replaceable(out: Path) -> None:
    """Raise MMABenchError if ``out`` holds something that is not a dataset of ours."""
    if (
        out.exists()
        and not (out / "metadata" / "provenance.json").is_file()
        and (not out.is_dir() or any(out.iterdir()))
    ):
        raise MMABenchError(f"{out} exists and is not a dataset of this builder; choose another --out or remove it")


def _is_in_place(out: Path, fingerprint: str) -> bool:
    """Whether ``out`` is the finished dataset, no file of it missing or cut."""
    try:
        files = json.loads((out / BUILD_MARK).read_text(encoding="utf-8"))
        return files.pop("") == fingerprint and all((out / name).stat().st_size == size for name, size in files.items())
    except (OSError, ValueError, AttributeError, KeyError):
        return False


def _content_of(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _write_index(staging: Path, plan: Sequence[Shard]) -> None:
    by_config: dict[str, list[Path]] = defaultdict(list)
    for shard in plan:
        by_config[shard.config].append(index_part(staging, shard))
    for config, parts in by_config.items():
        entries = [IndexEntry.model_validate(row) for part in parts for row in pq.read_table(part).to_pylist()]
        write_table(staging / "index" / f"{config}.parquet", IndexEntry, entries)
