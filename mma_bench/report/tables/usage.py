"""The table of what each run took: tokens, time, money and memory."""

from collections.abc import Sequence

from mma_bench.evaluation.usage import Usage
from mma_bench.files.text import visible
from mma_bench.report.runs import ScoredRun
from mma_bench.report.table import Column, Entry, Row, Table

_COLUMNS = (
    "answers",
    "tokens in per answer",
    "tokens out per answer",
    "seconds per answer",
    "wall time, s",
    "cost",
    "cut off at max tokens",
    "peak memory, GiB",
    "served by",
)


def usage_table(runs: Sequence[ScoredRun]) -> Table | None:
    """Return what the models of ``runs`` took, or none if no run recorded it."""
    used = [(run, run.usage) for run in runs if not run.is_baseline and run.usage and run.usage.seconds is not None]
    if not used:
        return None
    return Table(
        name="usage",
        title="What the runs took",
        caption="Tokens and seconds are medians per answer. Questions asked together share their time; requests to a "
        "server overlap, so their seconds add up to more than the wall time. Cost: all counted tokens at the prices "
        "given to --price-in and --price-out. Peak memory: allocated by torch on the GPU, or resident memory of the "
        "process. – is what was not recorded.",
        head="model",
        columns=[Column(name) for name in _COLUMNS],
        rows=[Row(run.label, _entries(usage), run.kind) for run, usage in used],
        notes=[*_about_people(runs), *(note for run, usage in used for note in _notes(run.label, usage))],
    )


def _entries(usage: Usage) -> list[Entry]:
    memory = None
    if usage.peak_memory_bytes is not None:
        memory = f"{usage.peak_memory_bytes / 2**30:.2f} ({usage.peak_memory_of})"
    return [
        usage.answers,
        _count(usage.median_input_tokens),
        _count(usage.median_output_tokens),
        usage.median_seconds,
        None if usage.wall_seconds is None else round(usage.wall_seconds),
        None if usage.cost is None else f"{usage.cost:,.2f}",
        usage.cut_off,
        memory,
        visible(", ".join(usage.served_by), one_line=True) or None,
    ]


def _count(value: float | None) -> int | float | None:
    return int(value) if value is not None and value == int(value) else value


def _about_people(runs: Sequence[ScoredRun]) -> list[str]:
    if not any(run.is_person for run in runs):
        return []
    return ["Seconds of people are from the display of a question to its answer."]


def _notes(label: str, usage: Usage) -> list[str]:
    notes = []
    if len(usage.served_by) > 1:
        versions = ", ".join(f"{name} ({count:,} answers)" for name, count in usage.served_by.items())
        notes.append(f"{label}: the server named more than one version: {visible(versions, one_line=True)}.")
    if usage.cost is not None and usage.counted < usage.answers:
        missing = usage.answers - usage.counted
        notes.append(f"{label}: {missing:,} answers have no token counts and are not part of the cost.")
    return notes
