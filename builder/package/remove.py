"""Remove clips from a finished dataset: only the shards that contain them are rewritten."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from builder.package.contents import PublishedContents, read_contents, write_contents, write_table
from builder.package.replace import replaced
from builder.package.shards import Shard, known_hash, plan_shards, renamed, write_shard
from mma_bench.dataset.layout import config_of
from mma_bench.dataset.records import read_records
from mma_bench.dataset.removed import RemovedIds, check_id
from mma_bench.dataset.shards import ShardFile
from mma_bench.errors import MMABenchError
from mma_bench.files.hashing import sha256_bytes, sha256_json
from mma_bench.schema import IndexEntry, Stimulus


@dataclass(frozen=True)
class Removal:
    """Result of a removal.

    Attributes:
        clips: ids of the clips.
        stimuli: keys of the stimuli that contained them.
        rewritten: rewritten shards, relative to the dataset's folder.
        deleted: shards without a successor, because one was empty and the others were redistributed.
    """

    clips: list[str]
    stimuli: list[str]
    rewritten: list[str]
    deleted: list[str]


def remove_clips(data: Path, names: Sequence[str]) -> Removal:
    """Remove clips from the dataset in ``data`` and add their ids to its list of removed ids.

    The change is made in a folder next to it, which then replaces it: a kill leaves the dataset unchanged.

    Args:
        data: folder of the dataset.
        names: ids of clips, or YouTube ids for all segments of a video.

    Raises:
        MMABenchError: ``data`` is not a dataset, contains no such clip, or would be empty without them.
    """
    before = read_contents(data)
    asked = RemovedIds(frozenset(check_id(name) for name in names))
    gone = [clip.clip_id for clip in before.clips if clip.clip_id in asked]
    if absent := [name for name in names if not any(clip in RemovedIds(frozenset({name})) for clip in gone)]:
        raise MMABenchError(f"{data} does not contain clip {absent[0]!r}; metadata/clips.parquet lists its clips")
    after = _without(before, gone, asked)
    if not after.stimuli:
        raise MMABenchError(f"nothing would be left of {data}; delete the folder instead")
    # The mark belongs to no build, so that a later build does not mistake this folder for its own result.
    with replaced(data, sha256_json(["removed", sorted(after.removed.ids)])) as staging:
        rewritten, deleted = ([], []) if after.ids_only else _rewrite_shards(data, staging, before, after)
        write_contents(staging, after)
    kept = {stimulus.key for stimulus in after.stimuli}
    return Removal(gone, [s.key for s in before.stimuli if s.key not in kept], rewritten, deleted)


def _without(before: PublishedContents, gone: Sequence[str], asked: RemovedIds) -> PublishedContents:
    clips = [clip for clip in before.clips if clip.clip_id not in gone]
    stage: dict[str, Any] = {"stage": "remove", "in": len(before.clips), "kept": len(clips)}
    funnel = [*before.funnel, {**stage, "dropped": {"on_request": len(gone)}}]
    stimuli = [stimulus for stimulus in before.stimuli if not asked.cover(stimulus)]
    references = [reference for reference in before.references if reference.clip_id not in gone]
    return replace(
        before,
        clips=clips,
        stimuli=stimuli,
        funnel=funnel,
        removed=before.removed | asked,
        references=references,
        shortcuts=(),  # they were about other questions
    )


def _rewrite_shards(
    data: Path, staging: Path, before: PublishedContents, after: PublishedContents
) -> tuple[list[str], list[str]]:
    """Write the shards and indexes that change; return the shards written and those deleted."""
    kept = {stimulus.key: stimulus for stimulus in after.stimuli}
    rewritten: list[str] = []
    deleted: list[str] = []
    for config in sorted({config_of(s) for s in before.stimuli if s.key not in kept}):
        where = f"index/{config}.parquet"
        old = read_records(data, where, IndexEntry)
        plan, cut_again = _plan(config, old, kept, before.settings.shards)
        read = _reader(data, old)
        by_shard: dict[str, list[IndexEntry]] = {}
        for entry in old:
            by_shard.setdefault(entry.shard, []).append(entry)
        entries: list[IndexEntry] = []
        for shard in plan:
            if shard.path in by_shard:  # its name contains the hash of its content
                entries += by_shard[shard.path]
                continue
            entries += write_shard(staging / shard.path, shard, read).entries
            rewritten.append(shard.path)
        for path in sorted(by_shard.keys() - {shard.path for shard in plan}):
            (staging / path).unlink()
            if cut_again:
                deleted.append(path)
        if entries:
            write_table(staging / where, IndexEntry, entries)
        else:
            (staging / where).unlink()
            (staging / "data" / config).rmdir()
    return rewritten, deleted


def _plan(config: str, index: Sequence[IndexEntry], kept: dict[str, Stimulus], shards: int) -> tuple[list[Shard], bool]:
    """Return the remaining shards of ``config``, and whether all were redistributed because one would be empty."""
    keys: dict[str, dict[str, None]] = {}
    for entry in index:
        keys.setdefault(entry.shard, {})[entry.key] = None
    content = {path: [kept[key] for key in members if key in kept] for path, members in keys.items()}
    if not all(content.values()):
        return plan_shards([stimulus for stimuli in content.values() for stimulus in stimuli], shards), True
    plan = [
        Shard(path, config, stimuli) if len(stimuli) == len(keys[path]) else renamed(path, config, stimuli)
        for path, stimuli in content.items()
    ]
    return plan, False


def _reader(data: Path, index: Sequence[IndexEntry]) -> Callable[[Stimulus, str], bytes]:
    places: dict[tuple[str, str], IndexEntry] = {(entry.key, entry.member): entry for entry in index}

    def read(stimulus: Stimulus, member: str) -> bytes:
        entry = places.get((stimulus.key, member))
        try:
            if entry is None:
                raise ValueError("the index has no such member")
            with ShardFile(data, entry.shard) as shard:
                content = shard.read(entry.offset, entry.size)
            if sha256_bytes(content) != (known_hash(stimulus, member) or entry.sha256):
                raise ValueError("its hash is wrong")
        except (OSError, ValueError) as error:
            where = f"{data / (entry.shard if entry else '')}: {member} of {stimulus.key}"
            raise MMABenchError(f"{where}: {error}; `mma-bench verify-data` names all that is wrong") from error
        return content

    return read
