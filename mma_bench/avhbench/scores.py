"""AVHBench's scores as a pure function of its rows and the stored answers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from mma_bench.avhbench.protocol import protocol
from mma_bench.avhbench.questions import Row
from mma_bench.evaluation.statistics.share import wilson
from mma_bench.models.checks import YES
from mma_bench.parsing import read_yes_no

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_DRAWS = 1_000
_SEED = 20_251_122


@dataclass(frozen=True)
class Share:
    """A share with its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class TaskScores:
    """The scores of one yes/no task. Positive is `Yes`; an answer that is neither counts as wrong everywhere.

    Attributes:
        task: short name.
        questions: number of answered rows of the file; each row counts, as in the published tables.
        videos: number of videos that they are about.
        accuracy: share of all rows that were answered correctly.
        precision: share of Yes answers that are right; none if there was no Yes.
        recall: share of rows labelled Yes that were answered Yes; none if there is no such row.
        f1: harmonic mean of the two; none if there is neither a Yes answer nor a Yes label.
        yes_rate: share of all rows that were answered Yes; the labels are balanced, so an unbiased model has 0.5.
        unparsed_rate: share of answers that are neither plainly yes nor plainly no.
    """

    task: str
    questions: int
    videos: int
    accuracy: Share
    precision: Share | None
    recall: Share | None
    f1: Share | None
    yes_rate: Share
    unparsed_rate: float

    def to_json(self) -> dict[str, Any]:
        """Return the scores, rounded."""
        return {name: _rounded(value) for name, value in asdict(self).items()}


def score_tasks(rows: Sequence[Row], texts: Mapping[tuple[str, str], str]) -> list[TaskScores]:
    """Score the rows of the yes/no tasks that have an answer.

    Args:
        rows: rows of the questions' file.
        texts: raw answers by video and name of the question.
    """
    found = []
    for name, task in protocol().tasks.items():
        answered = [row for row in rows if row.task == name and (row.video_id, row.name) in texts]
        if answered and task.asks == "yes_no":
            found.append(_score(name, answered, [texts[row.video_id, row.name] for row in answered]))
    return found


def _score(task: str, rows: Sequence[Row], texts: Sequence[str]) -> TaskScores:
    import numpy as np

    videos, video = np.unique([row.video_id for row in rows], return_inverse=True)
    counts = np.zeros((len(videos), 4))  # of each video: right Yes, other Yes, rows labelled Yes, right No
    said = [read_yes_no(text) for text in texts]
    for place, row, answer in zip(video, rows, said, strict=True):
        is_yes = row.label == YES
        counts[place] += (
            answer == "yes" and is_yes,
            answer == "yes" and not is_yes,
            is_yes,
            answer == "no" and not is_yes,
        )
    true_yes, false_yes, labelled_yes, true_no = counts.sum(axis=0).astype(int).tolist()
    total = len(rows)
    low, high = np.percentile(_metrics(_draws(counts, rows, video)), [2.5, 97.5], axis=1)
    f1 = 2 * true_yes / (true_yes + false_yes + labelled_yes) if true_yes + false_yes + labelled_yes else None
    bounds = list(zip(low.tolist(), high.tolist(), strict=True))
    return TaskScores(
        task=task,
        questions=total,
        videos=len(videos),
        accuracy=_share(true_yes + true_no, total, bounds[0]),
        precision=_share(true_yes, true_yes + false_yes, bounds[1]) if true_yes + false_yes else None,
        recall=_share(true_yes, labelled_yes, bounds[2]) if labelled_yes else None,
        f1=None if f1 is None else Share(f1, min(f1, bounds[3][0]), max(f1, bounds[3][1])),
        yes_rate=_share(true_yes + false_yes, total, bounds[4]),
        unparsed_rate=Counter(said)["unparsed"] / total,
    )


def _draws(counts: "NDArray[np.float64]", rows: Sequence[Row], video: "NDArray[np.intp]") -> "NDArray[np.float64]":
    """Return totals of resampled videos: answers about one video are correlated, so whole videos are drawn.

    Returns:
        Array of shape [5, draws]: the four counts and the number of rows.
    """
    import numpy as np

    sizes = np.bincount(video, minlength=len(counts)).astype(np.float64)
    times = np.random.default_rng(_SEED).multinomial(len(counts), np.full(len(counts), 1 / len(counts)), size=_DRAWS)
    return (times.astype(np.float64) @ np.column_stack([counts, sizes])).T


def _metrics(totals: "NDArray[np.float64]") -> "NDArray[np.float64]":
    import numpy as np

    true_yes, false_yes, labelled_yes, true_no, size = totals
    tops = [true_yes + true_no, true_yes, true_yes, 2 * true_yes, true_yes + false_yes]
    bottoms = [size, true_yes + false_yes, labelled_yes, true_yes + false_yes + labelled_yes, size]
    return np.stack([top / np.maximum(bottom, 1) for top, bottom in zip(tops, bottoms, strict=True)])


def _share(successes: int, total: int, bounds: tuple[float, float]) -> Share:
    # A bootstrap calls a share of 0 or 1 certain; Wilson's interval does not, but assumes independent rows.
    low, high = wilson(successes / total, total)
    return Share(successes / total, min(low, bounds[0]), max(high, bounds[1]))


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    return round(value, 6) if isinstance(value, float) else value
