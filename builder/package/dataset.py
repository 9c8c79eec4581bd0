"""Write a dataset: write everything into a staging folder, then put it in place at once."""

import itertools
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.assemble.stimuli_file import StimuliFile
from builder.executors import ExecutorSettings
from builder.groups import GroupWriter
from builder.manifest_file import Manifest
from builder.package.contents import GROUP_ROWS, DatasetContents, write_contents
from builder.package.seal import FileHashes, seal
from builder.package.shards import ShardRows, WriteShards, index_part, plan_file, read_part
from builder.stage_folder import StageFolder
from mma_bench.dataset.columns import arrow_schema
from mma_bench.dataset.layout import BUILD_MARK
from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import atomic_path, put_in_place, staging_folder, write_text
from mma_bench.files.documents import parse_json
from mma_bench.files.hashing import sha256_file, sha256_json
from mma_bench.schema import IndexEntry


@dataclass(frozen=True)
class PackageInputs:
    """Everything that determines the bytes of a dataset.

    Attributes:
        stimuli: Parquet file of the stimuli.
        manifest: all clips.
        clips: folder of the normalised streams.
        streams: folder of the generated streams.
        contents: description of the dataset.
    """

    stimuli: Path
    manifest: Manifest
    clips: Path
    streams: Path
    contents: DatasetContents

    def fingerprint(self) -> str:
        """Return a hash of the inputs."""
        contents = self.contents
        said = [contents.provenance, sorted(contents.removed.ids), contents.funnel, contents.super_classes]
        return sha256_json([*said, *contents.made_from, sha256_file(self.stimuli), self.manifest.content_hash()])


def package_dataset(inputs: PackageInputs, work: Path, out: Path, executor: ExecutorSettings) -> None:
    """Write the dataset to the folder ``out``, replacing an earlier one only when the new one is complete."""
    folder = StageFolder(work)
    fingerprint = inputs.fingerprint()
    staging = staging_folder(out)
    if _is_in_place(out, fingerprint):
        shutil.rmtree(staging, ignore_errors=True)  # a kill may have left the dataset that this one replaced
        return
    check_replaceable(out)
    contents = inputs.contents
    stimuli = StimuliFile(inputs.stimuli)
    shards = contents.settings.shards
    plan = [] if contents.ids_only else plan_file(stimuli, shards)
    # On this machine, one task with threads; elsewhere, tasks that other machines may run.
    local = executor.kind == "local"
    tasks = 1 if local else min(len(plan) or 1, executor.worker_count * executor.tasks_per_worker)
    if not staging.is_dir():
        shutil.rmtree(work / "log", ignore_errors=True)  # completion marks of a deleted staging folder
    folder.begin(fingerprint, tasks)
    if _content_of(staging / ".fingerprint") != fingerprint:
        shutil.rmtree(staging, ignore_errors=True)
        shutil.rmtree(work / "log", ignore_errors=True)
        write_text(staging / ".fingerprint", fingerprint)
    for leftover in staging.rglob(".tmp-*"):
        leftover.unlink(missing_ok=True)
    hashes = FileHashes(staging)
    if plan:
        threads = executor.worker_count if local else 1
        step = WriteShards(inputs.stimuli, inputs.streams, inputs.clips, staging, work, shards, threads)
        folder.run_pipeline([step], executor, title="package", items=len(stimuli), tasks=tasks)
        hashes = FileHashes(staging, _write_index(staging, plan))
    write_contents(staging, contents, hashes)
    # In this order: while the fingerprint exists, a run after a kill trusts the shards and reads their index.
    (staging / ".fingerprint").unlink()
    shutil.rmtree(staging / ".index", ignore_errors=True)
    seal(staging, fingerprint, hashes)
    put_in_place(staging, out)


def check_replaceable(out: Path) -> None:
    """Raise MMABenchError if ``out`` contains something other than a dataset of this builder."""
    if (
        out.exists()
        and not (out / "metadata" / "provenance.json").is_file()
        and (not out.is_dir() or any(out.iterdir()))
    ):
        raise MMABenchError(f"{out} exists and is not a dataset of this builder; choose another --out or remove it")


def _is_in_place(out: Path, fingerprint: str) -> bool:
    """Whether ``out`` is the finished dataset, with no file missing or truncated."""
    try:
        files = parse_json((out / BUILD_MARK).read_text(encoding="utf-8"))
        return files.pop("") == fingerprint and all((out / name).stat().st_size == size for name, size in files.items())
    except (OSError, ValueError, AttributeError, KeyError):
        return False


def _content_of(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _write_index(staging: Path, plan: Sequence[ShardRows]) -> dict[str, str]:
    """Write the index of each configuration; return the hashes of the shards."""
    hashes: dict[str, str] = {}
    for config, shards in itertools.groupby(plan, key=lambda planned: planned.config):
        table = staging / "index" / f"{config}.parquet"
        with atomic_path(table) as temporary, GroupWriter(temporary, arrow_schema(IndexEntry), GROUP_ROWS) as file:
            for planned in shards:
                path, sha256, entries = read_part(index_part(staging, planned))
                hashes[path] = sha256
                file.add(entries)
    return hashes
