"""Detection tells a model that notices from one that says Yes, with intervals that hold the truth."""

import hashlib
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.stats import norm

import mma_bench
from mma_bench.evaluation.analyses import Detection, VerdictTable
from mma_bench.evaluation.analyses.detection import detection_figure, detections
from mma_bench.evaluation.analyses.registry import ANALYSES, Series
from mma_bench.evaluation.protocols import apply_protocol, load_protocol
from mma_bench.evaluation.statistics.signal_detection import signal_detection
from mma_bench.models import Model
from mma_bench.models.cascade import CascadeScorer
from mma_bench.models.cascade.model import CascadeModel
from mma_bench.models.fusion import FusionModel
from mma_bench.models.wrappers.solo import Solo
from mma_bench.questions import Context, vary
from mma_bench.questions.detection import detects
from mma_bench.report.facts import data_facts
from mma_bench.report.runs import read_runs
from mma_bench.report.tables.registered import registered_table
from mma_bench.schema import Stimulus
from tests.evaluation.simulated import empty_table, joined
from tests.planted import stimulus, write

CLASSES = ["Bird", "Cat", "Dog", "Rain", "Truck"]


def planted_data(folder: Path, clips: int, shifted: int | None = None) -> Path:
    """Write the conditions of the protocol for some clips, with audio shifted by 0.2 and by 1 second for the first."""
    made: list[Stimulus] = []
    for number in range(clips):
        own, other = CLASSES[number % 5], CLASSES[(number + 2) % 5]
        for condition, seen, heard, level in (
            ("aligned", own, own, None),
            ("misaligned", own, other, None),
            ("audio_removed", own, None, None),
            ("frames_zeroed", None, own, None),
            ("shifted_audio", own, own, 0.2),
            ("shifted_audio", own, own, 1.0),
        ):
            if level is not None and shifted is not None and number >= shifted:
                continue
            key = f"{condition}_{number:03}" + ("" if level is None else f"_{int(10 * level)}")
            one = stimulus(key, condition, seen, heard, CLASSES)
            streams = {
                name: (stream := getattr(one, name)).changed(clip_id=stream.clip_id and f"clip-{number:03}")
                for name in ("video", "audio")
            }
            made.append(one.changed(level=level, **streams))
    return write(folder, made)


RATES = {  # hits and false alarms of each question
    "Is there anything to see": (0.95, 0.1),
    "Is there anything to hear": (0.9, 0.6),
    "Do the sound and": (0.8, 0.3),
    "Is the sound of": (0.7, 0.5),
}


class Detector(Model):
    """Answers Yes with a fixed chance where Yes is right, and with another one where No is; names a class rightly."""

    takes_media = False

    def answer(self, sample):  # type: ignore[no-untyped-def]
        return [self._one(question) for question in sample.questions]

    def _one(self, question):  # type: ignore[no-untyped-def]
        rates = next((rates for words, rates in RATES.items() if question.prompt.startswith(words)), None)
        if rates is None:
            return question.answer
        luck = int.from_bytes(hashlib.sha256(question.question_id.encode()).digest()[:4], "big") / 2**32
        if luck > 0.98:
            return "I would rather not say."
        return "Yes, I think so." if luck / 0.98 < rates[question.answer == "No"] else "No."


