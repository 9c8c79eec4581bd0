"""Results that others published, as data: shown beside a run, marked as not re-run."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from mma_bench.schema import Modality

Percent = Annotated[float, Field(ge=0, le=100)]
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


class _Accuracy(_Part):
    model: str
    aligned: Pair
    misaligned: Pair
    audio_removed: Pair
    frames_zeroed: Pair
    misleading_caption: Pair
    long_context: Pair | None
    caveat: str | None = None


class _Abstention(_Part):
    model: str
    removed: Pair


class _Avhbench(_Part):
    model: str
    accuracy: Pair


class _File(_Part):
    sources: dict[Literal["mma_bench_text", "mma_bench_figure", "mma_bench_draft", "avhbench"], _Source]
    accuracy: list[_Accuracy]
    abstention: list[_Abstention]
    avhbench: list[_Avhbench]


@functools.cache
def published_results() -> tuple[PublishedResult, ...]:
    """Return every published number that ships with the package."""
    content = yaml.safe_load((Path(__file__).parent / "published.yaml").read_text(encoding="utf-8"))
    return tuple(_results(_File.model_validate(content)))


def _results(file: _File) -> Iterator[PublishedResult]:
    for row in file.accuracy:
        for condition in (*_FROM_TEXT, *_FROM_FIGURES):
            source = file.sources["mma_bench_text" if condition in _FROM_TEXT else "mma_bench_figure"]
            pair: Pair | None = getattr(row, condition)
            # A remark names its condition first.
            own = row.caveat if row.caveat and row.caveat.startswith(condition) else None
            for modality, percent in zip(Modality, pair or (), strict=False):
                yield _result(row.model, "accuracy", condition, modality, percent, source, own)
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
    percent: float,
    source: _Source,
    own: str | None = None,
) -> PublishedResult:
    caveats = (*source.caveats, *([own] if own else []))
    return PublishedResult(model, measure, condition, modality, percent, source.title, source.url, source.how, caveats)
