"""Every question with every answer to it, as data for the page's browser of examples."""

import json
from collections.abc import Sequence
from typing import Any

from mma_bench.dataset.layout import conditions_in_order
from mma_bench.dataset.load import Sample
from mma_bench.evaluation.analyses.table import CONFLICT
from mma_bench.evaluation.kinds import Kind, kind_of
from mma_bench.evaluation.verdict import Verdict
from mma_bench.files.text import visible
from mma_bench.report.excerpts import excerpt
from mma_bench.report.playable import media_path
from mma_bench.report.runs import ScoredRun
from mma_bench.schema import CONDITIONS, Modality, Stream

MOST = 20_000
"""Questions that the page holds; about 100 bytes each with three models. `answers.csv` has all of them."""

_GENERATED = {"black": "black frames", "silence": "silence"}
_BESIDES = {
    "mixed": "mixed with",
    "blended": "blended with",
    "occluded": "occluded",
    "shifted": "shifted",
    "spoken": "with a voice that says",
    "written": "with the text",
}


class _Names:
    """Numbers for values, so that the page holds each only once."""

    def __init__(self) -> None:
        self.known: dict[Any, int] = {}

    def __getitem__(self, value: Any) -> int:
        return self.known.setdefault(value, len(self.known))


def browser_data(runs: Sequence[ScoredRun], playable: Sequence[Sample]) -> dict[str, Any]:
    """Return what the page's browser shows; every text is an excerpt with its invisible characters written out.

    Conflicts that misled the first run come first, then questions about other stimuli that can be played.
    The lists are columns of numbers into tables of texts: 8,000 questions with 61 options each take 2 MB, not 9.
    """
    media = {sample.stimulus.key: media_path(sample) for sample in playable}
    asked: dict[str, list[tuple[int, Verdict]]] = {}
    for number, run in enumerate(runs):
        for verdict in run.scores.verdicts:
            asked.setdefault(verdict.question.question_id, []).append((number, verdict))
    order = list(media)
    misled = _misled(runs[0])
    usual = set(runs[0].scores.variants)
    chosen = sorted(asked, key=lambda name: _place(asked[name][0][1], order, misled, usual))[:MOST]
    texts, labels, rules, stimuli, variants = _Names(), _Names(), _Names(), _Names(), _Names()
    conditions = conditions_in_order({asked[name][0][1].question.condition for name in chosen})
    kinds = list(Kind)
    samples: dict[str, Sample] = {}
    questions = []
    for name in chosen:
        verdict = asked[name][0][1]
        question = verdict.question
        samples[verdict.sample.stimulus.key] = verdict.sample
        questions.append(
            [
                stimuli[verdict.sample.stimulus.key],
                conditions.index(question.condition),
                list(Modality).index(question.modality),
                texts[excerpt(question.prompt)],
                labels[question.answer],
                -1 if question.distractor is None else labels[question.distractor],
                int(question.answerable),
                variants[question.variant],
                [
                    [number, texts[excerpt(said.text)], -1 if said.label is None else labels[said.label],
                     rules[said.rule], kinds.index(kind_of(said)), said.repeat]
                    for number, said in asked[name]
                ],
            ]
        )  # fmt: skip
    return {
        "models": [{"name": run.label, "baseline": run.is_baseline, "repeats": run.run.repeats} for run in runs],
        "conditions": [visible(name.replace("_", " "), one_line=True) for name in conditions],
        "variants": [visible(name.replace("_", " "), one_line=True) for name in variants.known],
        "kinds": [{"name": kind.value, "slug": kind.slug} for kind in kinds],
        "labels": [visible(label, one_line=True) for label in labels.known],
        "rules": [visible(rule.replace("_", " "), one_line=True) for rule in rules.known],
        "texts": [[text.head, text.omitted, text.tail, text.length] for text in texts.known],
        "stimuli": [_stimulus(samples[key], media.get(key)) for key in stimuli.known],
        "questions": questions,
        "total": len(asked),
        "misled": len(misled),
    }


def script_json(value: Any) -> str:
    """Return ``value`` as JSON that may stand inside a `script` element: no character of it means anything in HTML."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _misled(run: ScoredRun) -> set[str]:
    """Return the ids of the questions under conflict in which ``run`` named the distractor."""
    return {v.question.question_id for v in run.scores.verdicts if v.question.condition == CONFLICT and v.distracted}


def _place(verdict: Verdict, playable: Sequence[str], misled: set[str], usual: set[str]) -> tuple[int, int, str, str]:
    """Return where a question is listed: misled in the headline wordings, then in others, then the rest."""
    key, name = verdict.sample.stimulus.key, verdict.question.question_id
    rank = 2 if name not in misled else 0 if verdict.variant in usual else 1
    return rank, (playable.index(key) if key in playable else len(playable)), key, name


def _stimulus(sample: Sample, media: str | None) -> dict[str, Any]:
    stimulus = sample.stimulus
    return {
        "key": stimulus.key,
        "seen": _shown(stimulus.video),
        "heard": _shown(stimulus.audio),
        "seconds": round(stimulus.seconds, 1),
        "dose": "" if stimulus.level is None else f"{stimulus.level:g} {_unit(stimulus.condition)}".strip(),
        "media": media,
    }


def _unit(condition: str) -> str:
    return CONDITIONS[condition].unit if condition in CONDITIONS else ""


def _shown(stream: Stream) -> str:
    if stream.origin in _GENERATED:
        return _GENERATED[stream.origin]
    parts = [stream.label, _BESIDES.get(stream.origin), stream.donor_label]
    return visible(" ".join(part for part in parts if part), one_line=True)