def test_planted_rates_are_recovered_and_shown(tmp_path: Path) -> None:
    data = planted_data(tmp_path / "data", 100)
    scores = mma_bench.evaluate(Detector(), data, run=tmp_path / "run", protocol="detection", progress=False)
    rows: Sequence[Detection] = scores.analysis.detection
    assert [(row.question, row.level) for row in rows] == [
        *(("seen", None), ("heard", None), ("match", None)),
        *(("in_time", 0.2), ("in_time", 1.0)),
    ]
    outside = []
    for row, rates in zip(rows, [*RATES.values(), (0.7, 0.5)], strict=True):
        hit, alarm = (0.98 * rate for rate in rates)
        assert (row.absent, row.pairs) == (100, 100)
        assert row.present == (200 if row.question in ("seen", "heard") else 100)
        truths = {
            "missed": 1 - hit,
            "false_alarms": alarm,
            "neither": 0.02,
            "sensitivity": norm.ppf(hit) - norm.ppf(alarm),
            "criterion": -(norm.ppf(hit) + norm.ppf(alarm)) / 2,
            "strict": hit * (0.98 - alarm),
        }
        for name, truth in truths.items():
            found = getattr(row, name)
            outside += [] if found.low <= truth <= found.high else [(row.words, name, truth, found)]
            assert found.high - found.low < 1.1
    assert len(outside) <= 2, outside  # of 30 intervals that hold the truth 95 times in 100
    assert {cell.condition for cell in scores.cells} == {"aligned", "misaligned", "audio_removed", "frames_zeroed"}
    assert all(cell.accuracy == 1 for cell in scores.cells), "yes/no questions are in no accuracy"

    benchmark, runs = read_runs([tmp_path / "run"], data)
    assert data_facts(benchmark, data, "test").classes == CLASSES, "Yes and No are no classes"
    table = registered_table(ANALYSES["detection"], runs)
    assert table is not None
    assert table.rows[3].name.endswith("in time? +0.2 s")
    assert "d'" in [column.head for column in table.columns]
    plot = detection_figure([Series("a", False, "macro", rows)])
    assert plot is not None
    _, axes = plt.subplots()
    plot.panels[0].draw(axes)
    assert len(axes.get_lines()) == 4 + 2 * len(rows), "rules between rows, and two marks in each"
    plt.close()


def answered(hits: np.ndarray, alarms: np.ndarray, clips: np.ndarray) -> VerdictTable:
    """Return the question whether streams match, asked aligned (Yes is right) and misaligned; -1 is neither."""
    tables = []
    for condition, right, place in (("aligned", 0, hits), ("misaligned", 1, alarms)):
        tables.append(
            replace(
                empty_table(len(clips)),
                condition=np.full(len(clips), condition, dtype=object),
                modality=np.full(len(clips), "visual", dtype=object),
                variant=np.full(len(clips), "detect_match", dtype=object),
                clip=clips,
                place=place,
                answer_place=np.full(len(clips), right),
                correct=place == right,
            )
        )
    return joined(tables)


def test_what_is_neither_yes_nor_no_is_never_right_and_never_an_alarm() -> None:
    hits, alarms = np.repeat([0, 1, -1], [6, 3, 1]), np.repeat([1, -1, 0], [5, 2, 3])
    (row,) = detections(answered(hits, alarms, np.arange(10)))
    assert (row.missed.value, row.false_alarms.value, row.neither.value) == pytest.approx((0.4, 0.3, 0.15))
    assert row.strict.value == 0.5, "five clips are right both times"
    z = norm.ppf([6.5 / 11, 3.5 / 11])
    assert row.sensitivity.value == pytest.approx(z[0] - z[1])
    assert row.criterion.value == pytest.approx(-z.sum() / 2)


@pytest.mark.parametrize("place", [0, 1])
def test_one_answer_to_everything_detects_nothing_and_is_not_certain(place: int) -> None:
    said = np.full(20, place)
    table = answered(said, said, np.arange(20))
    more = table.take(np.concatenate([np.arange(20), np.arange(40)]))  # each question whose answer is Yes twice
    assert detections(more)[0].sensitivity.value == pytest.approx(0, abs=1e-12)
    (row,) = detections(table)
    assert row.sensitivity.value == 0 == row.strict.value
    assert math.copysign(1, row.criterion.value) == (-1 if place == 0 else 1)
    assert row.sensitivity.low < -0.5 < 0.5 < row.sensitivity.high
    assert np.isfinite([row.criterion.low, row.criterion.high]).all()


