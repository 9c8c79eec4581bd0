"""Tars that are the same bytes on every run, and the index that says where each member lies."""

import io
import tarfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
from datatrove.data import Document
from datatrove.pipeline.base import PipelineStep

from builder.assemble.graded_streams import graded_file
from builder.assemble.step import read_stimuli
from builder.assemble.streams import generated_files, graded_folder
from builder.clip_step import write_progress
from mma_bench.atomic import atomic_path
from mma_bench.columns import to_table
from mma_bench.errors import MMABenchError
from mma_bench.hashing import sha256_bytes
from mma_bench.layout import MEMBERS, config_of
from mma_bench.schema import IndexEntry, Stimulus, Stream


@dataclass(frozen=True)
class Shard:
    """One tar to write."""

    path: str
    """Relative to the dataset's folder."""
    config: str
    stimuli: Sequence[Stimulus]


def plan_shards(stimuli: Iterable[Stimulus], shards: int) -> list[Shard]:
    """Cut the stimuli of each condition (and the training split) into shards of neighbouring keys."""
    groups: dict[tuple[str, str], list[Stimulus]] = defaultdict(list)
    for stimulus in sorted(stimuli, key=lambda stimulus: stimulus.key):
        groups[config_of(stimulus), stimulus.split].append(stimulus)
    plan: list[Shard] = []
    for (config, split), group in sorted(groups.items()):
        # An empty tar would make one node of a training job run dry, so few stimuli share one shard.
        count = shards if len(group) >= shards else 1
        for i in range(count):
            path = f"data/{config}/{split}-{i:05d}-of-{count:05d}.tar"
            plan.append(Shard(path, config, group[i * len(group) // count : (i + 1) * len(group) // count]))
    return plan


class WriteShards(PipelineStep):
    """Write every world_size-th shard of the plan, and its part of the index."""

    name = "write shards"
    type = "package"

    def __init__(self, stimuli: Path, streams: Path, clips: Path, staging: Path, progress: Path, shards: int) -> None:
        super().__init__()
        self.stimuli = stimuli
        self.streams = streams
        self.clips = clips
        self.staging = staging
        self.progress = progress
        self.shards = shards

    def run(self, data: Iterable[Document] | None, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Write this task's shards."""
        plan = plan_shards(read_stimuli(self.stimuli), self.shards)
        read = normalised_members(self.clips, self.streams)
        done = 0
        for shard in plan[rank::world_size]:
            entries = write_shard(self.staging / shard.path, shard, read)
            with atomic_path(index_part(self.staging, shard)) as part:
                pq.write_table(to_table(IndexEntry, entries), part)
            done += len(shard.stimuli)
            write_progress(self.progress, rank, done)
        yield from ()


def index_part(staging: Path, shard: Shard) -> Path:
    """Return where the index of one shard is kept until the whole index is written."""
    return staging / ".index" / f"{shard.path.replace('/', '_')}.parquet"


def write_shard(path: Path, shard: Shard, read: Callable[[Stimulus, str], bytes]) -> list[IndexEntry]:
    """Write one tar atomically and return where its members lie.

    Args:
        path: the tar.
        shard: what it holds.
        read: returns a member of a stimulus by its kind, with the hash checked.
    """
    entries: list[IndexEntry] = []
    with atomic_path(path) as temporary, tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as tar:
        for stimulus in shard.stimuli:
            for member in MEMBERS:
                content = read(stimulus, member)
                offset = tar.offset + tarfile.BLOCKSIZE
                tar.addfile(_tar_info(f"{stimulus.key}.{member}", len(content)), io.BytesIO(content))
                entries.append(
                    IndexEntry(
                        key=stimulus.key,
                        member=member,
                        shard=shard.path,
                        offset=offset,
                        size=len(content),
                        sha256=known_hash(stimulus, member) or sha256_bytes(content),
                    )
                )
    return entries


def known_hash(stimulus: Stimulus, member: str) -> str | None:
    """Return the hash that every reader checks, so that no byte is hashed twice; None for the `json` member."""
    return {"mp4": stimulus.video.sha256, "flac": stimulus.audio.sha256}.get(member)


def normalised_members(clips: Path, streams: Path) -> Callable[[Stimulus, str], bytes]:
    """Return a reader of normalised ``clips`` and of made ``streams``; it raises MMABenchError if one changed."""
    generated = generated_files(streams)

    def find(stream: Stream, member: str) -> Path | None:
        if stream.origin == "clip":
            return clips / f"{stream.clip_id}.{member}"
        if stream.clip_id is None:
            return generated.get(stream.sha256)
        return graded_file(graded_folder(streams), stream.sha256, member)

    def read(stimulus: Stimulus, member: str) -> bytes:
        if member == "json":
            return stimulus_json(stimulus)
        stream = stimulus.video if member == "mp4" else stimulus.audio
        return _read_stream(stimulus.key, stream, find(stream, member), member)

    return read


def stimulus_json(stimulus: Stimulus) -> bytes:
    """Return the `json` member."""
    return stimulus.model_dump_json().encode("utf-8")


def _tar_info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)  # time, owner and group stay 0: same content, same bytes
    info.size = size
    info.mode = 0o644
    return info


def _read_stream(key: str, stream: Stream, path: Path | None, suffix: str) -> bytes:
    try:
        content = path.read_bytes() if path else b""
    except OSError:
        content = b""
    if sha256_bytes(content) != stream.sha256:
        raise MMABenchError(
            f"{key}: its {suffix} stream changed or vanished since it was made; delete the work folder's "
            f"{'normalise' if stream.origin == 'clip' else 'assemble'}/finished.json and run the build again"
        )
    return content
