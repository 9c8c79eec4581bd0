"""What the layout is worth: runs of one model that differ in nothing but the order and packing of their input."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mma_bench.evaluation.analyses.changes import p_text
from mma_bench.evaluation.comparison import ALL, Difference, differences_between, in_common, over_conditions
from mma_bench.evaluation.statistics import holm
from mma_bench.evaluation.topology import Topology, besides_topology, topology_of
from mma_bench.files.text import visible
from mma_bench.report.average import average_of
from mma_bench.report.runs import ScoredRun
from mma_bench.report.table import Column, Entry, Row, Table, in_words, share_of

_COLUMNS = ("pairs (n)", "reference", "accuracy", "difference", "p (Holm)", "decisions changed")


def layouts_table(runs: Sequence[ScoredRun]) -> Table | None:
    """Return each layout against the reference of its model, or none if no two runs differ in layout only."""
    found = [line for group in _groups(runs) for line in _lines(group)]
    if not found:
        return None
    adjusted = holm([difference.p_value for _, difference in found])
    tests = len(found)
    rows = [
        Row(name, _entries(replace(one, p_adjusted=float(p)))) for (name, one), p in zip(found, adjusted, strict=True)
    ]
    return Table(
        name="layouts",
        title="What the layout is worth",
        caption="The same model, weights and questions; only order and packing of video, audio and question differ. "
        "reference: accuracy with the adapter's own layout (or the first run's), accuracy: with the other; difference "
        "in percentage points, paired by question; decisions changed: percent of the pairs whose answers name another "
        "class, or none. 95% intervals (shares: Wilson, effective sample size over clips; difference: Bonett and "
        f"Price); p by McNemar's test, after Holm's correction over all {tests} rows.",
        head="model: layout against the reference; condition, asked",
        columns=[Column(name) for name in _COLUMNS],
        rows=rows,
        notes=[
            "A model may have been trained in one layout only; then this table says how much it depends on it, not "
            "which layout is best for models in general.",
            f"{ALL}: the questions that can be answered.",
        ],
    )


def _groups(runs: Sequence[ScoredRun]) -> Iterator[list[tuple[Topology, ScoredRun]]]:
    """Yield runs that differ in topology only, the reference first."""
    groups: dict[object, list[tuple[Topology, ScoredRun]]] = {}
    for run in runs:
        topology = topology_of(run.run.model_fingerprint)
        if topology is not None:
            name = run.run.model, besides_topology(run.run.model_fingerprint)
            groups.setdefault(name, []).append((topology, run))
    for group in groups.values():
        if len({topology for topology, _ in group}) > 1:
            yield sorted(group, key=lambda entry: not entry[0].is_default)


def _lines(group: Sequence[tuple[Topology, ScoredRun]]) -> Iterator[tuple[str, Difference]]:
    (base, reference), *others = group
    average = average_of(reference)
    for topology, run in others:
        before, after = in_common(reference.headline_verdicts, run.headline_verdicts)
        if topology == base or not before:
            continue
        model = visible(run.run.model, one_line=True)
        for one in [*over_conditions(before, after, average), *differences_between(before, after, average)]:
            removed = "" if one.answerable else "; removed, so these are hallucinations"
            yield f"{model}: {topology} against {base}; {in_words(one.condition)}, {one.modality}{removed}", one


def _entries(one: Difference) -> list[Entry]:
    return [
        one.pairs,
        share_of(one.first),
        share_of(one.second),
        share_of(one.difference, signed=True),
        p_text(one.p_adjusted),
        share_of(one.decisions_changed),
    ]
