"""The stream: a webdataset pipeline whose source knows its position and can return to it."""

import atexit
import contextlib
import copy
import itertools
import weakref
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, cast

from webdataset.compat import FluidInterface
from webdataset.pipeline import DataPipeline
from webdataset.utils import pytorch_worker_info

from mma_bench.dataset.load import local_folder
from mma_bench.errors import MMABenchError
from mma_bench.files.hashing import sha256_json
from mma_bench.schema import Modality
from mma_bench.streaming.collate import make_default
from mma_bench.streaming.conflicts import Schedule, check_schedule
from mma_bench.streaming.decode import AUDIO, JSON, VIDEO, DecodedCache, Decoding, Output, make_sample
from mma_bench.streaming.plan import EpochPlan, Place, Planned
from mma_bench.streaming.sample import StreamSample
from mma_bench.streaming.shards import BadSampleError, ShardReader, Tally, Verify
from mma_bench.streaming.table import ShardTable, read_table
from mma_bench.streaming.verified import VerifiedShards

make_default()  # here, so that worker processes, which import what they unpickle, know it too

OnError = Literal["refuse", "skip", "replace"]
_MAX_STAND_INS = 100
_AHEAD = 4  # samples of about two megabytes

_running: "weakref.WeakSet[Iterator[StreamSample]]" = weakref.WeakSet()
"""Unfinished iterations. When the interpreter exits, they are closed while modules still work."""


@atexit.register
def _close_all() -> None:
    for samples in list(_running):
        with contextlib.suppress(ValueError):  # another thread is in it
            cast("Generator[StreamSample]", samples).close()


class Source:
    """Yields the next planned samples, and remembers its position.

    Attributes:
        plan: the order of the epochs.
        epoch: the current epoch, or the next one.
        position: samples of the epoch yielded in this process; 0 when the epoch has ended.
        reached: the same, but the length of the epoch when the epoch has ended.
    """

    def __init__(self, plan: EpochPlan, rank: int | None, world_size: int | None) -> None:
        self.plan = plan
        self.epoch = 0
        self.position = 0
        self.reached = 0
        self._given = None if rank is None or world_size is None else (rank, world_size)
        self._found = pytorch_worker_info()[:2]
        self._resume: tuple[list[int], int] | None = None
        self._iteration = 0

    def copy(self) -> "Source":
        """Return a source with the same plan and epoch, and a position of its own."""
        other = copy.copy(self)
        other.begin(self.epoch)
        return other

    def begin(self, epoch: int) -> None:
        """Begin ``epoch`` with the next iteration, or in the middle of it after `start_at`."""
        if epoch != self.epoch:
            self._resume = None
        self.epoch = epoch
        self.position = 0

    def ranks(self) -> tuple[int, int]:
        """Return rank and world size: given, or found now, or found when the stream was made.

        A worker process that was not forked knows nothing of the process group of its parent.
        """
        rank, world_size, _, _ = pytorch_worker_info()
        return self._given or ((rank, world_size) if world_size > 1 else self._found)

    def start_at(self, epoch: int, positions: list[int], first_worker: int = 0) -> None:
        """Begin the next iteration in the middle: ``positions`` has one number per worker."""
        self.epoch = epoch
        self.position = positions[0]
        self._resume = (positions, first_worker)

    def place(self) -> tuple[Place, int]:
        """Return which part this process reads, and from which position on."""
        _, _, worker, workers = pytorch_worker_info()
        positions, first_worker = self._resume or ([0] * workers, 0)
        if len(positions) != workers:
            raise MMABenchError(
                f"the state was saved with {len(positions)} worker processes and cannot resume with {workers}"
            )
        worker = (worker + first_worker) % workers
        return Place(*self.ranks(), worker, workers), positions[worker]

    def __call__(self) -> Iterator[Planned]:
        """Yield the rest of the epoch. Of several simultaneous iterations, the last one begun sets the position."""
        place, start = self.place()
        epoch, self._resume = self.epoch, None
        self._iteration = iteration = self._iteration + 1
        self.position = self.reached = start
        for planned in self.plan.samples(epoch, place, start):
            if iteration == self._iteration:
                self.position = self.reached = planned.position + 1
            yield planned
        if iteration == self._iteration:
            self.epoch, self.position = epoch + 1, 0


