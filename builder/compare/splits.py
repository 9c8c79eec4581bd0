"""Decide which clips to drop because of what they share with others."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from builder.compare.search import Match
from builder.compare.settings import CompareSettings
from builder.manifest import Copies, ManifestRow


@dataclass
class EqualStreams:
    """Which clips have the same stream, of one kind.

    Clips with identical bytes form groups; matches connect groups. A group is its own neighbour.

    Attributes:
        group: number of the group of each clip.
        neighbours: for each group, the groups with the same recording.
        members: for each group, its clips by position.
    """

    group: dict[int, int] = field(default_factory=dict)
    neighbours: list[set[int]] = field(default_factory=list)
    members: list[list[int]] = field(default_factory=list)

    @classmethod
    def of(cls, hashes: Sequence[str | None]) -> "EqualStreams":
        """Group the clips by the hash of their bytes."""
        streams, groups = cls(), dict[str | None, int]()
        for clip, value in enumerate(hashes):
            number = groups.setdefault(value, len(groups))
            if number == len(streams.members):
                streams.members.append([])
                streams.neighbours.append({number})
            streams.members[number].append(clip)
            streams.group[clip] = number
        return streams

    @property
    def firsts(self) -> list[int]:
        """The first clip of each group: the one that is searched for."""
        return [clips[0] for clips in self.members]

    def connect(self, matches: Iterable[Match]) -> None:
        """Record the matches between groups, found in the list `firsts`."""
        for match in matches:
            self.neighbours[match.first].add(match.second)
            self.neighbours[match.second].add(match.first)

    def around(self, clip: int) -> set[int]:
        """Return the groups with the recording of ``clip``."""
        return self.neighbours[self.group[clip]]

    def others(self, clip: int) -> int:
        """Return how many other clips have the recording of ``clip``."""
        return sum(len(self.members[group]) for group in self.around(clip)) - 1


def separate(
    rows: Sequence[ManifestRow],
    videos: EqualStreams,
    sounds: EqualStreams,
    official_ids: frozenset[str],
    settings: CompareSettings,
    stage: str,
) -> list[ManifestRow]:
    """Return ``rows``, all kept so far, with shared streams recorded and leaks and duplicates dropped.

    Test clips are never dropped for a training clip: of two matching clips in different splits, the training clip is
    dropped. Within a split, only clips that share both streams are duplicates: the benchmark intentionally pairs one
    video with several audio streams.
    """
    leaks = _Leaks(rows, videos, sounds, official_ids)
    pairs: defaultdict[tuple[str, int, int], list[int]] = defaultdict(list)
    for clip, row in enumerate(rows):
        pairs[row.split, videos.group[clip], sounds.group[clip]].append(clip)
    taken: dict[tuple[str, int, int], int] = {}
    results = []
    for clip, row in enumerate(rows):
        around = [(row.split, video, sound) for video in videos.around(clip) for sound in sounds.around(clip)]
        result = row.changed(
            copies=Copies(
                same_video=videos.others(clip),
                same_sound=sounds.others(clip),
                duplicates=sum(len(pairs.get(pair, ())) for pair in around) - 1,
            )
        )
        leak = leaks.of(clip, settings) if row.split == "train" else None
        earlier = min((taken[pair] for pair in around if pair in taken), default=None)
        if leak:
            result = result.drop(stage, *leak)
        elif settings.drop_within_split and earlier is not None:
            detail = f"the video and the sound of {rows[earlier].clip_id}"
            result = result.drop(stage, "duplicate_clip", detail)
        else:
            taken.setdefault((row.split, videos.group[clip], sounds.group[clip]), clip)
        results.append(result)
    return results


class _Leaks:
    """What a training clip reveals about the test split or the published clips."""

    def __init__(
        self,
        rows: Sequence[ManifestRow],
        videos: EqualStreams,
        sounds: EqualStreams,
        official_ids: frozenset[str],
    ) -> None:
        self._rows = rows
        self._streams = {"video": videos, "sound": sounds}
        self._official_ids = official_ids
        test = [clip for clip, row in enumerate(rows) if row.split == "test"]
        self._ids = {rows[clip].youtube_id: clip for clip in reversed(test) if rows[clip].youtube_id}
        self._groups = {
            name: {streams.group[clip]: clip for clip in reversed(test)} for name, streams in self._streams.items()
        }

    def of(self, clip: int, settings: CompareSettings) -> tuple[str, str] | None:
        """Return (reason, detail) if the training clip at position ``clip`` must be dropped."""
        row = self._rows[clip]
        if settings.drop_official and row.youtube_id in self._official_ids:
            return "official_clip", f"YouTube's {row.youtube_id} is a clip of the published benchmark"
        if not settings.drop_leaks:
            return None
        if row.youtube_id in self._ids:
            return "youtube_id_in_test", f"YouTube's {row.youtube_id} is in the test split"
        for name, streams in self._streams.items():
            tests = [self._groups[name][group] for group in streams.around(clip) if group in self._groups[name]]
            if tests:
                return f"{name}_in_test", f"the {name} of the test clip {self._rows[min(tests)].clip_id}"
        return None
