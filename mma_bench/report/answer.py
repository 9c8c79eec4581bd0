"""The answer of a report in sentences: does the first model use the modality that it is asked about?"""

import math
from collections.abc import Sequence

from mma_bench.counted import counted
from mma_bench.evaluation.analyses import CompetenceSplit, Estimate
from mma_bench.evaluation.analyses.competence import ONE_MODALITY, conflict_split
from mma_bench.evaluation.analyses.table import CONFLICT
from mma_bench.evaluation.statistics import AVERAGE_WORDS
from mma_bench.report.average import average_of, headline_of
from mma_bench.report.runs import ScoredRun, competes
from mma_bench.schema import Modality

FEW_CLIPS = 100
"""Below this number of clips the interval of a share can be 20 points wide or more, and the page says so."""

_OTHER = {Modality.VISUAL: "audio stream", Modality.AUDIO: "visual stream"}


def answer_sentences(runs: Sequence[ScoredRun]) -> list[str]:
    """Return two or three sentences that answer the report's question, with 95% intervals.

    Accuracies are the headline numbers; interference is paired by question, as in the competence split. Only models
    that were given everything are compared.

    Args:
        runs: as `read_runs` orders them; the first one is described, the others are compared with it.
    """
    models = [run for run in runs if competes(run)]
    first = (models or runs)[0]
    sentences = [_about(first, modality) for modality in Modality]
    if len(models) > 1:
        sentences.append(_comparison(models))
    elif not models:
        sentences.append(_without_models(runs))
    return sentences


def _without_models(runs: Sequence[ScoredRun]) -> str:
    """Return why no model is compared, for ``runs`` of which none competes."""
    if any(run.run.withheld for run in runs):
        return "No model was given both video and audio, so no sentence compares models."
    if any(run.is_person for run in runs):
        return "Only people, or people and baselines, were evaluated, so no sentence is about a model."
    return (
        "Only baselines were evaluated: rules that read labels and use neither modality, so no sentence is about a "
        "model."
    )


def answer_note(runs: Sequence[ScoredRun]) -> str:
    """Return which average, interval and number of clips the sentences use."""
    first = runs[0]
    clips = max((cell.clips for cell in first.scores.cells), default=0)
    words = AVERAGE_WORDS[average_of(first)]
    note = f"Accuracies and interference: {words}; interference is paired by question. Brackets: 95% intervals."
    if 0 < clips < FEW_CLIPS:
        note += f" Only {counted(clips, 'clip')}: read the intervals, not only the numbers."
    return note


def percent(estimate: Estimate) -> str:
    """Return a share as `79.8% [64, 90]`."""
    shown = f"{100 * estimate.value:.1f}%"
    return shown if math.isnan(estimate.low) else f"{shown} [{100 * estimate.low:.0f}, {100 * estimate.high:.0f}]"


def _about(run: ScoredRun, modality: Modality) -> str:
    other = _OTHER[modality]
    conflict = _accuracy(run, CONFLICT, modality)
    alone = _accuracy(run, ONE_MODALITY[modality], modality)
    if conflict is None:
        missing = CONFLICT.replace("_", " ")
        return f"{run.label} was not asked {modality} questions under conflict ({missing}), so this run cannot say."
    text = f"{run.label} answers {percent(conflict)} of the {modality} questions correctly when the {other} disagrees"
    split = conflict_split(run.analysis.of(CompetenceSplit), modality)
    if alone is not None and split is None:
        return (
            f"{text} and {percent(alone)} without the {other}, but no clip was asked about in both conditions, so "
            "interference was not measured."
        )
    if alone is None or split is None:
        without = ONE_MODALITY[modality].replace("_", " ")
        return f"{text}; how many it answers without the {other} was not measured ({without} is missing)."
    return f"{text} and {percent(alone)} without the {other}: {_interference(split, other)}."


def _interference(split: CompetenceSplit, other: str) -> str:
    lost = split.interference
    if math.isnan(lost.value):
        return "interference cannot be estimated"
    points = f"{_points(abs(lost.value))} points"
    if not math.isnan(lost.low) and not lost.excludes_zero:
        bounds = f"[{_signed(lost.low)}, {_signed(lost.high)}]"
        return f"no interference is established (interference {_signed(lost.value, 1)} {bounds} points includes zero)"
    verb, low, high = ("takes", lost.low, lost.high) if lost.value > 0 else ("adds", -lost.high, -lost.low)
    interval = "" if math.isnan(low) else f" [{100 * low:.0f}, {100 * high:.0f}]"
    return f"the conflicting {other} {verb} {points}{interval}"


def _comparison(models: Sequence[ScoredRun]) -> str:
    """Return which model is most accurate under conflict, and whether its interval is clear of the next model's."""
    parts = []
    for modality in Modality:
        found = [(accuracy, run) for run in models if (accuracy := _accuracy(run, CONFLICT, modality))]
        if len(found) < 2:
            continue
        (best, run), (second, other), *_ = sorted(found, key=lambda entry: (-entry[0].value, entry[1].label))
        if best.value == second.value:
            parts.append(f"on {modality} questions {run.label} and {other.label} are equal ({percent(best)})")
            continue
        apart = "the intervals do not overlap" if best.low > second.high else "the intervals overlap"
        parts.append(
            f"{run.label} is most accurate on {modality} questions ({percent(best)}, next {other.label} "
            f"{percent(second)}; {apart})"
        )
    if not parts:
        return f"The {len(models)} models were not all asked about conflicts ({CONFLICT}), so they cannot be compared."
    return f"Of {len(models)} models under conflict, {', and '.join(parts)}."


def _accuracy(run: ScoredRun, condition: str, modality: Modality) -> Estimate | None:
    try:
        return headline_of(run.scores.cell(condition, modality), average_of(run))
    except KeyError:
        return None


def _points(value: float) -> str:
    return f"{100 * value:.1f}"


def _signed(value: float, digits: int = 0) -> str:
    shown = f"{100 * value:+.{digits}f}"
    return shown[1:] if not float(shown) else shown.replace("-", "−")
