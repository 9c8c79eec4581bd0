"""Asks a model the questions of a benchmark that it has not answered yet."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mma_bench import __version__
from mma_bench.console.progress import activity, say
from mma_bench.dataset.load import Benchmark, Sample, load
from mma_bench.errors import MMABenchError
from mma_bench.evaluation.emptiness import require_answers
from mma_bench.evaluation.judge.record import Replies, forget_judge, read_judge, read_replies
from mma_bench.evaluation.outlook import Workload
from mma_bench.evaluation.protocols import Protocol, apply_protocol, load_protocol, model_options, near_synonyms_of
from mma_bench.evaluation.run_folder import asking
from mma_bench.evaluation.scores import Scores, score
from mma_bench.evaluation.store import BASELINE_PREFIX, AnswerKeys, AnswerStore, Run, StoredAnswer, begin_run, check_run
from mma_bench.evaluation.usage import Price, UsageMeter
from mma_bench.files.atomic import write_json
from mma_bench.models import load as load_model
from mma_bench.models.interface import Answer, Model
from mma_bench.models.own import as_answers
from mma_bench.probe import checked_reach, record_probe


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
        protocol: the protocol: ``paper``, ``robust``, a YAML file, or a protocol.
        repeats: samples per question, for a model that samples its answers.
        probe: check first whether video and audio reach the model. If skipped, the report says so.
        judged: continue with the judge that the run was scored with, if any. If false, the judge is dropped.
        progress: show progress and the remaining time on standard error.
        price: the provider's price for tokens, for the cost in `usage.json`.
        allow_empty: score the run even if answers are empty because they were cut off, or half of all are empty.

    Returns:
        The scores of the questions selected by ``condition`` and ``limit``.

    Raises:
        MMABenchError: the data, the protocol or the model cannot be used, a modality does not reach the model,
            ``run`` belongs to another run, or too many answers are empty (see `mma_bench.evaluation.emptiness`).
    """
    fixed = protocol if isinstance(protocol, Protocol) else load_protocol(protocol)
    with activity(f"reading {data}", show=progress):
        stored = load(data, condition=condition, split=split, limit=limit)
    benchmark = apply_protocol(fixed, stored)
    with activity(f"loading {model}", show=progress and isinstance(model, str)):
        loaded = load_model(model, model_options(fixed, model, options or {})) if isinstance(model, str) else model
        fingerprint = loaded.fingerprint()
    if repeats > 1 and not loaded.draws:
        raise MMABenchError(
            f"{loaded.name} gives the same answer every time, so --repeats {repeats} would count it several times; "
            "leave --repeats out, or let the model sample (such as --model-option temperature=0.7)"
        )
    folder = Path(run)
    head = Run(
        model=loaded.name,
        model_fingerprint=fingerprint,
        data=str(data),
        data_sha256=benchmark.fingerprint,
        split=split,
        conditions=sorted({question.condition for sample in benchmark.samples for question in sample.questions}),
        limit=limit,
        mma_bench=__version__,
        protocol=fixed,
        protocol_sha256=fixed.sha256,
        repeats=repeats,
        near_synonyms=near_synonyms_of(fixed, stored) if fixed.exclude_near_synonyms else None,
        baseline=None if loaded.is_baseline == loaded.name.startswith(BASELINE_PREFIX) else loaded.is_baseline,
    )
    store = AnswerStore(folder)
    check_run(folder, head, overwrite=overwrite)
    if judged and not overwrite:
        _replies(folder)  # a damaged record ends the command before the model is called
    keys = AnswerKeys(fingerprint)
    rounds = _unanswered(benchmark, keys, set() if overwrite else store.read().keys(), repeats)
    ahead = Workload.of(loaded, benchmark, rounds)
    say(ahead.text(loaded.name), show=progress)
    is_probed = loaded.takes_media and any(rounds)
    found = checked_reach(loaded, check=probe, progress=progress) if is_probed else None
    begin_run(folder, head, overwrite=overwrite)
    if found:
        record_probe(folder, found)
    with UsageMeter(folder, loaded, store, price):
        _ask(loaded, benchmark, rounds, keys, store, progress=progress)
    answers = store.read()
    require_answers(fingerprint, answers.values(), allow_empty=allow_empty)
    replies = _replies(folder) if judged else None
    scores = score(
        benchmark,
        answers.values(),
        keys,
        fixed.headline,
        average=fixed.average,
        repeats=repeats,
        judge=replies,
    )
    if not judged:
        forget_judge(folder)
    write_json(folder / "scores.json", scores.to_json())
    return scores


def _replies(folder: Path) -> Replies | None:
    """Return the replies of the run's judge, if it has one."""
    judge = read_judge(folder)
    return read_replies(folder, judge) if judge else None


def _unanswered(benchmark: Benchmark, keys: AnswerKeys, known: Collection[str], repeats: int) -> list[list[Sample]]:
    """Return the samples with unanswered questions, for each repeat."""
    return [
        [
            replace(sample, questions=missing)
            for sample in benchmark.samples
            if (missing := [q for q in sample.questions if keys.key(sample.stimulus, q, repeat) not in known])
        ]
        for repeat in range(repeats)
    ]


def _ask(
    model: Model,
    benchmark: Benchmark,
    rounds: Sequence[Sequence[Sample]],
    keys: AnswerKeys,
    store: AnswerStore,
    *,
    progress: bool,
) -> None:
    model.prepare([question for sample in benchmark.samples for question in sample.questions])
    total = len(benchmark) * len(rounds)
    left = sum(len(sample.questions) for samples in rounds for sample in samples)
    with asking(model, store, total, total - left, progress=progress) as (bar, interruption):
        for repeat, samples in enumerate(rounds):
            if not samples or interruption:
                continue
            model.begin_repeat(repeat)
            for sample, answers in model.answer_all(samples):
                answered = as_answers(sample, answers, model.name)
                store.append(_stored(sample, answered, keys, repeat))
                bar.advance(answered)


def _stored(sample: Sample, answers: Sequence[Answer], keys: AnswerKeys, repeat: int) -> list[StoredAnswer]:
    return [
        StoredAnswer(
            id=keys.key(sample.stimulus, question, repeat),
            question_id=question.question_id,
            text=answer.text,
            option_scores={option: round(value, 6) for option, value in answer.option_scores.items()},
            option_tokens=dict(answer.option_tokens),
            repeat=repeat,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            seconds=None if answer.seconds is None else round(answer.seconds, 6),
            finish_reason=answer.finish_reason,
            served_by=answer.served_by,
            reasoning=answer.reasoning,
        )
        for question, answer in zip(sample.questions, answers, strict=True)
    ]
