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
from builder.package.card import CardFacts, render_card
from builder.package.shards import Shard, WriteShards, index_part, plan_shards
from builder.stage import StageFolder
from mma_bench.atomic import atomic_path, fsync_folder, write_json, write_text
from mma_bench.columns import to_table
from mma_bench.errors import MMABenchError
from mma_bench.hashing import sha256_file, sha256_json
from mma_bench.schema import Clip, IndexEntry, Stimulus


@dataclass(frozen=True)
class PackageInputs:
    """Everything that decides the bytes of a dataset.

    Attributes:
        stimuli: Parquet file of the stimuli.
        clips: folder of the normalised streams.
        streams: folder of the generated streams.
        rows: manifest of all clips, dropped ones included.
        title: name on the card.
        shards: shards a configuration.
        provenance: what `metadata/provenance.json` will say.
    """

    stimuli: Path
    clips: Path
    streams: Path
    rows: Sequence[ManifestRow]
    title: str
    shards: int
    provenance: dict[str, Any]

    def fingerprint(self) -> str:
        """Return a hash of the inputs."""
        # Without `media`, which leads from the work folder to the source: where a build runs must not matter.
        rows = [row.model_dump(mode="json", exclude={"media"}) for row in self.rows]
        return sha256_json([self.provenance, self.title, self.shards, sha256_file(self.stimuli), rows])


def package_dataset(inputs: PackageInputs, work: Path, out: Path, executor: ExecutorSettings) -> None:
    """Write the dataset to the folder ``out``, replacing an earlier one only when the new one is complete."""
    folder = StageFolder(work)
    fingerprint = inputs.fingerprint()
    if _is_in_place(out, fingerprint):
        return
    check_replaceable(out)
    stimuli = read_stimuli(inputs.stimuli)
    plan = plan_shards(stimuli, inputs.shards)
    tasks = min(len(plan), executor.worker_count * executor.tasks_per_worker)
    staging = out.absolute().parent / f".{out.absolute().name}.partial"
    if not staging.is_dir():
        shutil.rmtree(work, ignore_errors=True)  # completion marks of a staging folder that is gone
    folder.begin(fingerprint, tasks)
    if _content_of(staging / ".fingerprint") != fingerprint:
        shutil.rmtree(staging, ignore_errors=True)
        shutil.rmtree(work / "log", ignore_errors=True)
        write_text(staging / ".fingerprint", fingerprint)
    for leftover in staging.rglob(".tmp-*"):
        leftover.unlink(missing_ok=True)
    step = WriteShards(inputs.stimuli, inputs.streams, inputs.clips, staging, work, inputs.shards)
    folder.run_pipeline([step], executor, title="package", items=len(stimuli), tasks=tasks)
    _write_index(staging, plan)
    _write_metadata(staging, inputs, stimuli)
    shutil.rmtree(staging / ".index")
    _put_in_place(staging, out, fingerprint)


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
        files = json.loads((out / ".complete.json").read_text(encoding="utf-8"))
        return files.pop("") == fingerprint and all((out / name).stat().st_size == size for name, size in files.items())
    except (OSError, ValueError, AttributeError, KeyError):
        return False


def _put_in_place(staging: Path, out: Path, fingerprint: str) -> None:
    (staging / ".fingerprint").unlink()
    files = {p.relative_to(staging).as_posix(): p.stat().st_size for p in sorted(staging.rglob("*")) if p.is_file()}
    write_json(staging / ".complete.json", {"": fingerprint, **files})
    if out.exists():
        shutil.rmtree(out)
    staging.rename(out)
    fsync_folder(out.absolute().parent)


def _content_of(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _write_index(staging: Path, plan: Sequence[Shard]) -> None:
    by_config: dict[str, list[Path]] = defaultdict(list)
    for shard in plan:
        by_config[shard.config].append(index_part(staging, shard))
    for config, parts in by_config.items():
        entries = [IndexEntry.model_validate(row) for part in parts for row in pq.read_table(part).to_pylist()]
        _write_table(staging / "index" / f"{config}.parquet", IndexEntry, entries)


def _write_metadata(staging: Path, inputs: PackageInputs, stimuli: Sequence[Stimulus]) -> None:
    clips = [row.to_clip() for row in inputs.rows if row.kept]
    stages = funnel(inputs.rows)
    metadata = staging / "metadata"
    _write_table(metadata / "clips.parquet", Clip, clips)
    _write_table(metadata / "stimuli.parquet", Stimulus, stimuli)
    write_json(metadata / "funnel.json", stages)
    write_json(metadata / "provenance.json", inputs.provenance)
    write_text(staging / "README.md", render_card(CardFacts(inputs.title, clips, stimuli, stages, inputs.provenance)))


def _write_table(path: Path, model: Any, rows: Any) -> None:
    with atomic_path(path) as temporary:
        pq.write_table(to_table(model, rows), temporary, compression="zstd")
