"""A segment list with the decision on each of its rows."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from builder.select.label_filter import NO_LABEL, REASONS, JudgedSets, LabelFilter, Reason
from builder.select.segments import SegmentList


@dataclass(frozen=True)
class JudgedList:
    """A segment list, judged. Rows are those of ``segments.table``.

    Attributes:
        segments: The list.
        class_names: The classes.
        label: For each row, the position of its class, or NO_LABEL, shape (rows,).
        reason: For each row, the position in REASONS if it is not a candidate, or NO_LABEL, shape (rows,).
        sets: The filter's result for each distinct set of labels, or None if no filter was used.
    """

    segments: SegmentList
    class_names: Sequence[str]
    label: npt.NDArray[np.int16]
    reason: npt.NDArray[np.int8]
    sets: JudgedSets | None

    @property
    def label_set(self) -> npt.NDArray[np.int32]:
        """For each row, the position of its set in ``sets``, shape (rows,)."""
        indices: npt.NDArray[np.int32] = self.segments.table["labels"].chunk(0).indices.to_numpy()
        return indices

    def with_reason(self, rows: npt.NDArray[np.bool_], reason: Reason) -> "JudgedList":
        """Return the list with ``rows`` (a mask) dropped for ``reason``."""
        at = np.int8(REASONS.index(reason))
        return replace(
            self,
            label=np.where(rows, np.int16(NO_LABEL), self.label),
            reason=np.where(rows, at, self.reason),
        )

    def counts(self) -> tuple[dict[str, int], dict[str, int]]:
        """Return the number of rows per class and per reason; together they are all rows of the file."""
        classes = np.bincount(self.label[self.label >= 0], minlength=len(self.class_names)).tolist()
        reasons = Counter(dict(enumerate(np.bincount(self.reason[self.reason >= 0]).tolist())))
        reasons[REASONS.index(Reason.BAD_ROW)] += len(self.segments.skipped)
        named = {reason.value: reasons[at] for at, reason in enumerate(REASONS) if reasons[at]}
        return dict(zip(self.class_names, classes, strict=True)), named


def judge_list(segments: SegmentList, label_filter: LabelFilter) -> JudgedList:
    """Judge every row of ``segments``.

    Clips share few distinct sets of labels (9,558 in 42,531 real rows), and each set is judged once.
    """
    labels = segments.table["labels"].chunk(0)
    sets = label_filter.judge(labels.dictionary)
    of_row = labels.indices.to_numpy()
    return JudgedList(segments, label_filter.class_names, sets.label[of_row], sets.reason[of_row], sets)


def without_duplicates(judged: JudgedList, earlier: Sequence[JudgedList]) -> JudgedList:
    """Drop the rows whose segment is also in a list of ``earlier``."""
    for other in earlier:
        ids = other.segments.table["clip_id"].chunk(0)
        repeated = pc.is_in(judged.segments.table["clip_id"].chunk(0), value_set=ids)
        judged = judged.with_reason(repeated.to_numpy(zero_copy_only=False), Reason.DUPLICATE)
    return judged


def videos_in_several_lists(lists: Sequence[JudgedList]) -> int:
    """Return how many YouTube ids of the later lists are in an earlier one: train and test must share none."""
    shared = 0
    for at, judged in enumerate(lists[1:], start=1):
        seen = pa.concat_arrays([other.segments.table["youtube_id"].chunk(0) for other in lists[:at]])
        ids = pc.unique(judged.segments.table["youtube_id"])
        shared += pc.sum(pc.is_in(ids, value_set=seen)).as_py() or 0
    return shared