@pytest.mark.parametrize(
    ("hit", "alarm", "shared"),
    [(0.8, 0.3, 0.0), (0.8, 0.3, 0.8), (0.95, 0.05, 0.0), (0.99, 0.6, 0.5), (0.7, 0.2, -0.8)],
)
def test_intervals_of_d_prime_hold_the_truth(hit: float, alarm: float, shared: float) -> None:
    """``shared`` is the correlation between the luck of both answers about a clip."""
    truth = (norm.ppf(hit) - norm.ppf(alarm), -(norm.ppf(hit) + norm.ppf(alarm)) / 2)
    held = []
    for seed in range(300):
        generator = np.random.default_rng(seed)
        first, second = generator.normal(size=(2, 60))
        second = shared * first + math.sqrt(1 - shared**2) * second
        clips = np.arange(60)
        found = signal_detection(first < norm.ppf(hit), clips, second < norm.ppf(alarm), clips)
        held.append([e.low <= t <= e.high for e, t in zip((found.sensitivity, found.criterion), truth, strict=True)])
    assert (np.mean(held, axis=0) > 0.92).all(), np.mean(held, axis=0)


def test_errors_about_the_same_clips_narrow_the_interval_of_d_prime_and_those_about_others_widen_it() -> None:
    hits, clips = np.repeat([True, False], [30, 10]), np.arange(40)
    together, apart = np.repeat([True, False], [15, 25]), np.repeat([False, True], [25, 15])
    same, none, other = (
        signal_detection(hits, clips, *alarms) for alarms in ((together, clips), (together, clips + 40), (apart, clips))
    )
    for side in ("low", "high"):
        reach = [abs(getattr(found.sensitivity, side) - found.sensitivity.value) for found in (same, none, other)]
        assert reach[0] < 0.95 * reach[1] < 0.9 * reach[2]
        reach = [abs(getattr(found.criterion, side) - found.criterion.value) for found in (same, none, other)]
        assert reach[2] < 0.95 * reach[1] < 0.9 * reach[0], "for a sum it is the other way round"


def test_five_answers_about_a_clip_are_not_five_clips() -> None:
    generator = np.random.default_rng(1)
    hits, alarms, clips = generator.random(30) < 0.8, generator.random(30) < 0.3, np.arange(30)
    once = signal_detection(hits, clips, alarms, clips).sensitivity
    repeated = (np.repeat(values, 5) for values in (hits, clips, alarms, clips))
    often = signal_detection(*repeated).sensitivity
    assert often.high - often.low > 0.9 * (once.high - once.low)


def test_rules_that_read_labels_answer_as_far_as_their_stream_tells(tmp_path: Path) -> None:
    data = planted_data(tmp_path / "data", 10)
    rates = {}
    for name in ("visual-only", "audio-only", "majority", "random"):
        run = tmp_path / name
        scores = mma_bench.evaluate(f"baseline:{name}", data, run=run, protocol="detection", progress=False)
        rates[name] = {row.question: row for row in scores.analysis.detection}
    visual, audio = rates["visual-only"], rates["audio-only"]
    assert visual["seen"].strict.value == audio["heard"].strict.value == 1
    assert visual["heard"].false_alarms.value == audio["seen"].false_alarms.value == 1, "it sees, so it says it hears"
    assert visual["match"].neither.value == audio["in_time"].neither.value == 1
    assert rates["majority"]["seen"].missed.value == 0
    assert rates["majority"]["seen"].false_alarms.value == 1
    assert rates["random"]["match"].neither.value == 0


