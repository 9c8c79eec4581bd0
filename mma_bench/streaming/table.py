"""What the shards of one configuration hold, as columns: the index joined with the table of stimuli."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mma_bench.errors import MMABenchError
from mma_bench.hashing import sha256_file
from mma_bench.removed import read_removed_ids
from mma_bench.schema import KEY_PATTERN

MEMBERS = ("mp4", "flac", "json")
MAX_MEMBER_BYTES = 256 << 20
"""No stream of a clip comes near it (ten seconds take about a megabyte); a larger one is an attack or a mistake."""

_SHARD = re.compile(r"data/[A-Za-z0-9_-]+/[A-Za-z0-9_-]+\.tar")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class ShardTable:
    """The samples of a configuration in the order of the shards. N samples, S shards.

    Arrays, not objects: worker processes share their pages, and a million samples take some 400 MB.

    Attributes:
        folder: the dataset's folder.
        fingerprint: SHA-256 of the index.
        shards: paths of the tars, relative to the folder.
        shard: [N] position in `shards`.
        keys: [N] ASCII.
        offsets: [N, 3] first byte of the `mp4`, `flac` and `json` member.
        sizes: [N, 3] bytes of each.
        hashes: [N, 3] SHA-256 of each, hexadecimal.
        seconds: [N, 2] length of the video and of the sound.
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
    path = folder / "index" / f"{config}.parquet"
    if config not in _configs(folder):
        training = "" if config != "train" else "; to train on test clips, name their configuration, such as 'aligned'"
        known = ", ".join(_configs(folder)) or "none: build or download it again"
        raise MMABenchError(f"{folder} has no configuration {config!r} (it has {known}){training}")
    entries = _entries(path)
    stimuli = _stimuli(folder, set(entries))
    if missing := sorted(entries.keys() - stimuli.keys()):
        raise MMABenchError(f"{path}: {missing[0]} is not in metadata/stimuli.parquet; build or download it again")
    rows = sorted(entries, key=lambda key: (entries[key]["mp4"]["shard"], entries[key]["mp4"]["offset"]))
    removed = read_removed_ids(folder)
    rows = [key for key in rows if not any(clip_id in removed for clip_id in _clips_of(stimuli[key]))]
    if not rows:
        raise MMABenchError(f"{folder}: configuration {config!r} holds no sample")
    return _columns(folder, sha256_file(path), rows, entries, stimuli)


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
        seconds=np.array([[stimuli[key][stream]["seconds"] for stream in ("video", "audio")] for key in rows]),
        labels=labels,
        video_label=np.array([label_number[stimuli[key]["video"]["label"]] for key in rows], np.int32),
        audio_label=np.array([label_number[stimuli[key]["audio"]["label"]] for key in rows], np.int32),
    )


def _entries(path: Path) -> dict[str, dict[str, Any]]:
    """Return for each key its three index entries, each checked: paths, sizes and hashes come from outside."""
    entries: dict[str, dict[str, Any]] = {}
    for row in _read(path, ["key", "member", "shard", "offset", "size", "sha256"]):
        key, shard = str(row["key"]), str(row["shard"])
        sound = (
            re.fullmatch(KEY_PATTERN, key)
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
                f"{path}: the entry of {key[:100]!r} in {shard[:100]!r} is no entry of an index (member, path, size "
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
    path = folder / "metadata" / "stimuli.parquet"
    return {row["key"]: row for row in _read(path, ["key", "video", "audio"]) if row["key"] in keys}


def _read(path: Path, columns: list[str]) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = pq.read_table(path, columns=columns).to_pylist()
        if rows and sorted(rows[0]) != sorted(columns):
            raise ValueError(f"it has no columns {', '.join(sorted(set(columns) - set(rows[0])))}")
    except (OSError, ValueError) as error:
        raise MMABenchError(f"{path} cannot be read ({error}); build or download the dataset again") from error
    return rows
