"""The order of an epoch: a pure function of seed, epoch and place, so that any position can be reproduced.

Only row numbers are shuffled, never media: the shuffle buffer takes no memory, a donor from it needs no extra reading,
and resuming means counting up to the position, which takes a microsecond per sample.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mma_bench.errors import MMABenchError
from mma_bench.schema import Modality
from mma_bench.streaming.conflicts import MEDIA_CONFLICTS, Choice, Surroundings, shares_at
from mma_bench.streaming.table import ShardTable

_UNSHUFFLED_WINDOW = 128


@dataclass(frozen=True)
class Place:
    """The part of an epoch that this process reads: that of one worker of one rank."""

    rank: int
    world_size: int
    worker: int
    workers: int


@dataclass(frozen=True)
class Planned:
    """One planned sample.

    Attributes:
        epoch: its epoch.
        place: which part of the epoch this process reads.
        position: number of samples before it in this process and epoch.
        choice: its streams and its condition.
        modality: what to ask about, unless the sample has no such question.
        seed: seed for everything drawn later.
    """

    epoch: int
    place: Place
    position: int
    choice: Choice
    modality: Modality
    seed: str


@dataclass(frozen=True)
class EpochPlan:
    """The order of epochs.

    Attributes:
        table: the samples.
        seed: same seed, same epochs.
        shuffle: length of the shuffle buffer; 0 keeps the order of the shards.
        points: schedule of the conflicts.
        even: whether all ranks read the same number of samples.
        ask: modality to ask about, or none for either.
    """

    table: ShardTable
    seed: int
    shuffle: int
    points: Sequence[tuple[float, dict[str, float]]]
    even: bool
    ask: Modality | None

    def rows(self, epoch: int, place: Place) -> list[int]:
        """Return the rows that a process reads, before the shuffle buffer.

        The shards, in a new order each epoch, are concatenated and split into equal parts, so that the number of
        shards need not be divisible: a process reads whole shards, and at most two in part.
        """
        shards = list(range(len(self.table.shards)))
        if self.shuffle:
            random.Random(f"{self.seed}/{epoch}/shards").shuffle(shards)  # noqa: S311
        by_shard: list[list[int]] = [[] for _ in shards]
        for row, shard in enumerate(self.table.shard.tolist()):
            by_shard[shard].append(row)
        rows = [row for shard in shards for row in by_shard[shard]]
        begin, end = self.rank_range(place.rank, place.world_size)
        return _part(rows[begin:end], place.worker, place.workers)

    def rank_range(self, rank: int, world_size: int) -> tuple[int, int]:
        """Return which samples of the epoch's order a rank reads.

        Raises:
            MMABenchError: there are more ranks than samples.
        """
        total = len(self.table)
        if total < world_size:
            raise MMABenchError(f"{self.table.folder}: {total} samples cannot be split among {world_size} processes")
        if self.even:
            return rank * (total // world_size), (rank + 1) * (total // world_size)
        return rank * total // world_size, (rank + 1) * total // world_size

    def samples(self, epoch: int, place: Place, start: int = 0) -> Iterator[Planned]:
        """Yield the samples of a process in their order, from position ``start`` on."""
        rows = self.rows(epoch, place)
        generator = random.Random(f"{self.seed}/{epoch}/{place.rank}/{place.worker}")  # noqa: S311
        ordered = _shuffled(rows, self.shuffle, generator) if self.shuffle else _in_order(rows)
        for position, (row, window) in enumerate(ordered):
            if position < start:
                continue
            seed = f"{self.seed}/{epoch}/{self.table.key(row)}"
            own = random.Random(seed)  # noqa: S311
            modality = self.ask or own.choice(list(Modality))
            shares = shares_at(self.points, epoch + position / len(rows))
            around = Surroundings(self.table, window, rows, own)
            yield Planned(epoch, place, position, _choose(row, shares, around), modality, seed)


def _choose(row: int, shares: dict[str, float], around: Surroundings) -> Choice:
    stored = Choice(row, row, row)
    drawn = around.generator.random()
    for name, share in sorted(shares.items()):
        drawn -= share
        if drawn < 0:
            conflict = MEDIA_CONFLICTS.get(name)
            changed = conflict(stored, around) if conflict else stored
            return Choice(row, changed.video, changed.audio, name) if changed else stored
    return stored


def _part(rows: list[int], number: int, parts: int) -> list[int]:
    return rows[number * len(rows) // parts : (number + 1) * len(rows) // parts]


def _shuffled(rows: Sequence[int], size: int, generator: random.Random) -> Iterator[tuple[int, Sequence[int]]]:
    """Yield each row with the buffer that it was drawn from."""
    buffer = list(rows[:size])
    for row in rows[size:]:
        i = generator.randrange(size)
        drawn, buffer[i] = buffer[i], row
        yield drawn, buffer
    generator.shuffle(buffer)
    yield from ((row, buffer) for row in buffer)


def _in_order(rows: Sequence[int]) -> Iterator[tuple[int, Sequence[int]]]:
    for i, row in enumerate(rows):
        yield row, rows[max(0, i - _UNSHUFFLED_WINDOW) : i + _UNSHUFFLED_WINDOW]
