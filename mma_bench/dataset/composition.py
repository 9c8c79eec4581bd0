"""How many clips, stimuli and questions of each kind a dataset has: what its card says, counted in one pass."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pyarrow.parquet as pq

from mma_bench.dataset.layout import conditions_in_order
from mma_bench.schema import Clip, Modality, Stimulus

_CLIP = ("visual_label", "audio_label", "licence", "verified_by", "source", "notes")
_STIMULUS = ("condition", "split", "level", "video.label", "audio.label")
_QUESTION = ("condition", "modality", "variant")


@dataclass
class Composition:
    """Counts of a dataset.

    Attributes:
        clips: number of clips.
        stimuli: number of stimuli.
        seen: clips by the class of their video.
        heard: clips by the class of their audio.
        licences: clips by licence, in the order in which licences first occur.
        verified: clips by who verified them.
        sources: sources of clips.
        notes: notes on clips.
        test_conditions: conditions of the test split's stimuli.
        has_training: whether there is a training split.
        asked: questions of the test split by (condition, modality).
        carrying: stimuli of the test split by the condition of a question about them.
        met: misaligned stimuli by (class of the video, class of the audio).
        levels: stimuli of graded conditions by (condition, level).
        variants: questions by wording.
    """

    clips: int = 0
    stimuli: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    heard: Counter[str] = field(default_factory=Counter)
    licences: Counter[str] = field(default_factory=Counter)
    verified: Counter[str] = field(default_factory=Counter)
    sources: set[str] = field(default_factory=set)
    notes: set[str] = field(default_factory=set)
    test_conditions: set[str] = field(default_factory=set)
    has_training: bool = False
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    carrying: Counter[str] = field(default_factory=Counter)
    met: Counter[tuple[str, str]] = field(default_factory=Counter)
    levels: Counter[tuple[str, float]] = field(default_factory=Counter)
    variants: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, clips: Iterable[Clip], stimuli: Iterable[Stimulus]) -> Self:
        """Count records."""
        found = cls()
        for clip in clips:
            found._add_clip(*(getattr(clip, name) for name in _CLIP))
        for s in stimuli:
            questions = [(q.condition, str(q.modality), q.variant) for q in s.questions]
            found._add_stimulus(s.condition, s.split, s.level, s.video.label, s.audio.label, questions)
        return found

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Count the rows of the tables in ``folder``, which this program has just written, by their columns alone."""
        found = cls()
        for row in _rows(folder / "metadata" / "clips.parquet", _CLIP):
            found._add_clip(*(row[name] for name in _CLIP))
        columns = [*_STIMULUS, *(f"questions.list.element.{name}" for name in _QUESTION)]
        for row in _rows(folder / "metadata" / "stimuli.parquet", columns):
            questions = [tuple(question[name] for name in _QUESTION) for question in row["questions"]]
            labels = row["video"]["label"], row["audio"]["label"]
            found._add_stimulus(row["condition"], row["split"], row["level"], *labels, questions)
        return found

    def _add_clip(self, seen: str, heard: str, licence: str, verified: str, source: str, notes: str) -> None:
        self.clips += 1
        self.seen[seen] += 1
        self.heard[heard] += 1
        self.licences[licence] += 1
        self.verified[verified] += 1
        self.sources.add(source)
        if notes:
            self.notes.add(notes)

    def _add_stimulus(
        self,
        condition: str,
        split: str,
        level: float | None,
        video: str | None,
        audio: str | None,
        questions: Sequence[tuple[str, ...]],
    ) -> None:
        self.stimuli += 1
        self.has_training |= split == "train"
        if split == "test":
            self.test_conditions.add(condition)
            self.asked.update((question[0], question[1]) for question in questions)
            self.carrying.update({question[0] for question in questions})
        if condition == "misaligned" and video and audio:
            self.met[video, audio] += 1
        if level is not None:
            self.levels[condition, level] += 1
        self.variants.update(question[2] for question in questions)

    def classes(self) -> list[tuple[str, int, int]]:
        """Return (class, clips whose video has it, clips whose audio has it)."""
        return [(name, self.seen[name], self.heard[name]) for name in sorted(self.seen | self.heard)]

    def questions(self) -> list[tuple[str, int, int, int]]:
        """Return (condition, stimuli, visual questions, audio questions), the conditions in their usual order."""
        return [
            (name, self.carrying[name], self.asked[name, Modality.VISUAL], self.asked[name, Modality.AUDIO])
            for name in conditions_in_order(self.carrying)
        ]

    def meetings(self) -> dict[tuple[str, str], int]:
        """Return how often the video of a class meets the audio of another in `misaligned`, by (video, audio)."""
        return dict(sorted(self.met.items()))

    def meeting_rows(self) -> list[tuple[str, str]]:
        """Return (class of the video, sounds it met and how often) in the words of the card, most frequent first."""
        by_video: dict[str, list[tuple[int, str]]] = {}
        for (video, audio), count in self.meetings().items():
            by_video.setdefault(video, []).append((-count, audio))
        return [(video, ", ".join(f"{name} {-n}" for n, name in sorted(met))) for video, met in by_video.items()]

    def stored_variants(self) -> list[tuple[str, int]]:
        """Return (variant, questions) of the wordings that are stored next to the standard one."""
        return sorted((name, count) for name, count in self.variants.items() if name != "standard")

    def graded(self) -> list[tuple[str, float, int]]:
        """Return (condition, level, stimuli) of the graded conditions."""
        return sorted((name, level, count) for (name, level), count in self.levels.items())

    def size_sentence(self) -> str:
        """Return the card's sentence on the size of the dataset."""
        return f"{self.clips} clips in {len(self.classes())} classes make {self.stimuli} stimuli."


def _rows(path: Path, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(4096, columns=list(columns)):
            yield from batch.to_pylist()
