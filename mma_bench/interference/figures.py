"""The figure of a run: how many decisions each intervention changed, and to what."""

from collections.abc import Sequence
from functools import partial

from mma_bench.drawing.bars import Bar, Part, Whisker, bars_height, draw_bars
from mma_bench.drawing.panels import Mark, Panel, Plot
from mma_bench.drawing.style import LOST, OTHER, TEXT, UNCLEAR
from mma_bench.interference.protocol import KINDS, TaskKind
from mma_bench.interference.results import Effect, Results
from mma_bench.interference.tables import name_of

_LONGEST_NAME = 20
"""Characters of the name of a run above a bar."""


def effects_plot(series: Sequence[tuple[str, Results]], about: str = "") -> Plot:
    """Return the figure of one run, or of several next to each other.

    Args:
        series: label and results of each run; the last one is this run.
        about: which questions the bars are about, if not all.
    """
    panels = []
    for kind in TaskKind:
        bars = []
        labels = list(dict.fromkeys(e.intervention for _, results in series for e in results.effects if e.kind == kind))
        for label in labels:
            for name, results in series:
                found = [one for one in results.effects if (one.kind, one.intervention) == (kind, label)]
                bars += [_bar(one, name if len(series) > 1 else "") for one in found]
        if bars:
            panels.append(
                Panel(
                    KINDS[kind],
                    partial(draw_bars, bars=bars, label="decisions that changed, %"),
                    bars_height(bars),
                    f"Share of changed decisions per intervention, {KINDS[kind]} questions",
                )
            )
    return Plot(
        "effects",
        "What should not matter, and does",
        "Each bar is the share of decisions that an intervention changed: its causal effect. A model that uses only "
        "what the question needs has no bars. The first bar is the same question asked twice: what changes there "
        "changes by itself." + (f" {about}" if about else ""),
        "Percent of all answers; the line below a bar is its 95% interval over source items.",
        panels,
        [
            Mark("to the suggested option", LOST),
            Mark("to the right option", TEXT),
            Mark("to another option", OTHER),
            Mark("to no option", UNCLEAR),
        ],
    )


def _bar(one: Effect, name: str) -> Bar:
    places = [(one.to_suggested, LOST, False), (one.to_right, TEXT, False), (one.to_other, OTHER, True)]
    places.append((one.to_unreadable, UNCLEAR, True))
    parts = [Part(share.value, colour, light=light) for share, colour, light in places if share.value > 0]
    effect = one.effect
    whisker = Whisker(effect.value, effect.low, effect.high, above=False)
    note = f"{100 * effect.value:.0f}%, n = {one.answers:,}"
    return Bar(name_of(one.intervention), f"{_cut(name)}: {note}" if name else note, parts, [whisker])


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
