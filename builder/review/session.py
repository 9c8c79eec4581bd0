"""One review: the next clip for each annotator, and the effect of a decision."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from builder.review.items import ReviewItem, order_for
from builder.review.store import LONGEST_NAME, Decision, DecisionStore, Judgement, in_force
from mma_bench.files.text import one_line


@dataclass(frozen=True)
class Progress:
    """Progress of an annotator. ``item`` is None when all are judged."""

    annotator: str
    item: ReviewItem | None
    done: int
    total: int
    can_undo: bool


class ReviewSession:
    """The items of a review and the decisions about them; safe to share between threads."""

    def __init__(self, items: Sequence[ReviewItem], store: DecisionStore, *, seed: int, blind: bool) -> None:
        self.blind = blind
        self.by_id = {item.item_id: item for item in items}
        self._items = list(items)
        self._store = store
        self._seed = seed
        self._lock = threading.Lock()
        self._decisions = store.read()

    def progress(self, annotator: str) -> Progress:
        """Return the first item that ``annotator`` has not judged."""
        with self._lock:
            return self._progress(annotator)

    def judge(self, annotator: str, item_id: str, judgement: Judgement) -> Progress:
        """Store a decision about the current item; a decision about any other item is a stale click and is ignored."""
        with self._lock:
            before = self._progress(annotator)
            if before.item is None or before.item.item_id != item_id:
                return before
            self._append(annotator, before.item, judgement)
            return self._progress(annotator)

    def undo(self, annotator: str) -> Progress:
        """Undo the last decision and return to its clip."""
        with self._lock:
            made = [item_id for item_id in self._standing(annotator) if item_id in self.by_id]
            if made:
                self._append(annotator, self.by_id[made[-1]], "undo")
            return self._progress(annotator)

    def _append(self, annotator: str, item: ReviewItem, judgement: Judgement | str) -> None:
        decision = Decision.model_validate(
            {
                "annotator": annotator,
                "item_id": item.item_id,
                "clip_id": item.row.clip_id,
                "sound_clip_id": item.sound.clip_id,
                "decision": judgement,
                "blind": self.blind,
            }
        )
        self._store.append(decision)
        self._decisions.append(decision)

    def _standing(self, annotator: str) -> dict[str, Decision]:
        return in_force(decision for decision in self._decisions if decision.annotator == annotator).get(annotator, {})

    def _progress(self, annotator: str) -> Progress:
        standing = self._standing(annotator)
        order = order_for(self._items, annotator, self._seed)
        waiting = [item for item in order if item.item_id not in standing]
        done = len(order) - len(waiting)
        return Progress(annotator, waiting[0] if waiting else None, done, len(order), can_undo=done > 0)


def annotator_name(text: str | None) -> str:
    """Return a name as stored: printable, stripped, at most 40 characters; empty if there is none."""
    return one_line(text or "")[:LONGEST_NAME].strip()
