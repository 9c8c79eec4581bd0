"""Decide which clips to drop because of what they share with others."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np
import pyarrow as pa

from builder.compare.search import Match
from builder.compare.settings import CompareSettings
from builder.manifest import Copies, ManifestRow

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass
class EqualStreams:
    """Which clips have the same stream, of one kind.

    Clips with identical bytes form groups; matches connect groups. A group is its own neighbour.

    Attributes:
        group: number of the group of each clip, in the order in which the groups first occur, shape [clips].
        firsts: the first clip of each group: the one that is searched for, shape [groups].
        sizes: number of clips of each group, shape [groups].
        matched: for each group that matches others, these groups.
    """

    group: "NDArray[np.int32]"
    firsts: "NDArray[np.int64]"
    sizes: "NDArray[np.int64]"
    matched: dict[int, set[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, hashes: pa.Array) -> Self:
        """Group the clips by the hash of their bytes."""
        group = hashes.dictionary_encode().indices.to_numpy().astype(np.int32)
        _, firsts, sizes = np.unique(group, return_index=True, return_counts=True)
        return cls(group, firsts, sizes)

    def connect(self, matches: Iterable[Match]) -> None:
        """Record the matches between groups, found in the list `firsts`."""
        for match in matches:
            self.matched.setdefault(match.first, {match.first}).add(match.second)
            self.matched.setdefault(match.second, {match.second}).add(match.first)

    def around(self, clip: int) -> set[int]:
        """Return the groups with the recording of ``clip``."""
        group = int(self.group[clip])
        return self.matched.get(group, {group})

    def others(self, clip: int) -> int:
        """Return how many other clips have the recording of ``clip``."""
        return sum(int(self.sizes[group]) for group in self.around(clip)) - 1

    def copies(self) -> Iterator[tuple[int, int]]:
        """Yield (first clip of a group, another clip of it) for groups of several clips, in their order."""
        order = np.argsort(self.group, kind="stable")
        for clip in order[np.isin(self.group[order], np.flatnonzero(self.sizes > 1))].tolist():
            first = int(self.firsts[self.group[clip]])
            if clip != first:
                yield first, clip


@dataclass(frozen=True)
class Compared:
    """The kept clips of a manifest, by columns.

    Attributes:
        clip_ids: shape [clips].
        splits: shape [clips].
        youtube_ids: shape [clips]; null where there is none.
        videos: which of them share a video.
        sounds: which of them share an audio stream.
    """

    clip_ids: pa.Array
    splits: pa.Array
    youtube_ids: pa.Array
    videos: EqualStreams
    sounds: EqualStreams


def separate(
    rows: Iterable[ManifestRow], found: Compared, official_ids: frozenset[str], settings: CompareSettings, stage: str
) -> Iterator[ManifestRow]:
    """Yield ``rows``, those of ``found``, with shared streams recorded and leaks and duplicates dropped.

    Test clips are never dropped for a training clip: of two matching clips in different splits, the training clip is
    dropped. Within a split, only clips that share both streams are duplicates: the benchmark intentionally pairs one
    video with several audio streams.
    """
    videos, sounds = found.videos, found.sounds
    leaks = _Leaks(found, official_ids)
    shared = _shared(videos) & _shared(sounds)  # only these can be duplicates: most clips share nothing
    splits = found.splits.to_pylist() if shared.any() else []
    pairs: defaultdict[tuple[str, int, int], int] = defaultdict(int)
    for clip in np.flatnonzero(shared).tolist():
        pairs[splits[clip], int(videos.group[clip]), int(sounds.group[clip])] += 1
    taken: dict[tuple[str, int, int], int] = {}
    for clip, row in enumerate(rows):
        around, duplicates = [], 0
        if shared[clip]:
            around = [(row.split, video, sound) for video in videos.around(clip) for sound in sounds.around(clip)]
            duplicates = sum(pairs.get(pair, 0) for pair in around) - 1
        same_video, same_sound = videos.others(clip), sounds.others(clip)
        copies = Copies(same_video=same_video, same_sound=same_sound, duplicates=duplicates)
        result = row.changed(copies=copies)
        leak = leaks.of(clip, row, settings) if row.split == "train" else None
        earlier = min((taken[pair] for pair in around if pair in taken), default=None)
        if leak:
            result = result.drop(stage, *leak)
        elif settings.drop_within_split and earlier is not None:
            detail = f"the video and the sound of {found.clip_ids[earlier]}"
            result = result.drop(stage, "duplicate_clip", detail)
        elif shared[clip]:
            taken.setdefault((row.split, int(videos.group[clip]), int(sounds.group[clip])), clip)
        yield result


def _shared(streams: EqualStreams) -> "NDArray[np.bool_]":
    """Return which clips share their stream with another."""
    several = streams.sizes > 1
    several[list(streams.matched)] = True
    shared: NDArray[np.bool_] = several[streams.group]
    return shared


class _Leaks:
    """What a training clip reveals about the test split or the published clips."""

    def __init__(self, found: Compared, official_ids: frozenset[str]) -> None:
        self._found = found
        self._streams = {"video": found.videos, "sound": found.sounds}
        self._official_ids = official_ids
        test = np.flatnonzero(np.array(found.splits.to_pylist(), dtype=object) == "test")[::-1]
        self._ids = set(found.youtube_ids.take(pa.array(test)).drop_null().to_pylist())
        self._groups = {
            name: dict(zip(streams.group[test].tolist(), test.tolist(), strict=True))
            for name, streams in self._streams.items()
        }

    def of(self, clip: int, row: ManifestRow, settings: CompareSettings) -> tuple[str, str] | None:
        """Return (reason, detail) if the training clip at position ``clip`` must be dropped."""
        if settings.drop_official and row.youtube_id in self._official_ids:
            return "official_clip", f"YouTube's {row.youtube_id} is a clip of the published benchmark"
        if not settings.drop_leaks:
            return None
        if row.youtube_id in self._ids:
            return "youtube_id_in_test", f"YouTube's {row.youtube_id} is in the test split"
        for name, streams in self._streams.items():
            tests = [self._groups[name][group] for group in streams.around(clip) if group in self._groups[name]]
            if tests:
                return f"{name}_in_test", f"the {name} of the test clip {self._found.clip_ids[min(tests)]}"
        return None
