"""A part of a diagnosis as one file: what it measures, the columns of its table, its numbers, and its figures.

`mma-bench diagnose` runs every registered part. A package names its own in an entry point of the group
`mma_bench.diagnosis_parts`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from mma_bench.diagnosis.numbers import Number, Series
from mma_bench.diagnosis.subject import Case, Subject
from mma_bench.drawing.panels import Plot
from mma_bench.registry import Registry

if TYPE_CHECKING:
    import pyarrow as pa

Row = dict[str, Any]
"""A row of the table of a part, by column."""

COMMON = {
    "question_id": "string",
    "key": "string",
    "clip": "string",
    "condition": "string",
    "variant": "string",
    "modality": "string",
}
"""Columns that every table begins with, and their types."""


@dataclass(frozen=True)
class Measured:
    """The tables of a diagnosis so far.

    Attributes:
        tables: by the name of the part, as far as numbers need them (see `Part.condense`).
        layers: number of layers of the language model.
        heads: number of attention heads per layer.
        seed: of all random choices.
        weights: identity of the model's weights.
    """

    tables: "Mapping[str, pa.Table]"
    layers: int
    heads: int
    seed: int
    weights: str = ""


class Part(ABC):
    """A part of a diagnosis.

    Attributes:
        name: its name on the command line, and of its Parquet file.
        help: what it measures, in one line.
        columns: columns of its table after `COMMON`, with their Arrow types.
        reads: parts whose tables it needs; they are measured before it.
        measures: whether it runs the model. Otherwise it computes numbers from the tables of others.
        own_layout: whether it needs a model whose media are encoded by our own code.
        caution: what its figures do not show.
        intervals: what the intervals of its numbers are.
    """

    name: ClassVar[str]
    help: ClassVar[str]
    columns: ClassVar[Mapping[str, str]] = {}
    reads: ClassVar[tuple[str, ...]] = ()
    measures: ClassVar[bool] = True
    own_layout: ClassVar[bool] = False
    caution: ClassVar[str] = ""
    intervals: ClassVar[str] = "95% bootstrap intervals"

    @property
    def state(self) -> str:
        """What its measurements depend on after `prepare`, as a word that can be part of a file's name."""
        return ""

    def prepare(self, measured: Measured) -> None:
        """Look at the tables of the parts that it reads, before it measures."""
        return

    def measure(self, subject: Subject) -> Iterable[Row]:
        """Return the rows about one stimulus. Rows must not depend on other stimuli."""
        return ()

    def condense(self, table: "pa.Table") -> "pa.Table":
        """Return what `numbers` and `changes`, and parts that read this one, need of the rows about some stimuli.

        By default all. What is left out is only in the part's Parquet file: with thousands of questions, a row per head
        or per token does not fit into memory.
        """
        return table

    @abstractmethod
    def numbers(self, measured: Measured) -> list[Number]:
        """Return the numbers of all stimuli."""

    def changes(self, before: Measured, after: Measured) -> list[Number]:
        """Return numbers that compare two diagnoses of the same questions, paired by clip."""
        return []

    def plots(self, series: Sequence[Series]) -> list[Plot]:
        """Return the figures of one or several diagnoses."""
        return []

    def files(self, measured: Measured) -> Mapping[str, bytes]:
        """Return further files of the run folder by name."""
        return {}


PARTS: Registry[type[Part]] = Registry("part", "diagnosis_parts")


def part(found: type[Part]) -> type[Part]:
    """Register a class as a part, under its own name."""
    PARTS.add(found.name, found, found, found.help)
    return found


def about(case: Case, subject: Subject) -> Row:
    """Return the values of `COMMON`."""
    question = case.question
    return {
        "question_id": question.question_id,
        "key": subject.sample.stimulus.key,
        "clip": case.clip,
        "condition": question.condition,
        "variant": question.variant,
        "modality": str(question.modality),
    }


def schema_of(kind: type[Part]) -> "pa.Schema":
    """Return the schema of a part's table."""
    import pyarrow as pa

    types = {"list<float>": pa.list_(pa.float32()), "list<string>": pa.list_(pa.string())}
    return pa.schema(
        [(name, types.get(form) or pa.type_for_alias(form)) for name, form in {**COMMON, **kind.columns}.items()]
    )
