"""Ask a model the questions of a benchmark that it has not answered yet."""

import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from mma_bench import __version__
from mma_bench.atomic import write_json
from mma_bench.errors import MMABenchError
from mma_bench.evaluation.scores import Scores, score
from mma_bench.evaluation.store import AnswerStore, Run, StoredAnswer, answer_id, begin_run, check_run
from mma_bench.loader import Benchmark, Sample, load
from mma_bench.models import load as load_model
from mma_bench.models.interface import Answer, Model
from mma_bench.probe import Probe, record_probe, require_reach
from mma_bench.probe import probe as probe_model


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
    probe: bool = True,
    progress: bool = True,
) -> Scores:
    """Ask ``model`` about ``data``, keep its raw answers in the folder ``run``, and score them.

    An interrupted run goes on where it stopped. Answers already stored are not asked again.

    Args:
        model: a name for `mma_bench.models.load`, or a model.
        data: folder of a dataset, or its name on the hub.
        options: settings of the model by name, for a model that is given by name.
        run: folder of the run: `run.json`, `answers.jsonl`, `scores.json`.
        condition: one condition or several; by default all.
        split: `test` or `train`.
        limit: at most so many stimuli of each media condition.
        overwrite: forget the answers that ``run`` holds.
        probe: find out first whether video and audio reach the model. Without, the report says so.
        progress: show progress and the time left on standard error.

    Returns:
        The scores of the questions selected by ``condition`` and ``limit``.

    Raises:
        MMABenchError: the data or the model cannot be used, a modality does not reach the model, or ``run``
            belongs to another run.
    """
    benchmark = load(data, condition=condition, split=split, limit=limit)
    loaded = load_model(model, options) if isinstance(model, str) else model
    folder = Path(run)
    fingerprint = loaded.fingerprint()
    head = Run(
        model=loaded.name,
        model_fingerprint=fingerprint,
        data=str(data),
        data_sha256=benchmark.fingerprint,
        split=split,
        conditions=sorted({question.condition for sample in benchmark.samples for question in sample.questions}),
        limit=limit,
        mma_bench=__version__,
    )
    store = AnswerStore(folder)
    check_run(folder, head, overwrite=overwrite)
    open_samples = _unanswered(benchmark, fingerprint, set() if overwrite else store.read().keys())
    is_probed = loaded.takes_media and bool(open_samples)
    found = _reach(loaded, probe=probe) if is_probed else None
    begin_run(folder, head, overwrite=overwrite)
    if found:
        record_probe(folder, found)
    _ask(loaded, benchmark, open_samples, fingerprint, store, progress=progress)
    scores = score(benchmark, store.read().values(), fingerprint)
    write_json(folder / "scores.json", scores.to_json())
    return scores


def _unanswered(benchmark: Benchmark, fingerprint: dict[str, str], known: Collection[str]) -> list[Sample]:
    return [
        replace(sample, questions=missing)
        for sample in benchmark.samples
        if (missing := [q for q in sample.questions if answer_id(sample.stimulus, q, fingerprint) not in known])
    ]


def _reach(model: Model, *, probe: bool) -> Probe:
    """Return whether the media reach ``model``; raise before anything is written if they do not."""
    if not probe:
        return Probe(skipped=True)
    found = probe_model(model)
    require_reach(model, found)
    return found


def _ask(
    model: Model,
    benchmark: Benchmark,
    open_samples: Sequence[Sample],
    fingerprint: dict[str, str],
    store: AnswerStore,
    *,
    progress: bool,
) -> None:
    model.prepare([question for sample in benchmark.samples for question in sample.questions])
    answered = len(benchmark) - sum(len(sample.questions) for sample in open_samples)
    with tqdm(
        total=len(benchmark),
        initial=answered,
        desc=model.name,
        unit="question",
        file=sys.stderr,
        disable=not progress,
        mininterval=0.5 if sys.stderr.isatty() else 15,
    ) as bar:
        for sample, answers in model.answer_all(open_samples):
            store.append(_stored(sample, answers, fingerprint, model.name))
            bar.update(len(answers))


def _stored(sample: Sample, answers: Sequence[Answer], fingerprint: dict[str, str], name: str) -> list[StoredAnswer]:
    if [answer.question_id for answer in answers] != [question.question_id for question in sample.questions]:
        raise MMABenchError(
            f"{name} did not answer the questions of {sample.stimulus.key} one by one; its adapter is wrong"
        )
    return [
        StoredAnswer(
            id=answer_id(sample.stimulus, question, fingerprint),
            question_id=question.question_id,
            text=answer.text,
            option_scores={option: round(value, 6) for option, value in answer.option_scores.items()},
            option_tokens=dict(answer.option_tokens),
        )
        for question, answer in zip(sample.questions, answers, strict=True)
    ]
