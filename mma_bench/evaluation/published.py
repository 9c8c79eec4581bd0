"""Results that others published, as data: shown beside a run, marked as not re-run."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from mma_bench.schema import Modality

Percent = Annotated[Decimal, Field(ge=0, le=100)]
Pair = tuple[Percent, Percent]
Measure = Literal["accuracy", "abstention", "avhbench accuracy"]

_FROM_TEXT = ("aligned", "misaligned")
_FROM_FIGURES = ("audio_removed", "frames_zeroed", "misleading_caption", "long_context")


@dataclass(frozen=True)
class PublishedResult:
    """One published number.

    Attributes:
        model: the model's name in the source.
        measure: ``accuracy``; ``abstention`` where the asked modality was removed; or ``avhbench accuracy``.
        condition: condition of MMA-Bench, or task of AVHBench.
        modality: what was asked about; None for AVHBench.
        percent: the number.
        digits: how many decimals the source gives.
        source: title of the source.
        url: where it is.
        how: how the number was read.
        caveats: what a reader must know.
    """

    model: str
    measure: Measure
    condition: str
    modality: Modality | None
    percent: float
    digits: int
    source: str
    url: str
    how: str
    caveats: tuple[str, ...]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Source(_Part):
    title: str
    url: str
    how: str
    caveats: list[str]


class _Another(_Part):
    """A second figure that the authors give for the same number, elsewhere."""

    condition: str
    modality: Modality
    percent: Percent
    where: str


class Official(_Part):
    """What the numbers of MMA-Bench were measured on."""

    clips: int
    options: int
    options_sha256: str


class _Accuracy(_Part):
    model: str
    aligned: Pair
    misaligned: Pair
    audio_removed: Pair
    frames_zeroed: Pair
    misleading_caption: Pair
    long_context: Pair | None
    caveat: str | None = None
    also: list[_Another] = []


class _Abstention(_Part):
    model: str
    removed: Pair


class _Avhbench(_Part):
    model: str
    accuracy: Pair


class _File(_Part):
    official: Official
    sources: dict[Literal["mma_bench_text", "mma_bench_figure", "mma_bench_draft", "avhbench"], _Source]
    accuracy: list[_Accuracy]
    abstention: list[_Abstention]
    avhbench: list[_Avhbench]


@functools.cache
def published_results() -> tuple[PublishedResult, ...]:
    """Return every published number that ships with the package."""
    return tuple(_results(_file()))


def official_data() -> Official:
    """Return what the published numbers of MMA-Bench were measured on."""
    return _file().official


class _Loader(yaml.SafeLoader):
    """Reads decimals as they are written: 97.90 has two digits."""


def _decimal(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Decimal:
    return Decimal(str(loader.construct_scalar(node)))


_Loader.add_constructor("tag:yaml.org,2002:float", _decimal)


@functools.cache
def _file() -> _File:
    text = (Path(__file__).parent / "published.yaml").read_text(encoding="utf-8")
    content: Any = yaml.load(text, _Loader)  # noqa: S506  (a safe loader, with one more type)
    return _File.model_validate(content)


def _results(file: _File) -> Iterator[PublishedResult]:
    for row in file.accuracy:
        for condition in (*_FROM_TEXT, *_FROM_FIGURES):
            source = file.sources["mma_bench_text" if condition in _FROM_TEXT else "mma_bench_figure"]
            pair: Pair | None = getattr(row, condition)
            # A remark names its condition first.
            own = [row.caveat] if row.caveat and row.caveat.startswith(condition) else []
            for modality, percent in zip(Modality, pair or (), strict=False):
                others = [
                    f"{condition}, {modality}: {percent} in {source.title}, but {another.percent} in {another.where}."
                    for another in row.also
                    if (another.condition, another.modality) == (condition, modality)
                ]
                yield _result(row.model, "accuracy", condition, modality, percent, source, (*own, *others))
    for entry in file.abstention:
        places = zip(("frames_zeroed", "audio_removed"), Modality, entry.removed, strict=True)
        for condition, modality, percent in places:
            source = file.sources["mma_bench_draft"]
            yield _result(entry.model, "abstention", condition, modality, percent, source)
    for line in file.avhbench:
        tasks = ("audio-driven video hallucination", "video-driven audio hallucination")
        for task, percent in zip(tasks, line.accuracy, strict=True):
            yield _result(line.model, "avhbench accuracy", task, None, percent, file.sources["avhbench"])


def _result(
    model: str,
    measure: Measure,
    condition: str,
    modality: Modality | None,
    percent: Decimal,
    source: _Source,
    own: tuple[str, ...] = (),
) -> PublishedResult:
    digits = max(0, -int(percent.as_tuple().exponent))
    return PublishedResult(
        model=model,
        measure=measure,
        condition=condition,
        modality=modality,
        percent=float(percent),
        digits=digits,
        source=source.title,
        url=source.url,
        how=source.how,
        caveats=(*source.caveats, *own),
    )
