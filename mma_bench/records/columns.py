"""Typed columns of pandas, made from plain values.

What can be absent has a nullable type (`string`, `Int64`, `Float64`), so that a missing value is `pandas.NA` and never
NaN, None or an empty text. Names from a closed set are categories, in the order of the tables.
"""

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_SURROGATE = re.compile("[\ud800-\udfff]")


def encodable(text: str) -> str:
    """Return ``text`` with each half of a surrogate pair written out, such as `[U+D800]`.

    No encoding of Unicode can hold one, so neither Parquet, CSV nor JSON in UTF-8 can. Everything else is kept.
    """
    return text if text.isascii() else _SURROGATE.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)


def texts(values: Iterable[str | None]) -> "pd.Series[Any]":
    """Return texts as a `string` column."""
    import pandas as pd

    return pd.Series([None if value is None else encodable(value) for value in values], dtype="string")


def integers(values: Iterable[int | None]) -> "pd.Series[Any]":
    """Return whole numbers as an `Int64` column."""
    import pandas as pd

    return pd.Series(list(values), dtype="Int64")


def numbers(values: Iterable[float | None]) -> "pd.Series[Any]":
    """Return numbers as a `Float64` column; NaN, which means an absent number everywhere else, becomes NA."""
    import pandas as pd

    return pd.Series(list(values), dtype="Float64")


def categories(values: Iterable[str | None], order: Sequence[str]) -> "pd.Series[Any]":
    """Return names as a categorical column.

    Args:
        values: the names.
        order: names that can occur, in the order of the categories; names that are not among them come last, sorted.
    """
    import pandas as pd

    found = list(values)
    codes = {name: code for code, name in enumerate(order)}
    for name in sorted({name for name in found if name is not None} - codes.keys()):
        codes[name] = len(codes)
    kind = pd.CategoricalDtype(pd.Index([encodable(name) for name in codes], dtype="str"))
    return pd.Series(pd.Categorical.from_codes([-1 if name is None else codes[name] for name in found], dtype=kind))
