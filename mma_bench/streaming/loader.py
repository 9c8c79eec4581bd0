"""A torch DataLoader over a stream, with an exact state although workers read ahead."""

from collections.abc import Callable, Iterator
from typing import Any, cast

from mma_bench.errors import MMABenchError
from mma_bench.streaming.pipeline import Stream


class StreamLoader:
    """Batches of a stream, from worker processes, resumable after any batch.

    Each batch carries the position of its worker when it was finished, so a state describes what was delivered, not
    what was read ahead. Epochs are counted automatically: iterate once per epoch.

    Args:
        stream: what `mma_bench.stream` returned.
        batch_size: samples per batch.
        workers: worker processes; 0 reads in this one.
        collate: makes a batch from a list of samples; by default the list itself.
        options: other options of `torch.utils.data.DataLoader`.
    """

    def __init__(
        self,
        stream: Stream,
        batch_size: int,
        *,
        workers: int = 0,
        collate: Callable[[list[Any]], Any] = list,
        **options: Any,
    ) -> None:
        if options.get("persistent_workers"):
            raise MMABenchError("StreamLoader: remove persistent_workers; such workers would not notice a new epoch")
        self._given = stream
        # A copy: another loader of the same stream would otherwise begin where this one resumed, which at the end of
        # an epoch means without any samples.
        self._stream = stream = stream.independent()
        self._batch_size = batch_size
        self._workers = workers
        self._collate = _Collate(stream, collate)
        self._options = options
        self._epoch = stream.epoch
        self._positions = [0] * max(1, workers)
        self._next_worker = 0

    @property
    def skipped(self) -> dict[str, int]:
        """Number of samples left out so far, by reason."""
        return self._stream.skipped

    @property
    def epoch(self) -> int:
        """The current epoch, or the next one."""
        return self._epoch

    def __iter__(self) -> Iterator[Any]:
        """Yield the batches of the epoch, or of what is left of it after `load_state_dict`."""
        from torch.utils.data import DataLoader

        # DataLoader asks worker 0 first. The worker whose turn it is must be worker 0, so the parts are rotated.
        first = self._next_worker
        self._stream.resume_workers(self._epoch, self._positions, first)
        loader: DataLoader[Any] = DataLoader(
            self._stream,
            batch_size=self._batch_size,
            num_workers=self._workers,
            collate_fn=self._collate,
            **self._options,
        )
        try:
            for batch, worker, position in loader:
                logical = (worker + first) % len(self._positions)
                self._positions[logical] = position
                self._next_worker = (logical + 1) % len(self._positions)
                yield batch
        except MMABenchError as error:
            # DataLoader prepends the worker's whole traceback to the message.
            raise MMABenchError(str(error).strip().splitlines()[-1].partition("MMABenchError: ")[2] or error) from None
        self.set_epoch(self._epoch + 1)

    def set_epoch(self, epoch: int) -> None:
        """Begin ``epoch`` with the next iteration; frameworks call this before each epoch.

        Epochs count up without it. What is left of the current epoch, after `load_state_dict`, stays if ``epoch`` is
        the current one.

        Raises:
            MMABenchError: ``epoch`` is negative.
        """
        if epoch < 0:
            raise MMABenchError(f"StreamLoader.set_epoch({epoch}): epochs count from 0")
        if epoch == self._epoch:
            return
        self._epoch = epoch
        self._stream.set_epoch(epoch)
        self._given.pass_epoch(epoch)
        self._positions = [0] * len(self._positions)
        self._next_worker = 0

    def state_dict(self) -> dict[str, Any]:
        """Return what the batches delivered so far leave to do, as plain numbers and text."""
        return {
            "epoch": self._epoch,
            "positions": list(self._positions),
            "next_worker": self._next_worker,
            "fingerprint": self._stream.fingerprint(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume where ``state`` was saved, with the same number of workers and the same batch size.

        Raises:
            MMABenchError: the state belongs to another stream or another number of workers.
        """
        self._stream.check_state(state, "positions", "next_worker")
        if len(state["positions"]) != len(self._positions):
            raise MMABenchError(
                f"the state was saved with {len(state['positions'])} workers and cannot resume with "
                f"{len(self._positions)}: each reads its own part"
            )
        self._epoch = int(state["epoch"])
        self._positions = [int(position) for position in state["positions"]]
        self._next_worker = int(state["next_worker"])


class _Collate:
    """Collates, and adds the position of this process's stream."""

    def __init__(self, stream: Stream, collate: Callable[[list[Any]], Any]) -> None:
        self._stream = stream
        self._collate = collate

    def __call__(self, samples: list[Any]) -> tuple[Any, int, int]:
        from torch.utils.data import get_worker_info

        worker = get_worker_info()
        stream = cast("Stream", worker.dataset) if worker else self._stream
        return self._collate(samples), worker.id if worker else 0, stream.reached
