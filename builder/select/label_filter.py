"""The class-guided filter: which clips belong to exactly one class.

A clip's labels that are ancestors of its other labels add no information and are dropped: {Animal, Dog, Bark} becomes
{Bark}. All remaining labels must belong to one class: {Cat, Speech} is not a clip of a cat alone. (arXiv 2511.22826,
curation, stage 2.)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from builder.select.decisions import Decision, Status
from builder.select.ontology import Ontology


class Reason(StrEnum):
    """Why a clip is not a candidate."""

    BAD_ROW = "bad_row"
    DUPLICATE = "duplicate"
    NO_CLASS = "no_class"
    ACTION_LESS = "action_less"
    AMBIGUOUS = "ambiguous"
    RESTRICTED = "restricted"
    EXCLUDED_NODE = "excluded_node"
    SEVERAL_CLASSES = "several_classes"
    OTHER_SOUND = "other_sound"
    NOT_OFFICIAL = "not_official"


MEANINGS: Mapping[Reason, str] = {
    Reason.BAD_ROW: "the row of the list could not be read",
    Reason.DUPLICATE: "the same segment stands in an earlier list",
    Reason.NO_CLASS: "no label lies in a class",
    Reason.ACTION_LESS: "only sounds that no visible action makes",
    Reason.AMBIGUOUS: "only labels that do not tell the source",
    Reason.RESTRICTED: "only labels that the ontology's editors advise against",
    Reason.EXCLUDED_NODE: "only labels that a class gives up",
    Reason.SEVERAL_CLASSES: "labels of two or more classes",
    Reason.OTHER_SOUND: "one class, and a sound outside of all classes",
    Reason.NOT_OFFICIAL: "not one of the published clips",
}


REASONS: Sequence[Reason] = tuple(Reason)
NO_LABEL = -1

_SETS_AT_ONCE = 1 << 16
"""Limits memory: a set of 10 labels takes 100 comparisons of 8 bytes."""


@dataclass(frozen=True)
class JudgedSets:
    """The filter's result for each distinct set of labels.

    Attributes:
        label: Position of the class in the filter's `class_names`, or NO_LABEL, shape (sets,).
        reason: Position in REASONS if the set is not a candidate, otherwise NO_LABEL, shape (sets,).
        detail: The deciding labels, each with its class or status.
        nodes: All labels of each set, as positions in the ontology.
        deciding: The labels left after dropping ancestors.
    """

    label: npt.NDArray[np.int16]
    reason: npt.NDArray[np.int8]
    detail: pa.StringArray
    nodes: pa.ListArray
    deciding: pa.ListArray


class LabelFilter:
    """Judges sets of labels, many at a time."""

    def __init__(self, ontology: Ontology, decisions: Mapping[str, Decision], class_names: Sequence[str]) -> None:
        """Use ``decisions`` about the nodes of ``ontology``."""
        self.class_names = tuple(class_names)
        self.names = pa.array([node.name for node in ontology.nodes.values()])
        self.ids = pa.array(list(ontology.nodes))
        position = {node_id: at for at, node_id in enumerate(ontology.nodes)}
        order = {name: at for at, name in enumerate(self.class_names)}
        made = [decisions[node_id] for node_id in ontology.nodes]
        self._class = np.array([NO_LABEL if d.label is None else order[d.label] for d in made], dtype=np.int16)
        self._status_bit = np.array([1 << list(Status).index(d.status) for d in made], dtype=np.int32)
        self._text = pa.array(
            [f"{ontology.name(id_)} [{d.label or d.status}]" for id_, d in zip(ontology.nodes, made, strict=True)]
        )
        self._is_above = np.zeros((len(ontology), len(ontology)), dtype=np.bool_)  # [x, y]: x is an ancestor of y
        for node_id, at in position.items():
            self._is_above[[position[ancestor] for ancestor in ontology.ancestors(node_id)], at] = True
        self._reason_of_bit = {
            1 << at: REASONS.index(Reason(status.value))
            for at, status in enumerate(Status)
            if status.value in {reason.value for reason in Reason}
        }

    def judge(self, label_sets: pa.StringArray) -> JudgedSets:
        """Judge sets of label ids, each a comma-separated text. All ids must be in the ontology."""
        starts = range(0, max(len(label_sets), 1), _SETS_AT_ONCE)
        parts = [self._judge_some(label_sets.slice(start, _SETS_AT_ONCE)) for start in starts]
        return JudgedSets(
            label=np.concatenate([part.label for part in parts]),
            reason=np.concatenate([part.reason for part in parts]),
            detail=pa.concat_arrays([part.detail for part in parts]),
            nodes=pa.concat_arrays([part.nodes for part in parts]),
            deciding=pa.concat_arrays([part.deciding for part in parts]),
        )

    def _judge_some(self, label_sets: pa.StringArray) -> JudgedSets:
        lists = pc.split_pattern(label_sets, ",")
        nodes = pc.index_in(lists.flatten(), value_set=self.ids).to_numpy()
        offsets = lists.offsets.to_numpy() - lists.offsets[0].as_py()
        decides = self._decides(nodes, offsets)
        labels, reasons = self._outcome(nodes, decides, offsets[:-1])
        left = np.concatenate([[0], np.cumsum(decides)])[offsets].astype(np.int32)
        deciding = pa.ListArray.from_arrays(pa.array(left), pa.array(nodes[decides]))
        texts = pa.ListArray.from_arrays(pa.array(left), self._text.take(pa.array(nodes[decides])))
        return JudgedSets(
            label=labels,
            reason=reasons,
            detail=pc.binary_join(texts, "; "),
            nodes=pa.ListArray.from_arrays(pa.array(offsets), pa.array(nodes)),
            deciding=deciding,
        )

    def _decides(self, nodes: npt.NDArray[np.int32], offsets: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
        """Return for each label whether it is neither an ancestor nor a repetition of another label in its set."""
        sizes = np.diff(offsets)
        size_of_set = np.repeat(sizes, sizes)  # for each label, the size of its set
        left = np.repeat(np.arange(len(nodes)), size_of_set)  # each label as often as its set has labels
        within = np.arange(len(left)) - np.repeat(np.cumsum(size_of_set) - size_of_set, size_of_set)
        right = np.repeat(np.repeat(offsets[:-1], sizes), size_of_set) + within
        dropped = self._is_above[nodes[left], nodes[right]] | ((nodes[left] == nodes[right]) & (right < left))
        decides = np.ones(len(nodes), dtype=np.bool_)
        decides[left[dropped]] = False
        return decides

    def _outcome(
        self, nodes: npt.NDArray[np.int32], decides: npt.NDArray[np.bool_], starts: npt.NDArray[np.int32]
    ) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int8]]:
        if not len(starts):
            return np.empty(0, dtype=np.int16), np.empty(0, dtype=np.int8)
        of_label = self._class[nodes]
        inside, outside = decides & (of_label >= 0), decides & (of_label < 0)
        last = np.maximum.reduceat(np.where(inside, of_label, np.int16(NO_LABEL)), starts)
        first = np.minimum.reduceat(np.where(inside, of_label, np.iinfo(np.int16).max), starts)
        statuses = np.bitwise_or.reduceat(np.where(outside, self._status_bit[nodes], 0), starts)
        reasons = np.full(len(starts), REASONS.index(Reason.NO_CLASS), dtype=np.int8)
        for bit, reason in self._reason_of_bit.items():  # several kinds together stay no_class; the detail lists them
            reasons[statuses == bit] = reason
        has_class = last >= 0
        reasons[has_class & (statuses > 0)] = REASONS.index(Reason.OTHER_SOUND)
        reasons[has_class & (first != last)] = REASONS.index(Reason.SEVERAL_CLASSES)
        kept = has_class & (first == last) & (statuses == 0)
        reasons[kept] = NO_LABEL
        return np.where(kept, last, np.int16(NO_LABEL)).astype(np.int16), reasons
