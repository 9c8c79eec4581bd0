"""Loads a benchmark: questions as flat rows, media decoded only when requested."""

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

from mma_bench.dataset.layout import conditions_in_order, config_of
from mma_bench.dataset.media import Media
from mma_bench.dataset.records import read_records
from mma_bench.dataset.removed import read_removed_ids
from mma_bench.dataset.shards import ShardFile
from mma_bench.dataset.super_classes import read_super_classes
from mma_bench.dataset.turns import in_turns_of_clips
from mma_bench.errors import MMABenchError, unknown
from mma_bench.files.hashing import sha256_bytes, sha256_file
from mma_bench.schema import IndexEntry, Modality, Prompt, Question, Stimulus

if TYPE_CHECKING:
    import pandas as pd

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


@dataclass(frozen=True)
class QuestionRow:
    """One question with everything that belongs to it.

    Attributes:
        question_id: unique name of the question.
        key: name of the stimulus in its shard.
        condition: condition that the question belongs to.
        level: dose of a graded condition (`mma_bench.schema.CONDITIONS` names its unit), otherwise none.
        variant: how the question is worded; see `mma_bench.questions`.
        modality: what is asked about.
        prompt: exact text for the model.
        parts: what the prompt is made of, none for a text without parts.
        options: class names to choose from.
        answer: class of the clip in the asked modality (see `answerable`).
        distractor: another class that a modality not asked about suggests, if any.
        answerable: false if the asked modality was removed: then abstaining is correct.
        video_label: class of the video, none for black frames.
        audio_label: class of the audio, none for silence.
        video_clip_id: clip of the video, none for black frames.
        audio_clip_id: clip of the audio, none for silence.
        media: the two streams, read and decoded when first used.
    """

    question_id: str
    key: str
    condition: str
    level: float | None
    variant: str
    modality: Modality
    prompt: str
    parts: Prompt | None
    options: list[str]
    answer: str
    distractor: str | None
    answerable: bool
    video_label: str | None
    audio_label: str | None
    video_clip_id: str | None
    audio_clip_id: str | None
    media: Media


@dataclass(frozen=True)
class Sample:
    """A stimulus with the questions to ask about it, so that a model can encode the media once."""

    stimulus: Stimulus
    questions: Sequence[Question]
    media: Media

    @property
    def streams(self) -> tuple[str, str]:
        """Hashes of the video and the audio: what to sort by so that samples with the same video come together."""
        return self.stimulus.video.sha256, self.stimulus.audio.sha256


