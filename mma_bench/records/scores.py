"""The scores of a run as DataFrames: the table of accuracies, and each analysis by its name."""

from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from mma_bench.dataset.layout import conditions_in_order
from mma_bench.errors import MMABenchError
from mma_bench.records.columns import categories, integers, numbers, texts
from mma_bench.schema import CONDITIONS, Modality

if TYPE_CHECKING:
    import pandas as pd

    from mma_bench.evaluation.scores import Scores

CELLS = "cells"
MEASURES = "measures"

_BOUNDS = ("_low", "_high")


def scores_frame(scores: "Scores", table: str = MEASURES) -> "pd.DataFrame":
    """Return one table of ``scores``.

    Args:
        scores: of a run.
        table: ``measures``: one row for each condition, modality and measure, with the bounds of its 95% interval
            where it has one; ``cells``: one row for each condition and modality, one column for each field of
            `scores.json`; or an analysis of `scores.json`, such as ``reliance``.

    Raises:
        MMABenchError: there is no such table.
    """
    if table == CELLS:
        return _frame([_flat(cell) for cell in scores.cells])
    if table == MEASURES:
        return _frame([row for cell in scores.cells for row in _measures(_flat(cell))])
    known = table_names(scores)
    if table not in known:
        raise MMABenchError(f"the scores have no table {table!r}; they have {', '.join(known)}")
    rows = scores.analysis.rows(table)
    return _frame([line for row in rows for line in _lines(row)])


def table_names(scores: "Scores") -> list[str]:
    """Return the names that `scores_frame` knows."""
    return [MEASURES, CELLS, *scores.analysis.results]


def _lines(row: Any) -> Iterator[dict[str, Any]]:
    """Yield ``row`` as flat values; once for each part where it holds a sequence of parts, such as a bin."""
    own = _flat(row)
    parted = {
        field.name: value
        for field in fields(row)
        if isinstance(value := getattr(row, field.name), Sequence) and value and is_dataclass(value[0])
    }
    if not parted:
        yield own
    for name, parts in parted.items():
        for part in parts:
            kind = {"part": name} if len(parted) > 1 else {}
            yield {**own, **kind, **{f"{name.removesuffix('s')}_{key}": value for key, value in _flat(part).items()}}


def _flat(row: Any) -> dict[str, Any]:
    """Return the fields of a dataclass; of an estimate its value under the field's name, and its other fields."""
    flat: dict[str, Any] = {}
    for field in fields(row):
        name, value = field.name, getattr(row, field.name)
        if is_dataclass(value):
            inner = _flat(value)
            flat |= {name if key == "value" else f"{name}_{key}": part for key, part in inner.items()}
        elif isinstance(value, Enum | str | bool | int | float) or value is None:
            flat[name] = value
        elif isinstance(value, list | tuple) and all(isinstance(part, str) for part in value):
            flat[name] = ", ".join(value)
    return flat


def _measures(cell: dict[str, Any]) -> Iterator[dict[str, Any]]:
    shared = {name: cell[name] for name in ("condition", "modality", "answerable", "questions", "clips")}
    for name, value in cell.items():
        if not isinstance(value, float) or name.endswith(_BOUNDS):
            continue
        short = name.removesuffix("_accuracy")  # the bounds of `macro_accuracy` are `macro_low` and `macro_high`
        low, high = (cell.get(f"{name}{bound}", cell.get(f"{short}{bound}")) for bound in _BOUNDS)
        yield {**shared, "measure": name, "value": value, "low": low, "high": high}


def _frame(rows: Sequence[dict[str, Any]]) -> "pd.DataFrame":
    import pandas as pd

    names = list(dict.fromkeys(name for row in rows for name in row))
    return pd.DataFrame({name: _column(name, [row.get(name) for row in rows]) for name in names})


def _column(name: str, values: Sequence[Any]) -> "pd.Series[Any]":
    import pandas as pd

    known = [value for value in values if value is not None]
    if name == "condition":
        return categories(map(str, values), conditions_in_order({*CONDITIONS, *known}))
    if name == "modality":
        return categories((None if value is None else str(value) for value in values), [str(m) for m in Modality])
    if any(isinstance(value, str) for value in known):
        return texts(None if value is None else str(value) for value in values)
    if known and all(isinstance(value, bool) for value in known):
        return pd.Series(list(values), dtype="boolean")
    if known and all(isinstance(value, int) for value in known):
        return integers(values)
    return numbers(values)
