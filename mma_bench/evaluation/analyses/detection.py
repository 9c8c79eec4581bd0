"""Detection: does a model notice that a stream is missing, of another clip, or late?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from mma_bench.drawing.panels import Mark, Panel, Plot, left_of
from mma_bench.drawing.style import INK, LOST, PAPER, RULE, percent_axis
from mma_bench.evaluation.analyses.pairs import pair
from mma_bench.evaluation.analyses.registry import Column, Series, analysis
from mma_bench.evaluation.analyses.table import VerdictTable
from mma_bench.evaluation.statistics import Estimate, share
from mma_bench.evaluation.statistics.signal_detection import signal_detection
from mma_bench.questions.detection import IN_TIME, MATCH, PRESENCE
from mma_bench.schema import Modality

if TYPE_CHECKING:
    from matplotlib.axes import Axes

QUESTIONS = {
    "seen": (PRESENCE, Modality.VISUAL, "anything to see?"),
    "heard": (PRESENCE, Modality.AUDIO, "anything to hear?"),
    "match": (MATCH, Modality.VISUAL, "belong together?"),
    "in_time": (IN_TIME, Modality.VISUAL, "in time?"),
}
"""Each question: its wording, the modality that it is stored with, and what it asks in words."""

_YES, _NO = 0, 1
"""Places of the options."""


@dataclass(frozen=True)
class Detection:
    """Yes/no answers about one thing to detect. An answer that is neither Yes nor No is never right.

    Attributes:
        question: a name in `QUESTIONS`.
        level: dose of the questions whose answer is No, such as the shift in seconds; None without doses.
        present: questions whose answer is Yes, about clips that were also asked with the answer No.
        absent: questions whose answer is No, about clips that were also asked with the answer Yes.
        missed: of ``present``, the share not answered Yes.
        false_alarms: of ``absent``, the share answered Yes.
        neither: of both, the share answered with neither Yes nor No.
        sensitivity: d', see `mma_bench.evaluation.statistics.signal_detection`.
        criterion: c; below 0 if the model prefers Yes.
        pairs: questions whose answer is No with the aligned clip as their counterpart.
        strict: share of the pairs with both answers right.
    """

    question: str
    level: float | None
    present: int
    absent: int
    missed: Estimate
    false_alarms: Estimate
    neither: Estimate
    sensitivity: Estimate
    criterion: Estimate
    pairs: int
    strict: Estimate

    @property
    def words(self) -> str:
        """What was asked, with the dose."""
        asked = QUESTIONS[self.question][2]
        return asked if self.level is None else f"{asked} {self.level:+g} s"


def detection_figure(runs: Sequence[Series[Detection]]) -> Plot | None:
    """Return a panel for each run with both error rates of each question, or none if no run has any."""
    shown = [run for run in runs if run.rows]
    if not shown:
        return None
    return Plot(
        name="detection",
        title="Detection: missed and false alarms",
        text="A model that always answers Yes misses nothing and raises an alarm each time; one that detects has both "
        "marks on the left.",
        caption="Missed: percent not answered Yes where Yes is right; false alarms: percent answered Yes where No is "
        "right. Lines are 95% Wilson intervals (effective sample size over clips).",
        panels=[
            Panel(
                run.label,
                partial(_draw, rows=run.rows),
                0.42 * len(run.rows) + 0.55,
                f"Missed and false alarms of {run.label} for each detection question; the table has the numbers",
                left=left_of([row.words for row in run.rows]),
            )
            for run in shown
        ],
        legend=[Mark("missed", INK, "circle"), Mark("false alarms", LOST, "square")],
    )


def _draw(axes: "Axes", rows: Sequence[Detection]) -> None:
    for line in range(1, len(rows)):
        axes.axhline(line - 0.5, color=RULE, linewidth=0.6)
    for line, row in enumerate(rows):
        for rate, colour, marker, aside in (
            (row.missed, INK, "o", -0.16),
            (row.false_alarms, LOST, "s", 0.16),
        ):
            axes.hlines(line + aside, 100 * rate.low, 100 * rate.high, color=colour, linewidth=1.3, zorder=3)
            axes.plot(100 * rate.value, line + aside, marker=marker, markersize=5.5, color=colour,
                      markeredgecolor=PAPER, linestyle="none", clip_on=False, zorder=4)  # fmt: skip
    axes.set_ylim(len(rows) - 0.45, -0.55)
    axes.set_yticks(range(len(rows)), [row.words for row in rows])
    percent_axis(axes, "answers, %")


def _number(estimate: Estimate) -> str:
    """Return a number that is not a share as it is printed."""
    value, low, high = (f"{round(bound, 2) + 0.0:.2f}" for bound in (estimate.value, estimate.low, estimate.high))
    return (value if math.isnan(estimate.low) else f"{value} [{low}, {high}]").replace("-", "−")


@analysis(
    name="detection",
    title="Detection: is it noticed?",
    head="model: question",
    columns={
        "present": "Yes is right (n)",
        "absent": "No is right (n)",
        "missed": "missed",
        "false_alarms": "false alarms",
        "neither": "neither Yes nor No",
        "sensitivity": Column("d'", text=_number),
        "criterion": Column("criterion", text=_number),
        "pairs": "pairs (n)",
        "strict": "both right",
    },
    row=lambda row: row.words,
    caption="Missed: percent of the questions whose answer is Yes that are not answered Yes; false alarms: percent of "
    "the questions whose answer is No that are answered Yes. d' = z(1 − missed) − z(false alarms), with a part of an "
    "answer added to each count (Hautus 1995): 0 if Yes says nothing. Criterion: below 0 if Yes is preferred. Both "
    "right: percent of the pairs of a clip and its counterpart with two right answers. 95% intervals (shares: Wilson, "
    "effective sample size over clips; d' and criterion: Zou 2007, from those of both rates).",
    notes=[
        "An answer that is neither Yes nor No counts as missed where Yes is right, as no alarm where No is right, and "
        "as wrong in a pair.",
        "Both rates of a row are of the same clips: those asked about with either answer.",
        "In time: the same sound shifted by the given seconds. Continuous sounds, such as rain, are in time at any "
        "shift.",
    ],
    figure=detection_figure,
    graded=True,
)
def detections(table: VerdictTable) -> list[Detection]:
    """Return the detection of each question that was asked with and without what it asks for."""
    found = []
    for name, (variant, modality, _) in QUESTIONS.items():
        rows = table.select(modality=modality, variants=[variant])
        present, absent = rows.take(rows.answer_place == _YES), rows.take(rows.answer_place == _NO)
        for level in np.unique(absent.level):
            at = absent.take(np.isnan(absent.level) if np.isnan(level) else absent.level == level)
            # Both rates are of the same clips: otherwise d' would also measure how the clips differ.
            yes, no = _about(present, at), _about(at, present)
            if len(yes):
                found.append(_detection(name, None if np.isnan(level) else float(level), yes, no))
    return found


def _about(rows: VerdictTable, others: VerdictTable) -> VerdictTable:
    """Return the rows about clips that ``others`` are about, too."""
    return rows.take(np.isin(rows.clip, others.clip))


def _detection(name: str, level: float | None, present: VerdictTable, absent: VerdictTable) -> Detection:
    hits, alarms = present.place == _YES, absent.place == _YES
    place, clips = (
        np.concatenate([getattr(rows, column) for rows in (present, absent)]) for column in ("place", "clip")
    )
    signal = signal_detection(hits, present.clip, alarms, absent.clip)
    pairs = pair(present.select(condition="aligned"), absent)
    return Detection(
        question=name,
        level=level,
        present=len(present),
        absent=len(absent),
        missed=share(~hits, present.clip),
        false_alarms=share(alarms, absent.clip),
        neither=share(place < 0, clips),
        sensitivity=signal.sensitivity,
        criterion=signal.criterion,
        pairs=len(pairs),
        strict=share(pairs.reference.correct & pairs.changed.correct, pairs.changed.clip),
    )
