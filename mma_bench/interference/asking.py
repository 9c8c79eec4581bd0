"""Asks a model what is left of a plan, and keeps its answers."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mma_bench.console.progress import say
from mma_bench.dataset.load import Sample
from mma_bench.evaluation.outlook import Workload
from mma_bench.evaluation.run_folder import asking
from mma_bench.evaluation.session import stored_answers
from mma_bench.evaluation.store import AnswerKeys, AnswerStore, StoredAnswer
from mma_bench.evaluation.usage import UsageMeter
from mma_bench.interference.stimuli import Plan
from mma_bench.models.interface import Model
from mma_bench.models.own import as_answers

Rounds = Sequence[Sequence[Sample]]
"""What is asked: everything once, and the clean questions a second time."""


def open_rounds(plan: Plan, keys: AnswerKeys, known: Collection[str]) -> Rounds:
    """Return the stimuli with questions that have no answer among ``known``, for each round."""
    return [
        [
            replace(sample, questions=missing)
            for sample in samples
            if (missing := [q for q in sample.questions if keys.key(sample.stimulus, q, repeat) not in known])
        ]
        for repeat, samples in enumerate((plan.samples, plan.clean))
    ]


def total_of(plan: Plan) -> int:
    """Return the number of questions of both rounds."""
    return len(plan.asked) + len(plan.clean)


def ask(model: Model, plan: Plan, rounds: Rounds, keys: AnswerKeys, folder: Path, *, progress: bool) -> None:
    """Ask what is left.

    Args:
        model: who is asked.
        plan: all questions.
        rounds: what is left.
        keys: name the answers.
        folder: of the run.
        progress: show progress on standard error.
    """
    store, total = AnswerStore(folder), total_of(plan)
    left = sum(len(sample.questions) for samples in rounds for sample in samples)
    with UsageMeter(folder, model, store):
        model.prepare([question for sample in plan.clean for question in sample.questions])
        with asking(model, store, total, total - left, progress=progress) as (bar, interruption):
            for repeat, samples in enumerate(rounds):
                if not samples or interruption:
                    continue
                model.begin_repeat(repeat)
                for sample, answers in model.answer_all(samples):
                    answered = as_answers(sample, answers, model.name)
                    store.append(stored_answers(sample, answered, keys, repeat))
                    bar.advance(answered)


def announce(model: Model, plan: Plan, rounds: Rounds, *, progress: bool) -> None:
    """Say how much is asked."""
    say(Workload.of(model, total_of(plan), rounds).text(model.name), show=progress)


def missing_of(plan: Plan, answers: Mapping[str, StoredAnswer], keys: AnswerKeys) -> int:
    """Return the number of questions without an answer."""
    return sum(len(sample.questions) for samples in open_rounds(plan, keys, answers.keys()) for sample in samples)
