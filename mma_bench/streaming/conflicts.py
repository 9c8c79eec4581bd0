"""Conflicts made while streaming: conditions (`mma_bench.conditions`) as choices of rows, and the share of each."""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from mma_bench.conditions import MEDIA, TEXT, MediaChoice, Noise, Shared, TextCondition
from mma_bench.errors import MMABenchError, unknown
from mma_bench.schema import Question

if TYPE_CHECKING:
    from mma_bench.streaming.table import ShardTable

Shares = Mapping[str, float]
"""Share of the samples that get each condition; the others stay as they are stored."""

Schedule = Shares | Sequence[tuple[float, Shares]]
"""Constant shares, or (epoch, shares) points between which shares are interpolated."""

_TRIES = 16


@dataclass(frozen=True)
class Choice:
    """Which streams a sample is made of.

    Attributes:
        row: the stored sample, which asks the question.
        video: sample that lends its video, none for black frames.
        audio: sample that lends its audio, none for silence.
        condition: none if the sample stays as it is stored.
    """

    row: int
    video: int | None
    audio: int | None
    condition: str | None = None


@dataclass(frozen=True)
class Surroundings:
    """What a conflict may draw on.

    Attributes:
        table: the samples.
        window: rows in the shuffle buffer.
        reach: all rows that this process reads in this epoch, should the buffer hold one class only.
        generator: one for each sample and epoch, so that other samples do not disturb it.
    """

    table: "ShardTable"
    window: Sequence[int]
    reach: Sequence[int]
    generator: random.Random

    def donor(self, row: int) -> int | None:
        """Return a row whose audio is of another class than the video of ``row`` and has other bytes."""
        for rows in (self.window, self.reach):
            drawn = (rows[self.generator.randrange(len(rows))] for _ in range(_TRIES if rows else 0))
            if (donor := self._first(row, drawn)) is not None:
                return donor
            start = self.generator.randrange(len(rows)) if rows else 0
            if (donor := self._first(row, (*rows[start:], *rows[:start]))) is not None:
                return donor
        return None

    def _first(self, row: int, candidates: Iterable[int]) -> int | None:
        table = self.table
        for other in candidates:
            label = table.audio_label[other]
            if label >= 0 and label != table.video_label[row] and table.hashes[other, 1] != table.hashes[row, 1]:
                return int(other)
        return None


MediaConflict = Callable[[Choice, Surroundings], Choice | None]
"""Returns other streams, or none if the sample has no part in the conflict: then it stays as it is stored."""

TextConflict = Callable[[Question, tuple[str | None, str | None], random.Random], Question]
"""Returns the question with another text, given the classes of video and audio."""


@dataclass(frozen=True)
class _Draw:
    """What a text condition draws in training: other text each epoch, up to the ten thousand letters of the paper."""

    generator: random.Random
    avoid_near_synonyms: bool = False

    def noise(self) -> Noise:
        return Noise(letters=self.generator.randint(1, 10_000))

    def seed(self) -> str:
        return str(self.generator.random())


def _chosen(choose: MediaChoice) -> MediaConflict:
    """Return a media condition as the stream asks for it: a choice of rows."""

    def conflict(choice: Choice, around: Surroundings) -> Choice | None:
        table, row = around.table, choice.row
        streams = choose((table.label(table.video_label, row), table.label(table.audio_label, row)))
        if streams is None:
            return None
        donor = around.donor(row) if "donor" in (streams.video, streams.audio) else None
        rows = {"own": row, "donor": donor, "none": None}
        video, audio = rows[streams.video], rows[streams.audio]
        if donor is None and "donor" in (streams.video, streams.audio):
            return None
        seen = video is not None and table.video_label[video] >= 0
        heard = audio is not None and table.audio_label[audio] >= 0
        return replace(choice, video=video, audio=audio) if seen or heard else None

    return conflict


def _worded(text: TextCondition) -> TextConflict:
    """Return a text condition as the stream asks for it."""
    return lambda question, labels, generator: text.worded(question, labels, _Draw(generator))


MEDIA_CONFLICTS: Mapping[str, MediaConflict] = Shared(MEDIA, _chosen, without=("aligned",))  # it stays as it is stored
TEXT_CONFLICTS: Mapping[str, TextConflict] = Shared(TEXT, _worded)


def known_conflicts() -> list[str]:
    """Return the names of all conflicts."""
    return [*MEDIA_CONFLICTS, *TEXT_CONFLICTS]


def check_schedule(schedule: Schedule | None) -> list[tuple[float, dict[str, float]]]:
    """Return ``schedule`` as points in the order of their epochs.

    Raises:
        MMABenchError: a condition is unknown, or the shares of a point are no shares.
    """
    if not schedule:
        return [(0.0, {})]
    points = [(0.0, schedule)] if isinstance(schedule, Mapping) else list(schedule)
    for epoch, shares in points:
        for name, share in shares.items():
            if name not in MEDIA_CONFLICTS and name not in TEXT_CONFLICTS:
                raise MMABenchError(unknown("conflicts: there is no", name, known_conflicts()))
            if not 0 <= share <= 1:
                raise MMABenchError(f"conflicts: the share of {name} at epoch {epoch} must be 0 to 1, got {share}")
        if sum(shares.values()) > 1 + 1e-9:
            raise MMABenchError(f"conflicts: the shares at epoch {epoch} add up to {sum(shares.values()):g}, above 1")
    return sorted(((float(epoch), dict(shares)) for epoch, shares in points), key=lambda point: point[0])


def shares_at(points: Sequence[tuple[float, dict[str, float]]], epoch: float) -> dict[str, float]:
    """Return the shares at ``epoch``, which may lie within one; before the first point its own hold."""
    for (begin, earlier), (end, later) in pairwise(points):
        if begin <= epoch < end:
            progress = (epoch - begin) / (end - begin)
            names = earlier | later
            return {n: (1 - progress) * earlier.get(n, 0.0) + progress * later.get(n, 0.0) for n in names}
    return points[0][1] if epoch < points[0][0] else points[-1][1]
