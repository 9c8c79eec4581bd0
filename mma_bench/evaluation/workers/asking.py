"""Ask for one run with several processes: each loads the model and asks its part of what is left."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mma_bench.console.progress import say
from mma_bench.errors import MMABenchError
from mma_bench.evaluation.outlook import AnswerProgress
from mma_bench.evaluation.session import Questions, Request
from mma_bench.evaluation.shards.order import in_order
from mma_bench.evaluation.shards.shard import clip_of
from mma_bench.evaluation.store import AnswerKeys, AnswerStore, begin_run
from mma_bench.evaluation.usage import Price
from mma_bench.evaluation.workers.crew import Crew
from mma_bench.evaluation.workers.parts import claimed_parts, discard_parts, gather_parts
from mma_bench.models import model_class
from mma_bench.models.gpus import visible_gpus
from mma_bench.probe import record_probe


def ask_with_workers(request: Request, questions: Questions, count: int, price: Price | None) -> AnswerKeys:
    """Ask what is left with ``count`` processes, and return what names the answers.

    Nothing is written before all of them have loaded the model. Each then asks about every ``count``-th clip that is
    left. When they have ended, however that came about, their answers are put into the run; when they have finished,
    in the order in which one process stores them.

    Raises:
        MMABenchError: the model cannot be asked by so many processes, a worker failed, or it was killed.
    """
    folder, shard = request.run, request.shard
    stimuli = [sample.stimulus for sample in questions.benchmark.samples]
    clips = {clip_of(stimulus) for stimulus in stimuli if shard is None or shard.has(stimulus)}
    count = min(count, max(1, len(clips)))
    with Crew(request, _environments(count, takes_gpu=_takes_gpu(request))) as crew:
        ready = crew.ready()
        head, ahead, found = ready[0].head, ready[0].ahead, ready[0].found
        if any(other.head != head for other in ready):
            raise MMABenchError(
                f"the workers did not load the same {head.model}: its fingerprint differs from process to process, so "
                "their answers cannot be one run; leave --workers out"
            )
        processes = f", {count} processes" if ahead.left else ""
        say(f"{ahead.text(head.title)}{processes}", show=request.progress)
        if request.overwrite:
            discard_parts(folder)
        begin_run(folder, head, overwrite=request.overwrite)
        if found:
            record_probe(folder, found)
        done = ahead.questions - ahead.left
        with (
            _collected(crew, folder, price),
            AnswerProgress(head.model, ahead.questions, done, show=request.progress) as bar,
        ):
            for stored in crew.answers():
                bar.advance(stored)
    keys = AnswerKeys(head.model_fingerprint)
    store = AnswerStore(folder)
    store.replace(in_order(store.read(), head, questions.benchmark, keys))
    return keys


@contextmanager
def _collected(crew: Crew, folder: Path, price: Price | None) -> Iterator[None]:
    """End the crew after the block, and put what its workers have answered into the run."""
    with claimed_parts(folder):
        try:
            yield
        except BaseException:
            crew.end()
            with suppress(MMABenchError, OSError):  # this error came first; the next command meets the other
                gather_parts(folder, price)
            raise
        crew.end()
        gather_parts(folder, price)


def _takes_gpu(request: Request) -> bool:
    """Return whether each process needs a GPU, if there are any.

    Raises:
        MMABenchError: several processes cannot load the model, or an option is invalid.
    """
    model = request.model
    if not isinstance(model, str):
        raise MMABenchError(
            f"several workers each load the model, so it must be given by name, such as python:FILE.py:CLASS; got an "
            f"object, {model.name}"
        )
    kind = model_class(model)
    if not kind.runs_here:
        raise MMABenchError(
            f"{model} runs on a server, so --workers does not apply; set how many requests are made at once with "
            "--model-option concurrency=N"
        )
    return kind.takes_gpu(request.options)


def _environments(count: int, *, takes_gpu: bool) -> list[dict[str, str]]:
    """Return what differs in the environment of each worker: its GPU, and its share of the processor's threads."""
    gpus = visible_gpus() if takes_gpu else []
    if gpus and count > len(gpus):
        raise MMABenchError(
            f"--workers {count}: each worker needs its own GPU, and this process may use {len(gpus)}; "
            f"use --workers {len(gpus)}"
        )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = os.environ.get("OMP_NUM_THREADS") or str(max(1, cores // count))
    return [
        {"OMP_NUM_THREADS": threads} | ({"CUDA_VISIBLE_DEVICES": gpus[index]} if gpus else {}) for index in range(count)
    ]
