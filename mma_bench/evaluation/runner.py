"""Asks a model the questions of a benchmark that it has not answered yet."""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

from mma_bench.console.progress import say
from mma_bench.evaluation.emptiness import require_answers
from mma_bench.evaluation.judge.record import Replies, forget_judge, read_judge, read_replies
from mma_bench.evaluation.people import refuse_open_quiz
from mma_bench.evaluation.protocols import Protocol, load_protocol
from mma_bench.evaluation.run_folder import asking
from mma_bench.evaluation.scores import Scores, score
from mma_bench.evaluation.session import Questions, Request, Session
from mma_bench.evaluation.shards.shard import Shard
from mma_bench.evaluation.store import AnswerKeys, AnswerStore, begin_run, check_run
from mma_bench.evaluation.usage import Price, UsageMeter
from mma_bench.evaluation.workers.asking import ask_with_workers
from mma_bench.evaluation.workers.parts import discard_parts, recover_parts
from mma_bench.files.atomic import write_json
from mma_bench.models.interface import Model
from mma_bench.probe import record_probe


def evaluate(
    model: str | Model,
    data: str | Path = "mma-bench",
    *,
    run: str | Path,
    options: Mapping[str, str] | None = None,
    condition: str | Sequence[str] | None = None,
    split: str = "test",
    limit: int | None = None,
    overwrite: bool = False,
    protocol: str | Path | Protocol = "robust",
    repeats: int = 1,
    probe: bool = True,
    judged: bool = True,
    progress: bool = True,
    price: Price | None = None,
    allow_empty: bool = False,
    shard: str | Shard | None = None,
    workers: int = 1,
) -> Scores:
    """Ask ``model`` about ``data``, keep its raw answers in the folder ``run``, and score them.

    An interrupted run resumes: answers already stored are not asked again.

    Args:
        model: a name for `mma_bench.models.load`, or a model.
        data: folder of a dataset, or its name on the hub.
        options: settings of the model by name, for a model given by name.
        run: folder of the run: `run.json`, `answers.jsonl`, `scores.json`.
        condition: one condition or several; by default all.
        split: `test` or `train`.
        limit: maximum number of stimuli per media condition.
        overwrite: discard existing answers and start over.
        protocol: the protocol: ``paper``, ``robust``, ``controls``, a YAML file, or a protocol.
        repeats: samples per question, for a model that samples its answers.
        probe: check first whether video and audio reach the model. If skipped, the report says so.
        judged: continue with the judge that the run was scored with, if any. If false, the judge is dropped.
        progress: show progress and the remaining time on standard error.
        price: the provider's price for tokens, for the cost in `usage.json`.
        allow_empty: score the run even if answers are empty because they were cut off, or half of all are empty.
        shard: ask only about this share of the clips, such as ``2/16``; `merge_runs` makes one run of all shards.
        workers: number of processes that ask. Each loads the model, which must be given by name and run here, not on a
            server; models that use a GPU get one each.

    Returns:
        The scores of the questions selected by ``condition`` and ``limit``.

    Raises:
        MMABenchError: the data, the protocol or the model cannot be used, a modality does not reach the model,
            ``run`` belongs to another run or shard or is to be overwritten while a quiz writes to it, too many answers
            are empty (see `mma_bench.evaluation.emptiness`), or a worker died.
    """
    request = Request(
        model=model,
        data=data,
        run=Path(run),
        options=options or {},
        condition=condition,
        split=split,
        limit=limit,
        overwrite=overwrite,
        protocol=protocol if isinstance(protocol, Protocol) else load_protocol(protocol),
        repeats=repeats,
        probe=probe,
        progress=progress,
        shard=Shard.parse(shard) if isinstance(shard, str) else shard,
    )
    if overwrite:
        refuse_open_quiz(request.run)
    elif judged:
        _replies(request.run)  # a damaged record ends the command before the model is asked
    questions = Questions.of(request)
    if not overwrite:
        recover_parts(request.run)
    ask = functools.partial(ask_with_workers, count=workers) if workers > 1 else _ask
    keys = ask(request, questions, price=price)
    answers = AnswerStore(request.run).read()
    require_answers(keys.fingerprint, answers.values(), allow_empty=allow_empty)
    scores = score(
        request.shard.share(questions.benchmark) if request.shard else questions.benchmark,
        answers.values(),
        keys,
        request.protocol.headline,
        average=request.protocol.average,
        repeats=repeats,
        judge=_replies(request.run) if judged else None,
    )
    if not judged:
        forget_judge(request.run)
    write_json(request.run / "scores.json", scores.to_json())
    return scores


def _ask(request: Request, questions: Questions, price: Price | None) -> AnswerKeys:
    """Ask what is left in this process, and return what names the answers."""
    folder, overwrite = request.run, request.overwrite
    session = Session.open(request, questions)
    check_run(folder, session.head, overwrite=overwrite)
    say(session.ahead.text(session.head.title), show=request.progress)
    model, store = session.model, AnswerStore(folder)
    found = session.checked_reach(request)
    if overwrite:
        discard_parts(folder)
    begin_run(folder, session.head, overwrite=overwrite)
    if found:
        record_probe(folder, found)
    with UsageMeter(folder, model, store, price):
        session.prepare()
        done = session.total - session.ahead.left
        with asking(model, store, session.total, done, progress=request.progress) as (bar, interruption):
            session.ask(store, interruption, bar.advance)
    return session.keys


def _replies(folder: Path) -> Replies | None:
    """Return the replies of the run's judge, if it has one."""
    judge = read_judge(folder)
    return read_replies(folder, judge) if judge else None
