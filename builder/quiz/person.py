"""A person in the place of a model: what a run records of who was asked."""

from collections.abc import Sequence

from mma_bench.dataset.load import Sample
from mma_bench.evaluation.people import asks_a_person, person_named
from mma_bench.models.interface import Answer, Model

VERSION = 1
"""Counts up when the page shows a question differently, so that answers to both never mix in a run."""


class Person(Model):
    """A person, who answers on the page.

    Args:
        name: of the person.
        seed: of the order of the questions.

    Raises:
        MMABenchError: the name cannot be used.
    """

    asks_one_by_one = True
    runs_here = False
    writes = False

    def __init__(self, name: str, seed: int) -> None:
        self.name = person_named(name)
        self.seed = seed

    def fingerprint(self) -> dict[str, str]:
        """Return who is asked, and how: a run never mixes people, orders or versions of the page."""
        return {"model": self.name, "quiz": f"version {VERSION}", "setting order_seed": str(self.seed)}

    def answer(self, sample: Sample) -> Sequence[str | Answer]:
        """Raise MMABenchError: only the page asks a person."""
        raise asks_a_person(self.name)
