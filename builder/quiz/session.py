"""One person's quiz: the next question, and what an answer does."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mma_bench.dataset.load import Sample
from mma_bench.evaluation.session import Session
from mma_bench.evaluation.store import AnswerStore, StoredAnswer
from mma_bench.schema import Question

CANNOT_TELL = "I cannot tell."
"""Stored for the button of the same meaning; the parser reads it as an abstention, as it would a model's words."""

_ID_LENGTH = 24


@dataclass(frozen=True)
class Item:
    """One question to a person.

    Attributes:
        item_id: beginning of the answer's key: a hash, which reveals neither the condition nor the answer.
        key: names the answer in the run.
        sample: the stimulus.
        question: the question.
    """

    item_id: str
    key: str
    sample: Sample
    question: Question


@dataclass(frozen=True)
class State:
    """What the page shows; ``item`` is None when all questions are answered."""

    item: Item | None
    done: int
    total: int


class RefusedError(Exception):
    """An answer that is not stored: ``status`` is that of the HTTP reply."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass
class Quiz:
    """The questions of one person and the answers so far; safe to share between threads.

    Attributes:
        items: all questions in the order in which they are asked.
        store: where the answers are put.
        answered: keys of the questions with an answer.
        is_ours: whether the run is still the one that this quiz began: another command may have overwritten it.
        clock: seconds that only go forward.
    """

    items: Sequence[Item]
    store: AnswerStore
    answered: set[str]
    is_ours: Callable[[], bool] = lambda: True
    clock: Callable[[], float] = time.monotonic
    _shown: tuple[str, float] = ("", 0.0)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.by_id = {item.item_id: item for item in self.items}

    def show(self) -> State:
        """Return the first question without an answer; its time begins now, even if it was shown before."""
        with self._lock:
            return self._show()

    def answer(self, item_id: str, choice: int | None) -> State:
        """Store an answer and return the next question.

        Args:
            item_id: the question.
            choice: place of the option in the question's list, from 0; None if the person cannot tell.

        Raises:
            RefusedError: there is no such question or option, or it is not the question that is being asked: another
                tab has answered it, or another command has overwritten the run.
        """
        with self._lock:
            item = self.by_id.get(item_id)
            if item is None:
                raise RefusedError(404, "this quiz has no such question")
            if choice is not None and not 0 <= choice < len(item.question.options):
                raise RefusedError(422, f"the question has {len(item.question.options)} options, counted from 0")
            if item.key in self.answered:
                raise RefusedError(409, "this question has been answered already; the first answer counts")
            if item is not self._state().item:
                raise RefusedError(409, "this is not the question that is being asked now")
            if not self.is_ours():
                raise RefusedError(409, "another command has overwritten this run; tell whoever runs the quiz")
            shown, since = self._shown
            seconds = self.clock() - since if shown == item_id else None
            text = CANNOT_TELL if choice is None else item.question.options[choice]
            self.store.append(
                [
                    StoredAnswer(
                        id=item.key,
                        question_id=item.question.question_id,
                        text=text,
                        option_scores={},
                        seconds=None if seconds is None else round(seconds, 3),
                    )
                ]
            )
            self.store.sync()  # a person cannot be asked again
            self.answered.add(item.key)
            return self._show()

    def _state(self) -> State:
        waiting = next((item for item in self.items if item.key not in self.answered), None)
        return State(waiting, sum(item.key in self.answered for item in self.items), len(self.items))

    def _show(self) -> State:
        state = self._state()
        self._shown = (state.item.item_id, self.clock()) if state.item else ("", 0.0)
        return state


def quiz_of(session: Session, store: AnswerStore, seed: int, is_ours: Callable[[], bool]) -> Quiz:
    """Return the quiz of a person.

    Questions are asked wording after wording, as the protocol lists them, so that a person who stops early has answered
    the standard ones; within a wording the order is random, always the same for the same name and seed.

    Args:
        session: the person with all of their questions.
        store: answers of the run.
        seed: of the order.
        is_ours: whether the run may still be written to.
    """
    items = []
    for sample in session.samples:
        for question in sample.questions:
            key = session.keys.key(sample.stimulus, question)
            items.append(Item(key[:_ID_LENGTH], key, sample, question))
    items.sort(key=lambda item: item.key)
    random.Random(f"quiz/{seed}/{session.model.name}").shuffle(items)  # noqa: S311  (an order, not a secret)
    place = {rule.name: number for number, rule in enumerate(session.head.asked.variants)}
    items.sort(key=lambda item: place.get(item.question.variant, len(place)))
    return Quiz(items, store, set(store.read()), is_ours)
