"""The results of a diagnosis: numbers with intervals, all of one form."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from mma_bench.evaluation.statistics import Estimate

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Number:
    """A number with its 95% interval.

    Attributes:
        part: what measured it.
        quantity: what it is.
        condition: of the questions; empty if of several.
        modality: what is asked about; empty if of both.
        group: group of tokens, or what else is compared; empty if none.
        layer: layer, or first layer of a window; -1 if none.
        detail: what else tells it from others.
        value: the estimate.
        low: lower bound; NaN where there is none.
        high: upper bound.
        clips: number of clips.
    """

    part: str
    quantity: str
    condition: str
    modality: str
    group: str
    layer: int
    detail: str
    value: float
    low: float
    high: float
    clips: int

    @classmethod
    def of(
        cls,
        estimate: Estimate,
        part: str,
        quantity: str,
        *,
        condition: str = "",
        modality: str = "",
        group: str = "",
        layer: int = -1,
        detail: str = "",
    ) -> "Number":
        """Return an estimate with what it is about."""
        return cls(part, quantity, condition, modality, group, layer, detail, estimate.value, estimate.low,
                   estimate.high, estimate.clips)  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Return the fields; a bound that there is not is null."""
        return {
            name: None if isinstance(value, float) and math.isnan(value) else value
            for name, value in asdict(self).items()
        }

    @property
    def text(self) -> str:
        """Return the number and its interval."""
        if math.isnan(self.value):
            return "–"
        interval = "" if math.isnan(self.low) else f" [{self.low:.2f}, {self.high:.2f}]"
        return f"{self.value:.2f}{interval}"


@dataclass(frozen=True)
class Series:
    """The numbers of one diagnosis, as figures get them.

    Attributes:
        label: name of the model, or what tells it from others.
        layers: number of layers of the language model.
        numbers: the numbers of one part.
    """

    label: str
    layers: int
    numbers: tuple[Number, ...]

    def pick(self, quantity: str, **wanted: object) -> list[Number]:
        """Return the numbers of a quantity, with these values of other fields."""
        return [
            number
            for number in self.numbers
            if number.quantity == quantity and all(getattr(number, name) == value for name, value in wanted.items())
        ]


def numbers_table(numbers: Iterable[Number]) -> "pa.Table":
    """Return numbers as an Arrow table, one row each."""
    import pyarrow as pa

    kinds = {str: pa.string(), int: pa.int32(), float: pa.float64()}
    schema = pa.schema([(field.name, kinds[field.type]) for field in fields(Number)])  # type: ignore[index]
    return pa.Table.from_pylist([asdict(number) for number in numbers], schema=schema)


def numbers_of(table: "pa.Table") -> list[Number]:
    """Return the numbers of a table that `numbers_table` made."""
    return [Number(**row) for row in table.to_pylist()]
