"""The table of layouts: runs that differ in nothing else, paired, with a planted effect."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from mma_bench import evaluate
from mma_bench.cli.compare import compare_command
from mma_bench.dataset.load import Sample
from mma_bench.models import Model
from mma_bench.report.runs import read_runs
from mma_bench.report.table import Share
from mma_bench.report.tables.layouts import layouts_table
from tests.planted import stimulus, write

CLASSES = ("Cat", "Dog", "Bell", "Drum")


class Arranged(Model):
    """Right about every question; with the audio first, every fourth answer about the picture is another class."""

    name = "transformers:planted"

    def __init__(self, layout: str, weights: str = "w") -> None:
        self._layout, self._weights = layout, weights

    def fingerprint(self) -> dict[str, str]:
        found = {"model": self.name, "weights": self._weights, "frame format": "f", "setting fps": "2.0"}
        return found if self._layout == "interleaved" else {**found, "setting layout": self._layout}

    def answer(self, sample: Sample) -> Sequence[str]:
        number = int(sample.stimulus.key.rpartition("-")[2])
        wrong = self._layout == "audio-first" and number % 4 == 0
        return [
            next(o for o in q.options if o != q.answer) if wrong and q.modality == "visual" else q.answer
            for q in sample.questions
        ]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("layouts")
    stimuli = [
        stimulus(f"{name}-{number}", name, CLASSES[number % 4], CLASSES[(number + shift) % 4], CLASSES)
        for name, shift in (("aligned", 0), ("misaligned", 1))
        for number in range(40)
    ]
    data = write(folder / "data", stimuli)
    models = {
        "audio": Arranged("audio-first"),
        "own": Arranged("interleaved"),
        "same": Arranged("interleaved"),
        "other": Arranged("video-first", weights="others"),
    }
    for name, model in models.items():
        evaluate(model, data, run=folder / name, protocol="paper", probe=False, progress=False)
    return {name: folder / name for name in models}


def test_a_planted_effect_is_found_against_the_adapters_own_layout(runs: dict[str, Path]) -> None:
    _, scored = read_runs([runs["audio"], runs["own"]], None)
    table = layouts_table(scored)
    assert table is not None
    rows = {row.name.removeprefix("transformers:planted: audio-first against interleaved; "): row for row in table.rows}
    assert list(rows) == [
        *("all conditions, visual", "all conditions, audio"),
        *("aligned, visual", "aligned, audio", "misaligned, visual", "misaligned, audio"),
    ]
    pairs, reference, accuracy, difference, p, changed = rows["all conditions, visual"].entries
    assert pairs == 80
    assert isinstance(reference, Share)
    assert isinstance(accuracy, Share)
    assert isinstance(difference, Share)
    assert isinstance(changed, Share)
    assert (reference.value, accuracy.value, difference.value) == pytest.approx((1.0, 0.75, -0.25))
    assert changed.value == pytest.approx(0.25)
    assert difference.low is not None
    assert difference.high is not None
    assert difference.low < -0.25 < difference.high < 0
    assert p == "<0.001"
    assert rows["all conditions, audio"].entries[4] == "1.000"


def test_runs_that_differ_in_more_or_in_nothing_are_not_compared(runs: dict[str, Path]) -> None:
    for names in (["own", "same"], ["own", "other"], ["own"]):
        assert layouts_table(read_runs([runs[name] for name in names], None)[1]) is None


def test_compare_names_the_layouts(runs: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    compare_command.main([str(runs["own"]), str(runs["audio"])], standalone_mode=False)
    assert "layout: audio-first against interleaved" in capsys.readouterr().out
    compare_command.main([str(runs["own"]), str(runs["same"])], standalone_mode=False)
    assert "layout:" not in capsys.readouterr().out
