"""The table of people: the human baseline, how far people agree, and how often their majority is right."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mma_bench.evaluation.people import PEOPLE_PREFIX
from mma_bench.evaluation.statistics import Estimate, share
from mma_bench.evaluation.statistics.agreement import MISSING, krippendorff_alpha, pairwise_agreement
from mma_bench.evaluation.verdict import Verdict
from mma_bench.files.text import visible
from mma_bench.report.runs import ScoredRun
from mma_bench.report.table import Column, Entry, Row, Table, in_words, share_of
from mma_bench.schema import Modality

_COLUMNS = (
    "answers",
    "right",
    "questions shared",
    "same answer",
    "Krippendorff's alpha",
    "majority right",
    "agree on another class",
)

Answers = dict[str, Verdict]
"""One person's answers by question."""


@dataclass(frozen=True)
class _Task:
    """Questions of one condition about one modality, or all of them."""

    name: str
    people: Sequence[Answers]


def people_table(runs: Sequence[ScoredRun]) -> Table | None:
    """Return what the people among ``runs`` answered, and how far they agree; none without people."""
    answers_of = _answers_by_person(runs)
    if not answers_of:
        return None
    answers = list(answers_of.values())
    rows = [Row(in_words(task.name), _entries(task.people), "reference") for task in _tasks(answers)]
    names = ", ".join(visible(model.removeprefix(PEOPLE_PREFIX), one_line=True) for model in answers_of)
    return Table(
        name="people",
        title="People",
        caption=f"Answers of {len(answers)} {'person' if len(answers) == 1 else 'people'} ({names}) to the headline "
        "questions whose modality is there. Percent of answers, or of the questions that two or more people answered; "
        "95% intervals over clips (Wilson, bootstrap for alpha).",
        head="task",
        columns=[Column(name) for name in _COLUMNS],
        rows=rows,
        notes=[
            "Same answer: share of pairs of people. Krippendorff's alpha (nominal): agreement corrected for chance; 1 "
            "is perfect, 0 is chance. Majority right: the answer that most people gave is the labelled class; if k "
            "answers are tied, the labelled class counts as 1/k if it is one of them. Two people have no majority: the "
            "number is their mean accuracy. Agree on another class: all people "
            "gave the same class, which is not the labelled one; the label may be wrong. Runs of one name are one "
            "person; of several answers to a question, that in the run named first counts."
        ],
    )


def _answers_by_person(runs: Sequence[ScoredRun]) -> dict[str, Answers]:
    """Return the answers of each person among ``runs``, whose runs may be several."""
    found: dict[str, Answers] = {}
    for run in runs:
        if run.is_person:
            found[run.run.model] = {**_answers(run), **found.get(run.run.model, {})}
    return found


def _answers(run: ScoredRun) -> Answers:
    return {
        verdict.question.question_id: verdict
        for verdict in run.headline_verdicts
        if verdict.question.answerable and verdict.level is None
    }


def _tasks(people: Sequence[Answers]) -> list[_Task]:
    places: dict[tuple[str, Modality], None] = {}
    for answers in people:
        for verdict in answers.values():
            places.setdefault((verdict.question.condition, verdict.question.modality))
    found = [_Task("all", people)]
    for condition, modality in sorted(places):
        chosen = [
            {
                name: verdict
                for name, verdict in answers.items()
                if (verdict.question.condition, verdict.question.modality) == (condition, modality)
            }
            for answers in people
        ]
        found.append(_Task(f"{condition}, {modality}", chosen))
    return found


def _entries(people: Sequence[Answers]) -> list[Entry]:
    given = [verdict for answers in people for verdict in answers.values()]
    questions = {name: verdict for answers in people for name, verdict in answers.items()}
    shared = [name for name in questions if sum(name in answers for answers in people) > 1]
    right = share([verdict.correct for verdict in given], [_clip(verdict) for verdict in given])
    if not shared:
        return [len(given), share_of(right), 0, None, None, None, None]
    clips = [_clip(questions[name]) for name in shared]
    kinds: dict[str, int] = {}
    codes = [
        [kinds.setdefault(_said(answers[name]), len(kinds)) if name in answers else MISSING for answers in people]
        for name in shared
    ]
    votes = [[answers[name] for answers in people if name in answers] for name in shared]
    majority = share([_majority_right(some) for some in votes], clips)
    other = share([_agree_on_another(some) for some in votes], clips)
    return [
        len(given),
        share_of(right),
        len(shared),
        share_of(pairwise_agreement(codes, clips)),
        _number(krippendorff_alpha(codes, clips)),
        share_of(majority),
        share_of(other),
    ]


def _clip(verdict: Verdict) -> str:
    stimulus = verdict.sample.stimulus
    asked = stimulus.video if verdict.question.modality is Modality.VISUAL else stimulus.audio
    return asked.clip_id or stimulus.key


def _said(verdict: Verdict) -> str:
    return verdict.label if verdict.label is not None else f"<{verdict.outcome}>"


def _majority_right(votes: Sequence[Verdict]) -> float:
    """Return 1 if most people gave the labelled class, 1/k if k answers are tied and it is one of them, or else 0."""
    counts = Counter(map(_said, votes))
    most = max(counts.values())
    tied = [said for said, count in counts.items() if count == most]
    return 1 / len(tied) if votes[0].question.answer in tied else 0.0


def _agree_on_another(votes: Sequence[Verdict]) -> bool:
    said = {_said(vote) for vote in votes}
    return len(said) == 1 and votes[0].label is not None and not votes[0].correct


def _number(estimate: Estimate) -> str | None:
    if math.isnan(estimate.value):
        return None
    interval = "" if math.isnan(estimate.low) else f" ({estimate.low:.2f} to {estimate.high:.2f})"
    return f"{estimate.value:.2f}{interval}"
