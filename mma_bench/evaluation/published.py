"""Published results as data: shown next to a run, marked as not re-run."""

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from mma_bench.files.hashing import sha256_bytes
from mma_bench.schema import Modality

Percent = Annotated[float, Field(ge=0, le=100)]
Pair = tuple[Percent, Percent]
Measure = Literal["accuracy", "abstention", "avhbench accuracy"]
Provenance = Literal["table", "figure", "draft", "reported"]

_FROM_TEXT = ("aligned", "misaligned")
_FROM_FIGURES = ("audio_removed", "frames_zeroed", "misleading_caption", "long_context")


@dataclass(frozen=True)
class PublishedResult:
    """One published number.

    Attributes:
        model: the model's name in the source.
        measure: ``accuracy``; ``abstention`` if the asked modality was removed; or ``avhbench accuracy``.
        condition: condition of MMA-Bench, or task of AVHBench.
        modality: what was asked about; None for AVHBench.
        percent: the number.
        source: title of the source.
        url: where it is.
        how: how the number was read, in words.
        provenance: ``table``, read off a ``figure``, from a ``draft`` table, or as ``reported`` by others.
        digits: decimals that the source gives.
        also: another number that the authors give for the same, and where, in words.
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
    provenance: Provenance
    digits: int
    also: str | None
    caveats: tuple[str, ...]

    @property
    def text(self) -> str:
        """The number with as many decimals as in its source: a rounded 28.75 is no longer what was published."""
        return f"{self.percent:.{self.digits}f}"


@dataclass(frozen=True)
class OfficialSet:
    """The clips and options that the published accuracies are about.

    Attributes:
        clips: number of clips.
        clips_sha256: hash of their sorted ids, one per line.
        options: number of options.
        options_sha256: hash of their sorted names, one per line.
    """

    clips: int
    clips_sha256: str
    options: int
    options_sha256: str

    def differences(self, clips: Iterable[str], options: Iterable[str]) -> list[str]:
        """Return in words how a run's clips and options differ from these; empty if they are the same."""
        found = []
        for name, own, number, expected in (
            ("clips", set(clips), self.clips, self.clips_sha256),
            ("options", set(options), self.options, self.options_sha256),
        ):
            if sha256_bytes("\n".join(sorted(own)).encode("utf-8")) != expected:
                found.append(f"other {name} ({len(own):,}, where the published numbers have {number})")
        return found


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Source(_Part):
    title: str
    url: str
    how: str
    provenance: Provenance
    caveats: list[str]


class _Also(_Part):
    condition: str
    modality: Modality
    percent: Percent
    where: str


class _Accuracy(_Part):
    model: str
    aligned: Pair
    misaligned: Pair
    audio_removed: Pair
    frames_zeroed: Pair
    misleading_caption: Pair
    long_context: Pair | None
    also: list[_Also] = []
    caveat: str | None = None


class _Abstention(_Part):
    model: str
    removed: Pair


class _Avhbench(_Part):
    model: str
    accuracy: Pair


class _File(_Part):
    sources: dict[Literal["mma_bench_text", "mma_bench_figure", "mma_bench_draft", "avhbench"], _Source]
    official: OfficialSet
    accuracy: list[_Accuracy]
    abstention: list[_Abstention]
    avhbench: list[_Avhbench]


@functools.cache
def published_results() -> tuple[PublishedResult, ...]:
    """Return every published number that ships with the package."""
    return tuple(_results(_file()))


def official_set() -> OfficialSet:
    """Return what the published accuracies are about."""
    return _file().official


@functools.cache
def _file() -> _File:
    content = yaml.safe_load((Path(__file__).parent / "published.yaml").read_text(encoding="utf-8"))
    return _File.model_validate(content)


def _results(file: _File) -> Iterator[PublishedResult]:
    for row in file.accuracy:
        for condition in (*_FROM_TEXT, *_FROM_FIGURES):
            source = file.sources["mma_bench_text" if condition in _FROM_TEXT else "mma_bench_figure"]
            pair: Pair | None = getattr(row, condition)
            # A remark names its condition first.
            own = row.caveat if row.caveat and row.caveat.startswith(condition) else None
            for modality, percent in zip(Modality, pair or (), strict=False):
                also = [
                    f"{a.percent:g} in {a.where}"
                    for a in row.also
                    if (a.condition, a.modality) == (condition, modality)
                ]
                yield _result(row.model, "accuracy", condition, modality, percent, source, own, also=", ".join(also))
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
    *,
    also: str = "",
) -> PublishedResult:
    decimals = len(f"{percent:g}".partition(".")[2])
    digits = max(decimals, 2 if source.provenance in ("table", "draft") else 1)
    caveats = (*source.caveats, *([own] if own else []))
    return PublishedResult(
        model=model,
        measure=measure,
        condition=condition,
        modality=modality,
        percent=percent,
        source=source.title,
        url=source.url,
        how=source.how,
        provenance=source.provenance,
        digits=digits,
        also=also or None,
        caveats=caveats,
    )
