"""Preference for a position: is an option chosen because of its place in the list?

Only questions with shuffled options tell: in one fixed order, a preference for a place looks like one for a class.
Where the order was drawn at random, a model that does not care about places chooses every place equally often, whatever
it answers and wherever the right answer is. So new orders are drawn for the same answers, and show what noise does.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mma_bench.evaluation.analyses.registry import Column, analysis
from mma_bench.evaluation.analyses.table import Codes, VerdictTable
from mma_bench.evaluation.statistics import Estimate, share
from mma_bench.evaluation.statistics.bootstrap import DRAWS
from mma_bench.evaluation.statistics.estimate import around
from mma_bench.schema import Modality

SHUFFLED = "shuffled_options_"
PARTS = (5, 4, 3)
"""Parts of the list that are compared: the first of these numbers that divides the number of options, or the first of
all; with fewer options, each place is a part."""

ORDERS = 999
"""Random orders that are compared with."""

_AT_ONCE = 1_000_000
"""Places in memory."""

Shares = NDArray[np.float64]


@dataclass(frozen=True)
class PositionPreference:
    """Which places of the list of options the answers to shuffled questions name.

    Attributes:
        modality: what was asked about.
        answers: answers that name an option.
        parts: number of parts that the list is divided into.
        first: share of them that name an option in the first part.
        last: share in the last part.
        even: share in the first part by chance.
        index: share of the answers that would have to name another part for an even distribution, without what noise
            adds: 0 without a preference, up to ``1 - even``.
        unevenness: the same share as observed, noise included.
        noise: mean of ``unevenness`` in random orders of the options.
        p_value: share of random orders that are at least as uneven.
    """

    modality: Modality
    answers: int
    parts: int
    first: Estimate
    last: Estimate
    even: float
    index: Estimate
    unevenness: float
    noise: float
    p_value: float


@analysis(
    name="position",
    title="Preference for a position",
    head="model: asked",
    columns={
        "answers": "n",
        "first": "first part",
        "last": "last part",
        "even": Column("first part by chance"),
        "index": "preference",
        "unevenness": Column("unevenness"),
        "noise": Column("by noise alone"),
        "p_value": Column("p", text=lambda p: f"{p:.3f}"),
    },
    row=lambda row: f"{row.modality}, {row.parts} parts",
    caption="Answers to questions with shuffled options, in percent of those that name an option: in the first and the "
    "last of three to five parts of the list (single places if there are fewer options). Unevenness: share of the "
    "answers that would have to name another part for an even distribution; preference: the same without what noise "
    "adds, with a 95% bootstrap interval over clips that holds for any distribution; p: share of 999 random orders of "
    "the options, for the same answers, that are at least as uneven.",
)
def position_preferences(table: VerdictTable) -> list[PositionPreference]:
    """Return the preference in visual and in audio questions, over all conditions."""
    shuffled = [name for name in sorted(set(table.variant.tolist())) if name.startswith(SHUFFLED)]
    found = []
    for modality in Modality if shuffled else ():
        rows = table.select(modality=modality, variants=shuffled)
        rows = rows.take((rows.place >= 0) & (rows.options > 1))
        if len(rows):
            found.append(_preference(modality, rows))
    return found


def _preference(modality: Modality, rows: VerdictTable) -> PositionPreference:
    fewest = int(rows.options.min())
    parts = min(fewest, next((number for number in PARTS if fewest % number == 0), PARTS[0]))
    chosen = _part(rows.place, rows.options, parts)
    expected = _by_chance(rows.options, parts)
    observed = float(_unevenness(_shares(chosen[None], parts), expected)[0])
    drawn = np.concatenate(
        [_unevenness(_shares(_part(p, rows.options, parts), parts), expected) for p in _random_places(rows)]
    )
    return PositionPreference(
        modality=modality,
        answers=len(rows),
        parts=parts,
        first=share(chosen == 0, rows.clip),
        last=share(chosen == parts - 1, rows.clip),
        even=float(expected[0]),
        index=_index(chosen, expected, rows.clip),
        unevenness=observed,
        noise=float(drawn.mean()),
        p_value=float((1 + (drawn >= observed - 1e-12).sum()) / (1 + len(drawn))),
    )


def _part(place: Codes, options: Codes, parts: int) -> Codes:
    """Return in which of ``parts`` equal parts of the list each place is; shape of ``place``."""
    found: Codes = place * parts // options
    return found


def _by_chance(options: Codes, parts: int) -> Shares:
    """Return the share of each part if every place is chosen equally often, shape [parts]."""
    total = np.zeros(parts)
    for number, count in zip(*np.unique(options, return_counts=True), strict=True):
        places = _part(np.arange(number), np.full(number, number), parts)
        total += count * np.bincount(places, minlength=parts) / number
    shares: Shares = total / len(options)
    return shares


def _shares(chosen: Codes, parts: int) -> Shares:
    """Return the share of each part, shape [draws, parts], of parts of shape [draws, answers]."""
    draws, answers = chosen.shape
    flat = (chosen + parts * np.arange(draws)[:, None]).ravel()
    shares: Shares = np.bincount(flat, minlength=draws * parts).reshape(draws, parts) / answers
    return shares


def _unevenness(shares: Shares, expected: Shares) -> Shares:
    """Return half the sum of the differences of shares of shape [..., parts] (total variation distance)."""
    distance: Shares = np.abs(shares - expected).sum(axis=-1) / 2
    return distance


def _index(chosen: Codes, expected: Shares, clips: Codes) -> Estimate:
    """Return the unevenness without noise.

    Noise makes a distribution look uneven, and drawing the clips again makes it more so by about as much, so that is
    subtracted. The observed unevenness is off by no more than the distance of the observed shares from the true ones
    (triangle inequality). The 95% point of that distance, which the bootstrap tells, gives an interval that holds
    without and with a preference; it is wide rather than narrow.
    """
    flags = (chosen[:, None] == np.arange(len(expected))).astype(np.float64)
    codes = np.unique(clips, return_inverse=True)[1]
    count = int(codes.max()) + 1
    sums = np.stack([np.bincount(codes, weights=flag) for flag in flags.T], axis=1)
    observed = sums.sum(axis=0) / len(chosen)
    plain = float(_unevenness(observed, expected))
    if count < 2:
        return Estimate(plain, float("nan"), float("nan"), count)
    weights = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), size=DRAWS)
    totals: Shares = weights.astype(np.float64) @ sums
    drawn: Shares = totals / totals.sum(axis=1, keepdims=True)
    value = max(0.0, 2 * plain - float(_unevenness(drawn, expected).mean()))
    reach = float(np.quantile(_unevenness(drawn, observed), 0.95))
    return around(value, max(0.0, plain - reach), min(1.0, plain + reach), count)


def _random_places(rows: VerdictTable) -> Iterator[Codes]:
    """Yield places of the same answers in other random orders, shapes [orders, answers].

    Questions about one stimulus in one wording share an order: the same class has one place in it, and two classes have
    two.
    """
    _, variant = np.unique(rows.variant.astype(np.str_), return_inverse=True)
    lists = rows.stimulus * (int(variant.max()) + 1) + variant
    unit, first, back = np.unique(
        lists * (int(rows.decision.max()) + 1) + rows.decision, return_index=True, return_inverse=True
    )
    owner, size = lists[first], rows.options[first]
    begins = np.concatenate([[0], np.flatnonzero(np.diff(owner)) + 1])
    rank = np.arange(len(unit)) - np.repeat(begins, np.diff([*begins, len(unit)]))
    generator = np.random.default_rng(0)
    left = ORDERS
    while left:
        orders = min(left, max(1, _AT_ONCE // len(rows)))
        left -= orders
        place = generator.integers(0, size - rank, size=(orders, len(unit)))
        for turn in range(1, int(rank.max()) + 1):  # skip the places that the list's earlier classes have
            at = np.flatnonzero(rank == turn)
            taken = np.sort(np.stack([place[:, at - back_by] for back_by in range(turn, 0, -1)], axis=2), axis=2)
            for column in range(turn):
                place[:, at] += place[:, at] >= taken[:, :, column]
        yield place[:, back]