def test_the_cascade_hears_silence_and_compares_what_it_hears_and_sees(demo: Path) -> None:
    asked = apply_protocol(load_protocol("detection"), mma_bench.load(demo, limit=1))
    cascade, fusion = CascadeModel(scorer := CascadeScorer()), FusionModel(scorer)
    found: dict[str, dict[tuple[str, str, str], set[str]]] = defaultdict(lambda: defaultdict(set))
    for sample in asked.samples:
        some = replace(sample, questions=[question for question in sample.questions if detects(question)])
        for model in (cascade, Solo(cascade), fusion):
            for part, answers in model.answer_all([some]) if some.questions else ():
                for question, answer in zip(part.questions, answers, strict=True):
                    key = (question.variant, str(question.modality), question.condition)
                    is_right = "right" if answer.text == question.answer else "wrong"
                    found[model.name][key].add(is_right if detects(question) == "presence" else answer.text)
    for name in ("cascade", "cascade+solo"):
        presence = {key: said for key, said in found[name].items() if key[0] == "detect_presence"}
        assert len(presence) == 6
        assert set(map(frozenset, presence.values())) == {frozenset({"right"})}
        assert found[name]["detect_match", "visual", "misaligned"] <= {"Yes", "No"}
    assert found["cascade"] == found["cascade+solo"], "+solo withholds nothing from a question about both"
    sample = next(sample for sample in asked.samples if sample.stimulus.condition == "aligned")
    seen = next(question for question in sample.questions if question.modality == "visual")
    in_time = replace(sample, questions=[vary(seen, "detect_in_time", Context(CLASSES))])
    assert [answer.text for answer in cascade.answer(in_time)] == ["None of the above"], "it knows nothing about time"
    assert found["fusion"]["detect_presence", "audio", "audio_removed"] == {"wrong"}, "it sees, so it says it hears"
    assert found["fusion"]["detect_match", "visual", "misaligned"] == {"Yes"}


def test_the_protocol_asks_each_question_with_its_counterpart(demo: Path) -> None:
    asked = apply_protocol(load_protocol("detection"), mma_bench.load(demo, limit=5))
    found: dict[tuple[str, str, str], set[str]] = {}
    for sample in asked.samples:
        for question in sample.questions:
            if detects(question):
                key = (question.variant, question.modality, question.condition)
                found.setdefault(key, set()).add(question.answer)
    assert found == {
        ("detect_presence", "visual", "aligned"): {"Yes"},
        ("detect_presence", "audio", "aligned"): {"Yes"},
        ("detect_presence", "visual", "audio_removed"): {"Yes"},
        ("detect_presence", "audio", "audio_removed"): {"No"},
        ("detect_presence", "visual", "frames_zeroed"): {"No"},
        ("detect_presence", "audio", "frames_zeroed"): {"Yes"},
        ("detect_match", "visual", "aligned"): {"Yes"},
        ("detect_match", "visual", "misaligned"): {"No"},
    }, "the demo has no shifted audio, so nothing is asked about time"


def test_time_is_asked_about_only_where_both_answers_occur(tmp_path: Path) -> None:
    data = planted_data(tmp_path / "data", 10, shifted=3)
    asked = list(apply_protocol(load_protocol("detection"), mma_bench.load(data)))
    in_time = [row for row in asked if row.variant == "detect_in_time"]
    clips = [{row.video_clip_id for row in in_time if row.answer == answer} for answer in ("Yes", "No")]
    assert clips == [{"clip-000", "clip-001", "clip-002"}] * 2
    assert sum(row.condition == "aligned" and row.variant == "detect_match" for row in asked) == 10


def test_both_error_rates_are_of_the_same_clips() -> None:
    clips = np.arange(100)
    by_clip = np.repeat([0, 1], [20, 80])  # Yes about the first 20 clips, whatever was done to them
    everything = answered(by_clip, by_clip, clips)
    for some in (everything.take(np.arange(120)), everything.take(np.r_[:20, 100:200])):
        (row,) = detections(some)
        assert (row.present, row.absent, row.pairs) == (20, 20, 20)
        assert (row.missed.value, row.false_alarms.value, row.sensitivity.value) == (0, 1, 0)
    doses = replace(everything, level=np.repeat([np.nan, 0.2, 1.0], [100, 100, 0]))
    more = replace(everything.take(np.arange(100, 150)), level=np.full(50, 1.0))
    assert [(row.level, row.present) for row in detections(joined([doses, more]))] == [(0.2, 100), (1.0, 50)]
    assert not detections(everything.take(np.r_[:20, 150:200])), "no clip has both"
