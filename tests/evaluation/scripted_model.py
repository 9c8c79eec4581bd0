"""A model that dies or stops where a test says so; it is loaded by name, in processes that the test does not see."""

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from mma_bench.dataset.load import Sample
from mma_bench.models.interface import Answer, Model

DIES = "MMA_BENCH_TEST_DIES"
"""Variable that names a file: the first process to reach its third stimulus deletes it and is killed."""

SPOILS = "MMA_BENCH_TEST_SPOILS"
"""Variable that names the folder of parts: the process that is killed damages its own answers first."""

STOPS = "MMA_BENCH_TEST_STOPS"
"""Variable that names a folder: each process that reaches its third stimulus puts its number there and waits."""


class Scripted(Model):
    """Answers with the first option."""

    takes_media = False

    def __init__(self) -> None:
        self._asked = 0

    def answer(self, sample: Sample) -> list[str]:
        self._asked += 1
        if self._asked == 3 and DIES in os.environ:
            self._die(Path(os.environ[DIES]))
        if self._asked == 3 and STOPS in os.environ:
            (Path(os.environ[STOPS]) / str(os.getpid())).touch()
            time.sleep(600)
        return [question.options[0] for question in sample.questions]

    def _die(self, file: Path) -> None:
        try:
            file.unlink()
        except FileNotFoundError:  # another process was first
            return
        if SPOILS in os.environ:
            number = multiprocessing.current_process().name.split()[-1]
            answers = Path(os.environ[SPOILS]) / number / "answers.jsonl"
            answers.write_bytes(b"{}\n" + answers.read_bytes())
        os.kill(os.getpid(), signal.SIGKILL)


class Sorted(Scripted):
    """Asks in an order of its own, as models do that encode each video once."""

    sorts_by_streams = True

    def answer_all(self, samples: Sequence[Sample]) -> Iterator[tuple[Sample, list[Answer]]]:
        return super().answer_all(sorted(samples, key=lambda sample: sample.streams))


class OnGPU(Scripted):
    """Answers with the GPU that its process may use."""

    uses_gpu = True

    def answer(self, sample: Sample) -> list[str]:
        return [os.environ["CUDA_VISIBLE_DEVICES"] for _ in sample.questions]
