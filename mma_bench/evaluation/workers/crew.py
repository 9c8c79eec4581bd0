"""The worker processes of a command: how they are started, heard and ended."""

import multiprocessing
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Self

from mma_bench.errors import MMABenchError
from mma_bench.evaluation.session import Request
from mma_bench.evaluation.workers.worker import BEGIN, SIGNALS, Counted, Failed, Finished, Message, Ready, Task, work

_context = multiprocessing.get_context(
    "spawn"
)  # a forked process cannot use CUDA, nor a server of forks an environment


@dataclass(frozen=True)
class _Worker:
    process: SpawnProcess
    connection: Connection


class Crew:
    """Worker processes that ask for one run; leaving the block ends them.

    Args:
        request: what is asked.
        environments: for each worker, the variables of its environment that differ from ours.
    """

    def __init__(self, request: Request, environments: Sequence[Mapping[str, str]]) -> None:
        self._workers: list[_Worker] = []
        self._finished: set[int] = set()
        self._request = request
        self._environments = environments

    def __enter__(self) -> Self:
        """Start the processes."""
        try:
            resource_tracker.ensure_running()  # when it starts it unblocks the signals that are blocked below
            for index, environment in enumerate(self._environments):
                task = Task(self._request, index, len(self._environments))
                with _blocked_signals(), _changed_environment(environment):
                    self._workers.append(_start(task))
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        """Wait for the processes, which have finished, or end them."""
        self.end()

    def ready(self) -> list[Ready]:
        """Wait until all workers have loaded the model, and return what they found.

        Raises:
            MMABenchError: a worker was killed.
            Exception: whatever ended a worker.
        """
        found: dict[int, Ready] = {}
        while len(found) < len(self._workers):
            found |= {index: message for index, message in self._heard() if isinstance(message, Ready)}
        return [found[index] for index in range(len(self._workers))]

    def answers(self) -> Iterator[Sequence[Counted]]:
        """Let the workers ask, and yield what they have stored, stimulus by stimulus, until all have finished.

        Raises:
            MMABenchError: a worker was killed.
            Exception: whatever ended a worker.
        """
        for worker in self._workers:
            with suppress(OSError):  # of a worker that has died; the next to listen hears of it
                worker.connection.send(BEGIN)
        while len(self._finished) < len(self._workers):
            for index, message in self._heard():
                if isinstance(message, Finished):
                    self._finished.add(index)
                elif not isinstance(message, Ready):
                    yield message

    def _heard(self) -> Iterator[tuple[int, Ready | Finished | Sequence[Counted]]]:
        """Wait until workers say something, and yield that with their indices."""
        asking = [worker for index, worker in enumerate(self._workers) if index not in self._finished]
        heard = wait([worker.connection for worker in asking])
        for index, worker in enumerate(self._workers):
            if worker.connection not in heard:
                continue
            try:
                message: Message = worker.connection.recv()
            except (EOFError, ConnectionResetError):
                raise MMABenchError(self._death(index)) from None
            if isinstance(message, Failed):
                raise message.error
            yield index, message

    def end(self) -> None:
        """Let the workers that ask store what they have and end; an interruption meanwhile kills all."""
        try:
            for index, worker in enumerate(self._workers):
                if index not in self._finished:
                    worker.process.terminate()
            for worker in self._workers:
                worker.process.join()
        finally:
            for worker in self._workers:
                worker.process.kill()
                worker.process.join()
                worker.connection.close()
            self._workers = []

    def _death(self, index: int) -> str:
        """Return what to say when a worker has ended without a word."""
        process = self._workers[index].process
        process.join()
        code = process.exitcode or 0
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        hint = " (if memory ran out, use fewer --workers)" if -code == signal.SIGKILL else ""
        return (
            f"worker {index + 1} of {len(self._workers)} {how}{hint}; the answers so far are kept: run the same "
            "command again to resume"
        )


def _start(task: Task) -> _Worker:
    ours, theirs = _context.Pipe()
    process = _context.Process(target=work, args=(task, theirs), name=f"mma-bench worker {task.index + 1}")
    process.start()
    theirs.close()  # or the death of the worker would not close the connection
    return _Worker(process, ours)


@contextmanager
def _blocked_signals() -> Iterator[None]:
    """Hold back Ctrl-C and SIGTERM from what is started in the block, which unblocks them when it is prepared."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _changed_environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Change the environment that processes started in the block inherit."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