class Benchmark(Sequence[QuestionRow]):
    """The questions of a dataset folder, as a sequence of rows ordered by stimulus."""

    def __init__(self, path: Path, samples: Sequence[Sample]) -> None:
        self.path = path
        self.samples = samples
        self._places = [(i, j) for i, sample in enumerate(samples) for j in range(len(sample.questions))]

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> QuestionRow: ...
    @overload
    def __getitem__(self, index: slice) -> list[QuestionRow]: ...
    def __getitem__(self, index: int | slice) -> QuestionRow | list[QuestionRow]:
        if isinstance(index, slice):
            return [self._row(*place) for place in self._places[index]]
        return self._row(*self._places[index])

    def __iter__(self) -> Iterator[QuestionRow]:
        return (self._row(i, j) for i, j in self._places)

    @functools.cached_property
    def super_classes(self) -> dict[str, str]:
        """Super-class of each class, by its name; empty if the dataset has none."""
        return read_super_classes(self.path)

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the table of stimuli, which contains every prompt and the hash of every stream."""
        return sha256_file(self.path / "metadata" / "stimuli.parquet")

    def to_frame(self) -> "pd.DataFrame":
        """Return one row per question, with typed columns; docs/frames.md lists them."""
        from mma_bench.records.questions import questions_frame

        return questions_frame(self)

    def _row(self, i: int, j: int) -> QuestionRow:
        sample = self.samples[i]
        question, stimulus = sample.questions[j], sample.stimulus
        return QuestionRow(
            **{name: getattr(question, name) for name in Question.model_fields},
            key=stimulus.key,
            level=stimulus.level,
            video_label=stimulus.video.label,
            audio_label=stimulus.audio.label,
            video_clip_id=stimulus.video.clip_id,
            audio_clip_id=stimulus.audio.clip_id,
            media=sample.media,
        )


def load(
    path: str | Path = "mma-bench",
    *,
    condition: str | Sequence[str] | None = None,
    variant: str | Sequence[str] | None = "standard",
    split: str = "test",
    limit: int | None = None,
    limit_by: Literal["class", "key"] = "class",
) -> Benchmark:
    """Load a benchmark.

    Args:
        path: folder of a dataset, or `ORG/NAME` of one on the hub, which is downloaded to the hub's cache.
        condition: one condition or several; by default all.
        variant: one wording of the questions or several (see `mma_bench.questions`), or None for all stored ones. By
            default the standard one, so that no question is asked twice.
        split: `test` or `train`.
        limit: maximum number of stimuli per media condition: of the same clips in every condition, one clip of each
            class in turn.
        limit_by: `key` takes the first ones by key instead, as earlier versions did.

    Stimuli with a clip of `removed_ids.txt` are left out.

    Raises:
        MMABenchError: ``path`` is not a dataset, or has no such condition, variant or split.
    """
    folder = local_folder(path)
    removed = read_removed_ids(folder)
    stored = read_records(folder, "metadata/stimuli.parquet", Stimulus)
    stimuli = [stimulus for stimulus in stored if stimulus.split == split and not removed.cover(stimulus)]
    asked = [question for stimulus in stimuli for question in stimulus.questions]
    if not asked:
        raise MMABenchError(unknown(f"{folder} has no split", split, sorted({s.split for s in stored})))
    conditions = _wanted(folder, "condition", conditions_in_order({q.condition for q in asked}), condition)
    variants = _wanted(folder, "variant", sorted({q.variant for q in asked}), variant)
    index = _Index(folder)
    taken: dict[str, int] = {}
    samples = []
    by_key = sorted(stimuli, key=lambda stimulus: stimulus.key)
    for stimulus in by_key if limit is None or limit_by == "key" else in_turns_of_clips(by_key):
        questions = [q for q in stimulus.questions if q.condition in conditions and q.variant in variants]
        taken[stimulus.condition] = taken.get(stimulus.condition, 0) + bool(questions)
        if questions and (limit is None or taken[stimulus.condition] <= limit):
            samples.append(Sample(stimulus, questions, index.media(stimulus)))
    return Benchmark(folder, sorted(samples, key=lambda sample: sample.stimulus.key))


def local_folder(path: str | Path) -> Path:
    """Return the folder of a dataset, downloaded to the hub's cache if it is one on the hub.

    Raises:
        MMABenchError: ``path`` is neither.
    """
    folder = Path(path)
    if (folder / "metadata" / "stimuli.parquet").is_file():
        return folder
    if not folder.exists() and _HUB_NAME.fullmatch(str(path)):
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

        try:
            return Path(snapshot_download(str(path), repo_type="dataset"))
        except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
            raise MMABenchError(f"{path} is neither a folder here nor a dataset on the hub: {error}") from error
    raise MMABenchError(
        f"{path} is not a benchmark (no metadata/stimuli.parquet); build one with `python -m builder run`"
    )


def _wanted(folder: Path, what: str, present: Sequence[str], asked: str | Sequence[str] | None) -> set[str]:
    if asked is None:
        return set(present)
    wanted = {asked} if isinstance(asked, str) else set(asked)
    if missing := sorted(wanted.difference(present)):
        raise MMABenchError(unknown(f"{folder} has no {what}", missing[0], present))
    return wanted


class _Index:
    """Random access to the members of the shards of a dataset."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._entries: dict[str, dict[tuple[str, str], IndexEntry]] = {}
        self._verified: set[tuple[Path, int, int, str, int, int, int, int]] = set()

    def media(self, stimulus: Stimulus) -> Media:
        return Media(
            key=stimulus.key,
            read_video=functools.partial(self._member, stimulus, "mp4", stimulus.video.sha256),
            read_audio=functools.partial(self._member, stimulus, "flac", stimulus.audio.sha256),
            seconds=stimulus.seconds,
        )

    def _member(self, stimulus: Stimulus, member: str, sha256: str) -> bytes:
        config = config_of(stimulus)
        if config not in self._entries:
            index = f"index/{config}.parquet"
            if not (self._folder / index).exists() and not (self._folder / "data").exists():
                raise MMABenchError(
                    f"{self._folder} is an ids-only dataset without media; build it first (docs/regenerate.md)"
                )
            entries = read_records(self._folder, index, IndexEntry)
            self._entries[config] = {(entry.key, entry.member): entry for entry in entries}
        entry = self._entries[config].get((stimulus.key, member))
        if entry is None:
            raise MMABenchError(f"{self._folder}: the index has no {member} of {stimulus.key}; download it again")
        path = self._folder / entry.shard
        try:
            with ShardFile(self._folder, entry.shard) as shard:
                state = shard.status()
                content = shard.read(entry.offset, entry.size)
        except (OSError, ValueError) as error:
            raise MMABenchError(f"{path} cannot be read: {error}; build or download it again") from error
        # Hashing takes several times as long as reading, so a member of a file that did not change is hashed once. The
        # time of the inode's last change cannot be set back as that of the content can.
        times = state.st_mtime_ns, state.st_ctime_ns
        place = (path, entry.offset, entry.size, sha256, state.st_ino, state.st_size, *times)
        if place not in self._verified or len(content) != entry.size:
            if sha256_bytes(content) != sha256:
                raise MMABenchError(f"{path}: {member} of {stimulus.key} has a wrong hash; build or download it again")
            self._verified.add(place)
        return content
