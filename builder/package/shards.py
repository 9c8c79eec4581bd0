"""Tars with the same bytes on every run, and the index with the position of each member."""

import hashlib
import os
import re
import tarfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from datatrove.data import Document
from datatrove.pipeline.base import PipelineStep

from builder.assemble.stimuli_file import StimuliFile
from builder.media_folder import clip_file
from builder.stage import Progress
from builder.streams.generated import generated_files
from builder.streams.graded import graded_files, graded_folder
from mma_bench.dataset.columns import to_table
from mma_bench.dataset.layout import config_named
from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import atomic_path
from mma_bench.files.hashing import sha256_bytes
from mma_bench.schema import MEMBERS, IndexEntry, Stimulus, Stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TAR_HASH = b"sha256"
_TAR_PATH = b"path"
_NAME = re.compile(r".*/[a-z]+-\d{5}-of-\d{5}")


@dataclass(frozen=True)
class Shard:
    """One tar to be written."""

    path: str
    """Relative to the dataset's folder."""
    config: str
    stimuli: Sequence[Stimulus]


@dataclass(frozen=True)
class ShardRows:
    """Which stimuli make one tar.

    Attributes:
        start: path of the tar without the hash of its content.
        config: configuration that it belongs to.
        rows: positions of its stimuli among all, ascending.
    """

    start: str
    config: str
    rows: "NDArray[np.int64]"

    def shard(self, stimuli: Sequence[Stimulus]) -> Shard:
        """Return the tar of ``stimuli``, which are those of `rows`."""
        return Shard(_named(self.start, stimuli), self.config, stimuli)