class Stream(DataPipeline, FluidInterface):  # type: ignore[misc]  # webdataset has no type information
    """Training samples: a torch IterableDataset and a webdataset pipeline, made by `stream`.

    Iterating yields one epoch. Stages of webdataset can be added (`map`, `select`, `compose`); after stages that
    hold samples back (`shuffle`, `batched` with workers) a state is no longer exact.
    """

    def __init__(self, source: Source, tally: Tally, stages: list[Callable[[Any], Iterator[Any]]]) -> None:
        super().__init__(source, *stages)
        self._source = source
        self._tally = tally

    @property
    def epoch(self) -> int:
        """The current epoch, or the next one."""
        return self._source.epoch

    @property
    def reached(self) -> int:
        """Number of samples of the epoch that this process has yielded, all of them when it has ended."""
        return self._source.reached

    @property
    def skipped(self) -> dict[str, int]:
        """Number of samples left out so far, by reason, over all worker processes."""
        return self._tally.counts()

    def __len__(self) -> int:
        """Return how many samples this rank gets in an epoch, if none is skipped."""
        begin, end = self._source.plan.rank_range(*self._source.ranks())
        return end - begin

    def set_epoch(self, epoch: int) -> None:
        """Begin ``epoch`` with the next iteration. Needed with a plain DataLoader, whose workers are copies."""
        self._source.begin(epoch)

    def pass_epoch(self, epoch: int) -> None:
        """Begin no epoch before ``epoch``, unless one is being read: a copy of this stream read the earlier ones."""
        if self._source.position == 0 and self._source.epoch < epoch:
            self._source.begin(epoch)

    def independent(self) -> "Stream":
        """Return this stream with its own epoch and position; samples left out are counted in both.

        This lets several loaders read one stream.
        """
        other = copy.copy(self)
        other._source = self._source.copy()
        other.pipeline = [other._source, *self.pipeline[1:]]
        return other

    def resume_workers(self, epoch: int, positions: list[int], first_worker: int) -> None:
        """Begin the next iteration at one position per worker process, with the part of ``first_worker`` first."""
        self._source.start_at(epoch, positions, first_worker)

    def fingerprint(self) -> str:
        """Return a hash of everything that decides the order and the conflicts."""
        plan = self._source.plan
        _, world_size = self._source.ranks()
        data = [plan.table.fingerprint, len(plan.table)]
        return sha256_json([*data, plan.seed, plan.shuffle, plan.points, plan.even, plan.ask, world_size])

    def state_dict(self) -> dict[str, Any]:
        """Return where the iteration of this process stands, as plain numbers and text."""
        return {"epoch": self._source.epoch, "position": self._source.position, "fingerprint": self.fingerprint()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume where ``state`` was saved: the next iteration yields the samples that would have come next.

        For the state of several worker processes, see `StreamLoader`.

        Raises:
            MMABenchError: the state belongs to another dataset, seed, schedule or number of processes.
        """
        self.check_state(state, "position")
        self._source.start_at(int(state["epoch"]), [int(state["position"])])

    def check_state(self, state: dict[str, Any], *names: str) -> None:
        """Raise MMABenchError unless ``state`` has ``names`` and belongs to this stream."""
        if missing := [name for name in ("epoch", "fingerprint", *names) if name not in state]:
            raise MMABenchError(f"this is not a state of a stream: it has no {missing[0]!r}")
        if state["fingerprint"] != self.fingerprint():
            raise MMABenchError(
                "the state belongs to another stream: dataset, config, seed, shuffle, conflicts, ask and the number of "
                "processes must be those it was saved with"
            )


def stream(
    path: str | Path = "mma-bench",
    *,
    config: str = "train",
    output: Output = "tensors",
    fps: float = 2.0,
    size: int | None = None,
    seed: int = 0,
    shuffle: int = 1000,
    conflicts: Schedule | None = None,
    ask: Modality | Literal["visual", "audio"] | None = None,
    on_error: OnError = "refuse",
    verify: Verify = "once",
    even: bool = True,
    keep: Callable[[str, str | None], bool] | None = None,
    cache: DecodedCache | None = None,
    rank: int | None = None,
    world_size: int | None = None,
) -> Stream:
    """Stream a dataset for training.

    Args:
        path: folder of a dataset, or `ORG/NAME` of one on the hub, which is downloaded to the hub's cache.
        config: which shards: `train`, or the condition of a test configuration such as `aligned`.
        output: `tensors` or `arrays` decode to `StreamSample`s, `bytes` leaves the streams as stored,
            `messages` returns chats for processors (see `StreamSample.messages`) with arrays.
        fps: frames per second; 2 and 1 decode only key frames.
        size: height and width to scale frames to, none for the stored size.
        seed: same seed, same samples with the same conflicts, in the same order.
        shuffle: length of the shuffle buffer, samples; 0 keeps the order of the shards.
        conflicts: shares of the conditions to generate on the fly, such as
            `{"misaligned": 0.3, "audio_removed": 0.1}`; or a schedule, `[(0, {...}), (3, {...})]`: shares at given
            epochs, interpolated in between. The rest stays as stored.
        ask: ask only about the video or only about the audio; by default drawn per sample.
        on_error: what to do with a damaged or hostile sample: `refuse` raises MMABenchError, `skip` leaves it out and
            counts it (`Stream.skipped`), `replace` substitutes the next good one, so that the processes of a group
            stay in step.
        verify: `once` checks hashes when a member is first read on this machine (fully verified shards are
            remembered in the cache folder until they change), `always`, or `never`.
        even: give every rank the same number of samples, leaving out up to world_size - 1 per epoch (different ones
            each time), because a rank that ends early makes the others wait forever.
        keep: which samples to yield, given the key of the clip and of the one that lends it a stream (its own if none
            does; none for silence made on the fly); called before anything is read. It is not part of a state, and is
            not called for samples that replace bad ones.
        cache: keeps decoded streams for the next epoch, or for other streams of the same clips.
        rank: rank of this process, by default from torch.distributed or the environment (`RANK`).
        world_size: number of processes, with the same default.

    Raises:
        MMABenchError: the dataset or a setting cannot be used.
    """
    _check_settings(output=output, fps=fps, size=size, shuffle=shuffle, on_error=on_error, verify=verify)
    if (rank is None) != (world_size is None) or (world_size is not None and not 0 <= (rank or 0) < world_size):
        raise MMABenchError(f"rank {rank} and world_size {world_size} must be given together, rank below world_size")
    table = read_table(local_folder(path), config)
    plan = EpochPlan(table, seed, shuffle, check_schedule(conflicts), even, Modality(ask) if ask else None)
    tally = Tally(table)
    source = Source(plan, rank, world_size)
    reader = ShardReader(table, tally, verify=verify, refuse=on_error == "refuse")
    stages: list[Callable[[Any], Iterator[Any]]] = [_Kept(table, keep)] if keep else []
    decoding = Decoding(output, fps, size, cache=cache)
    verified = VerifiedShards(table, tally) if verify == "once" else None
    stages.append(_Samples(plan, reader, tally, decoding, on_error, verified))
    if output == "messages":
        stages.append(_messages)
    return Stream(source, tally, stages)


def _check_settings(*, output: str, fps: float, size: int | None, shuffle: int, on_error: str, verify: str) -> None:
    choices = {
        "output": (output, ("bytes", "arrays", "tensors", "messages")),
        "on_error": (on_error, ("refuse", "skip", "replace")),
        "verify": (verify, ("once", "always", "never")),
    }
    for name, (value, allowed) in choices.items():
        if value not in allowed:
            raise MMABenchError(f"stream: {name} must be one of {', '.join(allowed)}, got {value!r}")
    if not fps > 0 or shuffle < 0 or (size is not None and size < 1):
        raise MMABenchError(f"stream: fps and size must be above 0 and shuffle at least 0: {fps}, {size}, {shuffle}")


def _messages(samples: Iterator[StreamSample]) -> Iterator[list[dict[str, Any]]]:
    return (sample.messages() for sample in samples)


def _members(planned: Planned) -> list[tuple[int, int]]:
    choice = planned.choice
    wanted = ((choice.row, JSON), (choice.video, VIDEO), (choice.audio, AUDIO))
    return [(row, member) for row, member in wanted if row is not None]


class _Kept:
    """The stage that leaves out unwanted samples before they are read."""

    def __init__(self, table: ShardTable, keep: Callable[[str, str | None], bool]) -> None:
        self._table = table
        self._keep = keep

    def __call__(self, planned: Iterator[Planned]) -> Iterator[Planned]:
        for sample in planned:
            choice = sample.choice
            lender = choice.audio if choice.video in (choice.row, None) else choice.video
            if self._keep(self._table.key(choice.row), None if lender is None else self._table.key(lender)):
                yield sample


class _Samples:
    """The stage that makes the planned samples and handles bad ones."""

    def __init__(
        self,
        plan: EpochPlan,
        reader: ShardReader,
        tally: Tally,
        decoding: Decoding,
        on_error: OnError,
        verified: VerifiedShards | None,
    ) -> None:
        self._plan = plan
        self._reader = reader
        self._tally = tally
        self._decoding = decoding
        self._on_error = on_error
        self._verified = verified

    def __call__(self, planned: Iterator[Planned]) -> Iterator[StreamSample]:
        samples = self._make(planned)
        _running.add(samples)
        return samples

    def _make(self, planned: Iterator[Planned]) -> Iterator[StreamSample]:
        reader = self._reader.fresh()  # of its own: several iterations of a stream can run at a time
        ahead: Iterator[None] | None = None
        try:
            for sample in planned:
                ahead = ahead or self._read_ahead(reader, sample)
                next(ahead, None)
                made = self._make_or_skip(reader, sample)
                if made is None and self._on_error == "replace":
                    made = self._stand_in(reader, sample)
                if made is not None:
                    yield made
        finally:  # also of an epoch that its reader leaves early
            reader.close()
            if self._verified:
                self._verified.remember()

    def _read_ahead(self, reader: ShardReader, first: Planned) -> Iterator[None]:
        """Read and hash the samples from ``first`` on ahead of time, one more at each step."""
        if not reader.must_hash():
            return
        for count, planned in enumerate(self._plan.samples(first.epoch, first.place, first.position)):
            for row, member in _members(planned):
                reader.expect(row, member)
            if count >= _AHEAD:
                yield

    def _make_or_skip(self, reader: ShardReader, planned: Planned, *, count: bool = True) -> StreamSample | None:
        try:
            made = make_sample(self._plan.table, reader, planned, self._decoding)
        except BadSampleError as error:
            reader.forget(_members(planned))
            if self._on_error == "refuse":
                raise MMABenchError(str(error)) from error
            if count:
                self._tally.add(error.reason)
            return None
        if self._decoding.output != "tensors":
            return made
        import torch

        return replace(made, video=torch.from_numpy(made.video), audio=torch.from_numpy(made.audio))

    def _stand_in(self, reader: ShardReader, bad: Planned) -> StreamSample:
        """Return the next good sample of this process and epoch: the same one whenever it is asked."""
        following = self._plan.samples(bad.epoch, bad.place, bad.position + 1)
        before = itertools.islice(self._plan.samples(bad.epoch, bad.place), bad.position)
        for planned in itertools.islice(itertools.chain(following, before), _MAX_STAND_INS):
            made = self._make_or_skip(reader, planned, count=False)
            if made is not None:
                return made
        raise MMABenchError(
            f"{self._plan.table.folder}: a sample is bad, and so are all that could replace it; build or "
            "download the dataset again"
        )
