"""The measurements along the training as a table, with intervals."""

from collections.abc import Mapping, Sequence
from typing import Any

from mma_bench.evaluation.statistics.share import wilson

PERPLEXITY = "perplexity"


def looks_table(looks: Sequence[Mapping[str, Any]], base: Mapping[str, Any], clips: int, ordinary: int) -> str:
    """Return a Markdown table: a column per measurement, the base in bold, in % with 95% Wilson intervals.

    Args:
        looks: the measurements, see `Looks`.
        base: the one that was chosen.
        clips: number of questions in each share of questions about clips.
        ordinary: number of questions in the share of ordinary questions.
    """
    names = list(dict.fromkeys(name for row in looks for name in row if name not in ("stage", "step")))
    places = [f"{row['stage']}, {row['step']} steps" for row in looks]
    heads = [f"**{place}**" if row is base else place for place, row in zip(places, looks, strict=True)]
    lines = ["| | " + " | ".join(heads) + " |", "|---|" + "---|" * len(heads)]
    for name in names:
        count = ordinary if name == "knowledge" else clips
        lines.append(f"| {name} | " + " | ".join(_shown(name, row.get(name), count) for row in looks) + " |")
    return "\n".join(lines) + "\n"


def _shown(name: str, value: float | None, count: int) -> str:
    if value is None:
        return ""
    if name == PERPLEXITY:
        return f"{value:.1f}"
    low, high = wilson(value, count)
    return f"{100 * value:.0f} [{100 * low:.0f}, {100 * high:.0f}]"