def divide(conditions: Sequence[str], splits: Sequence[str], shards: int) -> list[ShardRows]:
    """Divide the stimuli of each condition (and the training split) into shards of neighbouring keys.

    Args:
        conditions: of all stimuli, sorted by key.
        splits: of all stimuli, in the same order.
        shards: number of shards of a configuration.
    """
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row, (condition, split) in enumerate(zip(conditions, splits, strict=True)):
        groups[config_named(condition, split), split].append(row)
    plan: list[ShardRows] = []
    for (config, split), group in sorted(groups.items()):
        # An empty tar would leave one node of a training job without data, so few stimuli share one shard.
        count = shards if len(group) >= shards else 1
        for i in range(count):
            rows = np.array(group[i * len(group) // count : (i + 1) * len(group) // count], np.int64)
            plan.append(ShardRows(f"data/{config}/{split}-{i:05d}-of-{count:05d}", config, rows))
    return plan


def plan_file(stimuli: StimuliFile, shards: int) -> list[ShardRows]:
    """Divide the stimuli of a file."""
    return divide(stimuli.column("condition"), stimuli.column("split"), shards)


def plan_shards(stimuli: Iterable[Stimulus], shards: int) -> list[Shard]:
    """Divide stimuli that are in memory."""
    ordered = sorted(stimuli, key=lambda stimulus: stimulus.key)
    plan = divide([stimulus.condition for stimulus in ordered], [stimulus.split for stimulus in ordered], shards)
    return [planned.shard([ordered[row] for row in planned.rows]) for planned in plan]


def renamed(path: str, config: str, stimuli: Sequence[Stimulus]) -> Shard:
    """Return the shard that replaces the one at ``path`` when its stimuli have become ``stimuli``."""
    start = _NAME.match(path)
    return Shard(_named(start[0] if start else path.removesuffix(".tar"), stimuli), config, stimuli)


def _named(start: str, stimuli: Iterable[Stimulus]) -> str:
    """Return a path that changes with the content.

    mlcroissant identifies what it unpacked only by the path, so shards of two datasets or versions must not share one.
    The `json` member contains the hashes of the two others, so its bytes determine those of the whole tar.
    """
    content = hashlib.sha256()
    for stimulus in stimuli:
        content.update(stimulus_json(stimulus))
    return f"{start}-{content.hexdigest()[:16]}.tar"


class WriteShards(PipelineStep):
    """Write every world_size-th shard of the plan, and its part of the index; finished shards are skipped."""

    name = "write shards"
    type = "package"

    def __init__(
        self, stimuli: Path, streams: Path, clips: Path, staging: Path, progress: Path, shards: int, threads: int
    ) -> None:
        super().__init__()
        self.stimuli = stimuli
        self.streams = streams
        self.clips = clips
        self.staging = staging
        self.progress = progress
        self.shards = shards
        self.threads = threads

    def run(self, data: Iterable[Document] | None, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Write this task's shards."""
        stimuli = StimuliFile(self.stimuli)
        read = normalised_members(self.clips, self.streams)

        def write(planned: ShardRows) -> int:
            part = index_part(self.staging, planned)
            if not (part.is_file() and (self.staging / part_path(part)).is_file()):
                shard = planned.shard(stimuli.take(planned.rows))
                _write_part(part, shard.path, write_shard(self.staging / shard.path, shard, read))
            return len(planned.rows)

        progress = Progress(self.progress, rank)
        # Threads, not processes: hashing and writing release the interpreter's lock, and a stream verified by one
        # thread need not be hashed again by the others.
        with ThreadPoolExecutor(self.threads) as pool:
            for count in pool.map(write, plan_file(stimuli, self.shards)[rank::world_size]):
                progress.advance(count)
        progress.note()
        yield from ()


@dataclass(frozen=True)
class WrittenShard:
    """What is known about a tar once it is written.

    Attributes:
        sha256: of the whole file.
        entries: positions of its members.
    """

    sha256: str
    entries: list[IndexEntry]


def index_part(staging: Path, planned: ShardRows) -> Path:
    """Return where the index of one shard is kept until the whole index is written."""
    return staging / ".index" / f"{planned.start.replace('/', '_')}.parquet"


def part_path(part: Path) -> str:
    """Return the path of the shard that ``part`` is the index of."""
    return str(pq.read_schema(part).metadata[_TAR_PATH].decode())


def read_part(part: Path) -> tuple[str, str, pa.Table]:
    """Return the path of a shard, its SHA-256, and its index."""
    table = pq.read_table(part)
    named = table.schema.metadata
    return named[_TAR_PATH].decode(), named[_TAR_HASH].decode(), table.replace_schema_metadata(None)


def _write_part(part: Path, path: str, written: WrittenShard) -> None:
    named = {_TAR_HASH: written.sha256, _TAR_PATH: path}
    table = to_table(IndexEntry, written.entries).replace_schema_metadata(named)
    with atomic_path(part) as temporary:
        pq.write_table(table, temporary)


def write_shard(path: Path, shard: Shard, read: Callable[[Stimulus, str], bytes]) -> WrittenShard:
    """Write one tar atomically, hashing it on the way.

    Args:
        path: the tar.
        shard: its contents.
        read: returns a member of a stimulus by its kind, with the hash checked.
    """
    entries: list[IndexEntry] = []
    whole, offset = hashlib.sha256(), 0
    with atomic_path(path) as temporary, open(temporary, "wb", buffering=0) as tar:
        for stimulus in shard.stimuli:
            for member in MEMBERS:
                content = read(stimulus, member)
                header = _tar_info(f"{stimulus.key}.{member}", len(content)).tobuf(tarfile.USTAR_FORMAT)
                padding = bytes(-len(content) % tarfile.BLOCKSIZE)
                _write(tar, whole, header, content, padding)
                entries.append(
                    IndexEntry(
                        key=stimulus.key,
                        member=member,
                        shard=shard.path,
                        offset=offset + len(header),
                        size=len(content),
                        sha256=known_hash(stimulus, member) or sha256_bytes(content),
                    )
                )
                offset += len(header) + len(content) + len(padding)
        end = 2 * tarfile.BLOCKSIZE
        _write(tar, whole, bytes(end + -(offset + end) % tarfile.RECORDSIZE))
    return WrittenShard(whole.hexdigest(), entries)


def _write(file: FileIO, whole: "hashlib._Hash", *parts: bytes) -> None:
    for part in parts:
        left = memoryview(part)
        while left:
            left = left[file.write(left) :]
        whole.update(part)


def known_hash(stimulus: Stimulus, member: str) -> str | None:
    """Return the hash that every reader checks, so that no byte is hashed twice; None for the `json` member."""
    return {"mp4": stimulus.video.sha256, "flac": stimulus.audio.sha256}.get(member)


def normalised_members(clips: Path, streams: Path) -> Callable[[Stimulus, str], bytes]:
    """Return a reader of normalised ``clips`` and generated ``streams``; it raises MMABenchError if one changed."""
    verified = _Streams(clips, streams)

    def read(stimulus: Stimulus, member: str) -> bytes:
        if member == "json":
            return stimulus_json(stimulus)
        return verified.read(stimulus.key, stimulus.video if member == "mp4" else stimulus.audio, member)

    return read


def stimulus_json(stimulus: Stimulus) -> bytes:
    """Return the `json` member."""
    return stimulus.model_dump_json().encode("utf-8")


def _tar_info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)  # time, owner and group stay 0: same content, same bytes
    info.size = size
    info.mode = 0o644
    return info


class _Streams:
    """Streams of clips and generated streams, each hashed when first read, and again if its file has changed since."""

    def __init__(self, clips: Path, streams: Path) -> None:
        self._clips = clips
        self._generated = generated_files(streams)
        self._graded = graded_files(graded_folder(streams))
        self._verified: dict[Path, tuple[str, int, int, int]] = {}

    def read(self, key: str, stream: Stream, suffix: str) -> bytes:
        """Return the bytes of ``stream``, or raise MMABenchError if they are not those that its hash names."""
        path = self._find(stream, suffix)
        try:
            if path is None:
                raise FileNotFoundError
            with open(path, "rb", buffering=0) as file:
                state = os.fstat(file.fileno())
                content = file.read()
        except OSError:
            raise _changed(key, stream, suffix) from None
        known = (stream.sha256, state.st_ino, state.st_size, state.st_mtime_ns)
        if self._verified.get(path) != known or len(content) != state.st_size:
            if sha256_bytes(content) != stream.sha256:
                raise _changed(key, stream, suffix)
            self._verified[path] = known
        return content

    def _find(self, stream: Stream, suffix: str) -> Path | None:
        if stream.origin == "clip" and stream.clip_id is not None:
            return clip_file(self._clips, stream.clip_id, suffix)
        if stream.clip_id is None:
            return self._generated.get(stream.sha256)
        return self._graded.get(stream.sha256)


def _changed(key: str, stream: Stream, suffix: str) -> MMABenchError:
    return MMABenchError(
        f"{key}: its {suffix} stream changed or vanished since it was made; delete the work folder's "
        f"{'normalise' if stream.origin == 'clip' else 'assemble'}/finished.json and run the build again"
    )
