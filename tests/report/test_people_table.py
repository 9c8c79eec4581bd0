"""The table of people: a tie is shared out, and a person is counted once, however many runs they made."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import mma_bench
from mma_bench.dataset.load import Sample
from mma_bench.models import Model
from mma_bench.report.runs import read_runs
from mma_bench.report.tables.people import people_table
from tests.planted import stimulus, write

CLASSES = ["Bird", "Cat", "Dog", "Rain", "Truck"]
CLIPS = 20


class Person(Model):
    """Answers the labelled class for the first clips, and one other class for the rest."""

    takes_media = False

    def __init__(self, name: str, right: int, wrong: int) -> None:
        self.name, self._right, self._wrong = f"people:{name}", right, wrong

    def answer(self, sample: Sample) -> Sequence[str]:
        """Answer by the number in the stimulus's key."""
        number = int(sample.stimulus.key.rsplit("_", 1)[1])
        is_right = number < self._right
        return [
            q.answer if is_right else CLASSES[(CLASSES.index(q.answer) + self._wrong) % 5] for q in sample.questions
        ]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = [
        stimulus(f"aligned_{number:03}", "aligned", CLASSES[number % 5], CLASSES[number % 5], CLASSES)
        for number in range(CLIPS)
    ]
    return write(tmp_path_factory.mktemp("planted") / "data", made)


def first_row(
    data: Path, folder: Path, people: Sequence[Person], limits: Sequence[int | None] = ()
) -> Mapping[str, Any]:
    """Return the entries about all tasks, and the caption."""
    runs = [folder / str(number) for number in range(len(people))]
    for number, (run, person) in enumerate(zip(runs, people, strict=True)):
        limit = limits[number] if limits else None
        mma_bench.evaluate(person, data, run=run, protocol="paper", limit=limit, progress=False)
    table = people_table(read_runs(runs, data)[1])
    assert table is not None
    entries = zip([column.head for column in table.columns], table.rows[0].entries, strict=True)
    return {**dict(entries), "caption": table.caption}


def test_two_people_who_disagree_share_the_question(data: Path, tmp_path: Path) -> None:
    two = first_row(data, tmp_path / "two", [Person("Ada", 16, 1), Person("Bob", 12, 2)])
    assert (two["answers"], two["questions shared"]) == (4 * CLIPS, 2 * CLIPS)
    assert two["right"].value == pytest.approx(0.7)
    assert two["majority right"].value == pytest.approx(0.7), "two people have no majority: their mean accuracy"
    assert not any("ceiling" in name for name in two)


def test_of_three_tied_answers_the_labelled_one_counts_a_third_and_a_majority_counts_whole(
    data: Path, tmp_path: Path
) -> None:
    three = first_row(data, tmp_path, [Person("Ada", 16, 1), Person("Bob", 12, 2), Person("Cyd", 4, 3)])
    # 12 clips with two or three right answers, 4 with one of three different answers, 4 with three wrong ones.
    assert three["majority right"].value == pytest.approx((12 + 4 / 3) / CLIPS)


def test_several_runs_of_one_name_are_one_person(data: Path, tmp_path: Path) -> None:
    once = first_row(data, tmp_path / "one", [Person("Ada", 16, 1), Person("Ada", 8, 1)])
    assert (once["answers"], once["questions shared"], once["majority right"]) == (2 * CLIPS, 0, None)
    assert once["right"].value == pytest.approx(0.8), "the run that is named first counts"
    assert "Answers of 1 person (Ada)" in once["caption"]
    more = first_row(data, tmp_path / "more", [Person("Ada", 4, 1), Person("Ada", 16, 1)], limits=[5, None])
    first = {int(sample.stimulus.key[-3:]) for sample in mma_bench.load(data, limit=5).samples}
    right = sum(number < (4 if number in first else 16) for number in range(CLIPS)) / CLIPS
    assert right < 0.8
    assert (more["answers"], more["right"].value) == (2 * CLIPS, pytest.approx(right)), "the other run adds the rest"
