"""Scores the stored answers of a run; no model is called."""

import gc
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mma_bench.dataset.load import Benchmark, load
from mma_bench.errors import MMABenchError
from mma_bench.evaluation.emptiness import Emptiness, token_limit
from mma_bench.evaluation.judge.prompt import RULE
from mma_bench.evaluation.judge.record import read_replies
from mma_bench.evaluation.protocols import apply_protocol, deviations
from mma_bench.evaluation.scores import Scores, score
from mma_bench.evaluation.store import AnswerKeys, AnswerStore, Run, StoredAnswer, open_run
from mma_bench.evaluation.verdict import Verdict


@dataclass(frozen=True)
class Rescored:
    """A run with the scores of its stored answers.

    Attributes:
        run: head of the run.
        benchmark: the questions of the run; of a shard, only its own.
        scores: scores of the stored answers.
        notes: differences between the settings of the model and of the protocol, and what a judge read, in words.
        answers: the stored answers by their keys.
        keys: computes the keys of the answers of the run's model.
    """

    run: Run
    benchmark: Benchmark
    scores: Scores
    notes: list[str]
    answers: Mapping[str, StoredAnswer]
    keys: AnswerKeys

    def stored(self, verdict: Verdict) -> StoredAnswer:
        """Return the line of the store that ``verdict`` was read from."""
        return self.answers[self.keys.key(verdict.sample.stimulus, verdict.question, verdict.repeat)]


def rescore(folder: Path, data: Path | None = None, *, judged: bool = True) -> Rescored:
    """Score the answers stored in the run ``folder``.

    Args:
        folder: a run.
        data: the dataset, if it has moved since the run.
        judged: count the decisions of the run's judge, if it has one.

    Raises:
        MMABenchError: ``folder`` is not a run or contains no answers, or the data is missing or has changed since.
    """
    run = open_run(folder, judged=judged)
    judge = read_replies(folder, run.judge) if run.judge else None
    with _no_collection():
        everything = questions_of(folder, run, data)
        benchmark = run.shard.share(everything) if run.shard else everything
        answers = AnswerStore(folder).read()
        keys = AnswerKeys(run.model_fingerprint)
        scores = score(
            benchmark,
            answers.values(),
            keys,
            run.asked.headline,
            average=run.asked.average,
            repeats=run.repeats,
            judge=judge,
        )
        _ = scores.table  # here, because it makes most of what is left to make
    if not scores.verdicts and benchmark.samples:  # a shard may have none of the clips
        raise MMABenchError(f"{folder} contains no answers; finish it with `mma-bench eval --run {folder}`")
    return Rescored(run, benchmark, scores, notes_on(run, scores, answers.values()), answers, keys)


def notes_on(run: Run, scores: Scores, answers: Iterable[StoredAnswer]) -> list[str]:
    """Return notes for readers of ``scores`` about the settings of ``run``, the judge, and whether it is a shard."""
    notes = [f"this is {run.shard.note}"] if run.shard else []
    notes += deviations(run.asked, run.model_fingerprint, is_baseline=run.is_baseline or run.is_person)
    if run.withheld:
        names = " and ".join(run.withheld)
        notes.append(f"the model gets no {names} input: what it answers about it follows from something else")
    empty = Emptiness.of(answers)
    if said := empty.text(token_limit(run.model_fingerprint, empty)):
        notes.append(f"{said}; they count as wrong")
    if run.near_synonyms and run.near_synonyms.note:
        notes.append(run.near_synonyms.note)
    if run.judge:
        read = sum(verdict.rule == RULE for verdict in scores.verdicts)
        notes.append(
            f"the language model {run.judge.title} read {read} answers that no rule could read; "
            f"{len(scores.unread)} stayed unread"
        )
    return notes


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the garbage collector from repeatedly visiting a million objects that are all in use."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def questions_of(folder: Path, run: Run, data: Path | None = None) -> Benchmark:
    """Return the questions of ``run`` in ``folder``, of a shard those of all shards.

    Raises:
        MMABenchError: the data is missing or has changed since.
    """
    try:
        stored = load(
            data or run.data,
            condition=run.conditions,
            split=run.split,
            limit=run.limit,
            limit_by=run.limit_by or "key",
        )
    except MMABenchError as error:
        hint = "" if data else " (if the data was moved, say where it is with --data)"
        raise MMABenchError(f"{folder}: {error}{hint}") from error
    if stored.fingerprint != run.data_sha256:
        raise MMABenchError(
            f"{folder} was evaluated on data that differs from the current contents of {data or run.data} "
            f"(sha256 {run.data_sha256[:12]}, now {stored.fingerprint[:12]}); "
            "give the original data with --data, or evaluate again"
        )
    return apply_protocol(run.asked, stored)
