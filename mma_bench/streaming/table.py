"""The contents of the shards of one configuration, as columns: the index joined with the table of stimuli."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mma_bench.dataset.removed import read_removed_ids
from mma_bench.errors import MMABenchError
from mma_bench.files.hashing import sha256_bytes
from mma_bench.files.regular import read_inside
from mma_bench.files.tables import MAX_TABLE_BYTES, read_parquet
from mma_bench.schema import KEY_PATTERN, MAX_MEMBER_BYTES, MAX_SECONDS, MEMBERS, SHA256_PATTERN, SHARD_PATTERN

_STIMULI = "metadata/stimuli.parquet"
_KEY, _SHARD, _SHA256 = re.compile(KEY_PATTERN), re.compile(SHARD_PATTERN), re.compile(SHA256_PATTERN)


@dataclass(frozen=True)
class ShardTable:
    """The samples of a configuration in the order of the shards. N samples, S shards.

    Arrays, not objects: worker processes share their pages, and a million samples take about 400 MB.

    Attributes:
        folder: the dataset's folder.
        fingerprint: SHA-256 of the index.
        shards: paths of the tars, relative to the folder.
        shard: [N] position in `shards`.
        keys: [N] ASCII.
        offsets: [N, 3] first byte of each member, in the order of `mma_bench.schema.MEMBERS`.
        sizes: [N, 3] bytes of each.
        hashes: [N, 3] SHA-256 of each, hexadecimal.
        seconds: [N, 3] length of each member; 0 for `json`.
        labels: names of the classes.
        video_label: [N] position in `labels`, -1 for black frames.
        audio_label: [N] position in `labels`, -1 for silence.
    """

    folder: Path
    fingerprint: str
    shards: Sequence[str]
    shard: NDArray[np.int32]
    keys: NDArray[np.bytes_]
    offsets: NDArray[np.int64]
    sizes: NDArray[np.int64]
    hashes: NDArray[np.bytes_]
    seconds: NDArray[np.float64]
    labels: Sequence[str]
    video_label: NDArray[np.int32]
    audio_label: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.keys)

    def key(self, row: int) -> str:
        """Return the key of a sample."""
        return bytes(self.keys[row]).decode()

    def path(self, shard: int) -> Path:
        """Return where a shard lies."""
        return self.folder / self.shards[shard]

    def label(self, column: NDArray[np.int32], row: int) -> str | None:
        """Return the name behind a number of `video_label` or `audio_label`."""
        return self.labels[column[row]] if column[row] >= 0 else None


def read_table(folder: Path, config: str) -> ShardTable:
    """Read the samples of one configuration, in the order of the shards.

    Raises:
        MMABenchError: there is no such configuration, or its index or metadata are damaged or hostile.
    """
    name = f"index/{config}.parquet"
    path = folder / name
    if config not in _configs(folder):
        training = "" if config != "train" else "; to train on test clips, name their configuration, such as 'aligned'"
        known = ", ".join(_configs(folder)) or "none: build or download it again"
        raise MMABenchError(f"{folder} has no configuration {config!r} (it has {known}){training}")
    entries = _entries(folder, name)
    stimuli = _stimuli(folder, set(entries))
    if missing := sorted(entries.keys() - stimuli.keys()):
        raise MMABenchError(f"{path}: {missing[0]} is not in metadata/stimuli.parquet; build or download it again")
    rows = sorted(entries, key=lambda key: (entries[key]["mp4"]["shard"], entries[key]["mp4"]["offset"]))
    removed = read_removed_ids(folder)
    rows = [key for key in rows if not any(clip_id in removed for clip_id in _clips_of(stimuli[key]))]
    if not rows:
        raise MMABenchError(f"{folder}: configuration {config!r} contains no samples")
    return _columns(folder, sha256_bytes(read_inside(folder, name, MAX_TABLE_BYTES)), rows, entries, stimuli)


def _clips_of(stimulus: dict[str, Any]) -> list[str | None]:
    streams = (stimulus["video"], stimulus["audio"])
    return [stream.get(name) for stream in streams for name in ("clip_id", "donor_clip_id")]


def _configs(folder: Path) -> list[str]:
    return sorted(path.stem for path in (folder / "index").glob("*.parquet"))


def _columns(
    folder: Path, fingerprint: str, rows: list[str], entries: dict[str, dict[str, Any]], stimuli: dict[str, Any]
) -> ShardTable:
    found = [[entries[key][member] for member in MEMBERS] for key in rows]
    shards = sorted({members[0]["shard"] for members in found})
    number = {shard: i for i, shard in enumerate(shards)}
    names = {stimuli[key][stream]["label"] for key in rows for stream in ("video", "audio")}
    labels = sorted(names - {None})
    label_number = {None: -1} | {label: i for i, label in enumerate(labels)}
    return ShardTable(
        folder=folder,
        fingerprint=fingerprint,
        shards=shards,
        shard=np.array([number[members[0]["shard"]] for members in found], np.int32),
        keys=np.array(rows, np.bytes_),
        offsets=np.array([[entry["offset"] for entry in members] for members in found], np.int64),
        sizes=np.array([[entry["size"] for entry in members] for members in found], np.int64),
        hashes=np.array([[entry["sha256"] for entry in members] for members in found], np.bytes_),
        seconds=_seconds(folder, rows, stimuli),
        labels=labels,
        video_label=np.array([label_number[stimuli[key]["video"]["label"]] for key in rows], np.int32),
        audio_label=np.array([label_number[stimuli[key]["audio"]["label"]] for key in rows], np.int32),
    )


def _seconds(folder: Path, rows: list[str], stimuli: dict[str, Any]) -> NDArray[np.float64]:
    streams = {"flac": "audio", "mp4": "video"}
    found = [[stimuli[key][streams[name]]["seconds"] if name in streams else 0.0 for name in MEMBERS] for key in rows]
    seconds = np.array(found, np.float64)
    if not (bounded := (seconds >= 0) & (seconds <= MAX_SECONDS)).all():  # neither is true for NaN
        key = rows[int(np.argmin(bounded.all(axis=1)))]
        raise MMABenchError(
            f"{folder / _STIMULI}: a stream of {key} is not 0 to {MAX_SECONDS:g} s long; do not trust this dataset"
        )
    return seconds


def _entries(folder: Path, name: str) -> dict[str, dict[str, Any]]:
    """Return for each key its three index entries, each checked: paths, sizes and hashes come from outside."""
    path = folder / name
    entries: dict[str, dict[str, Any]] = {}
    for row in _read(folder, name, ["key", "member", "shard", "offset", "size", "sha256"]):
        key, shard = str(row["key"]), str(row["shard"])
        sound = (
            _KEY.fullmatch(key)
            and row["member"] in MEMBERS
            and _SHARD.fullmatch(shard)
            and isinstance(row["offset"], int)
            and isinstance(row["size"], int)
            and 0 <= row["size"] <= MAX_MEMBER_BYTES
            and 0 <= row["offset"] < 1 << 60
            and _SHA256.fullmatch(str(row["sha256"]))
        )
        if not sound:
            raise MMABenchError(
                f"{path}: the entry of {key[:100]!r} in {shard[:100]!r} is not a valid index entry (member, path, size "
                "or hash); do not trust this dataset"
            )
        if entries.setdefault(key, {}).setdefault(row["member"], row) is not row:
            raise MMABenchError(f"{path}: {key}.{row['member']} is listed twice; build or download the dataset again")
    for key, members in entries.items():
        if len(members) != len(MEMBERS) or len({entry["shard"] for entry in members.values()}) != 1:
            raise MMABenchError(f"{path}: {key} must have {', '.join(MEMBERS)} in one shard; download it again")
    return entries


def _stimuli(folder: Path, keys: set[str]) -> dict[str, Any]:
    """Return streams of each stimulus, without the questions: in a test split their noise takes 99% of the table."""
    return {row["key"]: row for row in _read(folder, _STIMULI, ["key", "video", "audio"]) if row["key"] in keys}


def _read(folder: Path, name: str, columns: list[str]) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = read_parquet(folder, name, columns=columns).to_pylist()
        if rows and sorted(rows[0]) != sorted(columns):
            raise ValueError(f"it has no columns {', '.join(sorted(set(columns) - set(rows[0])))}")
    except (OSError, ValueError) as error:
        raise MMABenchError(f"{folder / name} cannot be read ({error}); build or download it again") from error
    return rows
