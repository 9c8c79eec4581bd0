"""Planted models: their true scores are known, so an interval either holds the truth or does not."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from mma_bench.evaluation.analyses.doses import dose_responses
from mma_bench.evaluation.statistics import Estimate, macro_average, macro_difference, paired_difference, share
from mma_bench.evaluation.statistics.signal_detection import SignalDetection, signal_detection
from tests.evaluation.simulated import questions

CLASSES = np.repeat(np.arange(16), [149, 67, 64, 58, 50, 45, 40, 35, 30, 27, 25, 22, 18, 14, 9, 5])
"""Sizes like those of the official clips: 658 in all, a quarter of one class, the smallest classes of a few."""

SIZES = (12, 37, 150, 658)
CHANCES = (0.03, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97)
WORDINGS = 3

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Draw:
    """One draw of a planted model: an interval and the truth that it should hold."""

    estimate: Estimate
    truth: float

    @property
    def holds(self) -> bool:
        return bool(self.estimate.low <= self.truth <= self.estimate.high)


def answers(generator: np.random.Generator, clips: int, chance: float) -> Flags:
    """Right or wrong, shape [clips, wordings]: wordings of one question agree more often than by chance."""
    own = generator.random((clips, 1)) < chance
    return np.where(generator.random((clips, WORDINGS)) < 0.6, own, generator.random((clips, WORDINGS)) < chance)


def some_classes(generator: np.random.Generator, clips: int) -> NDArray[np.int64]:
    return CLASSES if clips == len(CLASSES) else generator.choice(CLASSES, clips, replace=False)


def micro(generator: np.random.Generator, clips: int, chance: float) -> Draw:
    right = answers(generator, clips, chance)
    return Draw(share(right.ravel(), np.repeat(np.arange(clips), WORDINGS)), chance)


def one_wording(generator: np.random.Generator, clips: int, chance: float) -> Draw:
    return Draw(share(generator.random(clips) < chance, np.arange(clips)), chance)


def macro(generator: np.random.Generator, clips: int, chance: float) -> Draw:
    right = generator.random(clips) < chance
    return Draw(macro_average(right, some_classes(generator, clips), np.arange(clips)), chance)


def macro_of_unequal_classes(generator: np.random.Generator, clips: int, chance: float) -> Draw:
    classes = some_classes(generator, clips)
    chances = np.clip(chance + np.sin(np.arange(16)) * min(chance, 1 - chance), 0, 1)
    right = generator.random(clips) < chances[classes]
    return Draw(macro_average(right, classes, np.arange(clips)), float(chances[np.unique(classes)].mean()))


def both_questions(generator: np.random.Generator, clips: int, chance: float) -> Draw:
    """Clip i is seen in stimulus i and heard in stimulus i + 1; both questions of a stimulus get one kind of answer."""
    follows = np.repeat(generator.random(clips) < chance, 2)
    seen, heard = np.arange(clips), (np.arange(clips) - 1) % clips
    return Draw(share(follows, np.stack([seen, heard], axis=1).ravel(), also=np.repeat(np.arange(clips), 2)), chance)


def _pairs(generator: np.random.Generator, clips: int, chance: float, wordings: int) -> tuple[Flags, Flags, float]:
    before = answers(generator, clips, chance)[:, :wordings]
    kept, found = generator.random((clips, 1)) < 0.75, generator.random((clips, 1)) < 0.15
    return before, np.where(before, kept, found), chance * 0.75 + (1 - chance) * 0.15 - chance


def difference(generator: np.random.Generator, clips: int, chance: float) -> Draw:
    before, after, truth = _pairs(generator, clips, chance, 1)
    return Draw(paired_difference(before.ravel(), after.ravel(), np.arange(clips)), truth)


def difference_of_wordings(generator: np.random.Generator, clips: int, chance: float) -> Draw:
    before, after, truth = _pairs(generator, clips, chance, WORDINGS)
    codes = np.repeat(np.arange(clips), WORDINGS)
    return Draw(paired_difference(before.ravel(), after.ravel(), codes), truth)


def difference_of_macros(generator: np.random.Generator, clips: int, chance: float) -> Draw:
    before, after, truth = _pairs(generator, clips, chance, WORDINGS)
    classes, codes = np.repeat(some_classes(generator, clips), WORDINGS), np.repeat(np.arange(clips), WORDINGS)
    return Draw(macro_difference(before.ravel(), after.ravel(), classes, codes), truth)


def _detection(generator: np.random.Generator, clips: int, chance: float) -> tuple[SignalDetection, float, float]:
    """Two questions per clip whose answer is Yes, one whose answer is No and which often has the luck of the first."""
    hits, codes = answers(generator, clips, chance)[:, :2], np.arange(clips)
    alarm = 0.3
    shared = hits[:, 0] & (generator.random(clips) < min(1, alarm / chance) / 2)
    alarms = np.where(generator.random(clips) < 0.5, shared, generator.random(clips) < alarm)
    rate = 0.25 * min(alarm, chance) + 0.5 * alarm
    found = signal_detection(hits.ravel(), np.repeat(codes, 2), alarms, codes)
    return found, float(ndtri(chance)), float(ndtri(rate))


def sensitivity(generator: np.random.Generator, clips: int, chance: float) -> Draw:
    found, hit, alarm = _detection(generator, clips, chance)
    return Draw(found.sensitivity, hit - alarm)


def criterion(generator: np.random.Generator, clips: int, chance: float) -> Draw:
    found, hit, alarm = _detection(generator, clips, chance)
    return Draw(found.criterion, -(hit + alarm) / 2)


def equal_dominance(generator: np.random.Generator, clips: int, chance: float) -> Draw | None:
    """The dose at which both sides are named alike; ``chance`` moves it from -6 to 6 dB. None: no interval is given."""
    truth = 12 * (chance - 0.5)
    levels = np.repeat(np.linspace(-20, 20, 5), clips)
    moved = np.tile(generator.normal(0, 4, clips), 5)
    over = generator.random(len(levels)) < 1 / (1 + np.exp(-0.25 * (levels - truth - moved)))
    own, other = np.zeros(len(levels), np.int64), np.ones(len(levels), np.int64)
    table = questions("mixed_audio", "audio", own, own, np.where(over, other, own))
    values = {**vars(table), "distractor": other, "level": levels, "clip": np.tile(np.arange(clips), 5)}
    (response,) = dose_responses(type(table)(**{name: values[name] for name in vars(table)}))
    found = response.equal_dominance
    return None if found is None or np.isnan(found.low) else Draw(found, truth)


INTERVALS: dict[str, Callable[[np.random.Generator, int, float], Draw | None]] = {
    "share, one wording": one_wording,
    "share, three wordings": micro,
    "share of both questions": both_questions,
    "macro accuracy": macro,
    "macro accuracy, unequal classes": macro_of_unequal_classes,
    "paired difference": difference,
    "paired difference, three wordings": difference_of_wordings,
    "difference of macro accuracies": difference_of_macros,
    "d'": sensitivity,
    "criterion": criterion,
    "equal dominance": equal_dominance,
}


def coverages(name: str, clips: int, draws: int) -> Iterator[tuple[float, float]]:
    """Yield each chance with the share of ``draws`` whose interval holds the truth."""
    for chance in CHANCES:
        generator = np.random.default_rng([clips, round(1000 * chance)])
        found = [draw.holds for _ in range(draws) if (draw := INTERVALS[name](generator, clips, chance))]
        yield chance, float(np.mean(found))
