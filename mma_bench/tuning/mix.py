"""The clips of each step: a fixed number per condition, like the ratio sampler of arXiv 2505.19616.

Each condition has two streams with the same order and the same conflicts: one asks about the visual content, the other
about the audio content, so that each clip comes with both questions. A task asks its own questions about the clips of
these streams. A stream returns its state after any sample, so the state of the mix consists of their states.
"""

import functools
import hashlib
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mma_bench.errors import MMABenchError
from mma_bench.files.hashing import sha256_json
from mma_bench.schema import Modality
from mma_bench.streaming import Stream, StreamLoader, StreamSample, stream
from mma_bench.streaming.decode import DecodedCache
from mma_bench.tuning.example import Example, Prepare
from mma_bench.tuning.settings import HeldOutSettings, TuneSettings
from mma_bench.tuning.tasks import ALIGNED, TASKS, TextQuestion, apply_task, read_text_questions

_PAIRINGS = 4
"""How often, on average, a held-out clip is paired with another held-out one before the search for pairs ends."""


@dataclass(frozen=True)
class _Ready:
    """Makes the examples of a condition or task; runs in the worker processes."""

    prepare: Prepare
    name: str
    text_questions: Sequence[TextQuestion]

    def __call__(self, sample: StreamSample) -> Example:
        example = self.prepare(sample)
        return apply_task(self.name, example, self.text_questions) if self.name in TASKS else example


class Mixture:
    """Examples of every step, endlessly."""

    def __init__(self, settings: TuneSettings, prepare: Prepare) -> None:
        self._data = settings.data
        self._text_questions = _text_questions(settings)
        self._loaders = {
            f"{name}/{asked}": _loader(settings, _Ready(prepare, name, self._text_questions), asked, number)
            for number, name in enumerate(settings.data.conditions)
            for asked in Modality
        }
        self._endless = {name: _endless(name, loader) for name, (loader, _) in self._loaders.items()}

    def step(self, step: int) -> list[Example]:
        """Return the examples of a step: of each clip the visual and the audio question, conditions in turn."""
        return [
            next(self._endless[f"{condition}/{asked}"])
            for condition, clips in self._data.clips_at(step).items()
            for _ in range(clips)
            for asked in Modality
        ]

    def fingerprint(self) -> dict[str, str]:
        """Return what the samples depend on: a hash for each stream."""
        found = {name: made.fingerprint() for name, (_, made) in self._loaders.items()}
        if self._text_questions:
            found["text questions"] = sha256_json([one.model_dump() for one in self._text_questions])
        return found

    def state_dict(self) -> dict[str, Any]:
        """Return the position of each stream."""
        return {name: loader.state_dict() for name, (loader, _) in self._loaders.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume where ``state`` was saved; only before the first step.

        Raises:
            MMABenchError: the state belongs to other data or settings.
        """
        if state.keys() != self._loaders.keys():
            raise MMABenchError("the checkpoint was made with other conditions in the mix; choose another --out")
        for name, (loader, _) in self._loaders.items():
            loader.load_state_dict(state[name])


def held_out_examples(settings: TuneSettings, prepare: Prepare) -> list[Example]:
    """Return the questions about the held-out clips, the same in every run and every process.

    Raises:
        MMABenchError: no clip is held out.
    """
    if settings.held_out is None:
        return []
    found: list[Example] = []
    text_questions = _text_questions(settings)
    for condition in settings.held_out.conditions:
        for asked in Modality:
            ready = _Ready(prepare, condition, text_questions)
            examples = _held_out(settings, settings.held_out, ready, asked)
            some = list(itertools.islice(examples, settings.held_out.clips))
            if not some:
                raise MMABenchError(
                    f"{settings.data.path}: no clip is held out for {condition}; raise held_out.share (now "
                    f"{settings.held_out.share}), take more clips, or leave the condition out of held_out.conditions"
                )
            found += some
    # Both questions about a clip, and its conditions, share frames and audio.
    videos = {example.video_key: example.video for example in found}
    sounds = {example.audio_key: example.audio for example in found}
    return [replace(one, video=videos[one.video_key], audio=sounds[one.audio_key]) for one in found]


def _text_questions(settings: TuneSettings) -> list[TextQuestion]:
    path = settings.data.text_questions
    return read_text_questions(Path(path)) if path else []


def _clips(name: str, asked: Modality) -> str:
    """Return the condition of the clips that a condition or task uses."""
    return TASKS[name].clips[asked] if name in TASKS else name


def _held_out(settings: TuneSettings, held_out: HeldOutSettings, ready: _Ready, asked: Modality) -> Iterator[Example]:
    """Yield examples of a condition, none twice.

    A clip and the clip that lends a stream must both be held out, which is true of few pairs of an epoch (the square of
    the share), so more epochs are read: each one draws new pairs.
    """
    part = _Part(held_out.share, held_out=True)
    condition = _clips(ready.name, asked)
    made = _stream(settings, condition, asked, seed=-1, part=part, shared=True).select(_Of(condition))
    known = set()
    for _ in range(math.ceil(_PAIRINGS / held_out.share)):
        lent = set()
        for sample in made:
            lent |= {sample.video_key, sample.audio_key} - {sample.key, None}
            example = ready(sample)
            if (pair := (example.video_key, example.audio_key)) not in known:
                known.add(pair)
                yield example
        if known and not lent:
            return  # other epochs bring the same


def is_held_out(key: str, share: float) -> bool:
    """Return whether the clip called ``key`` is never trained on."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) < share * 2**64


class _Part:
    """Which clips are trained on and which are held out. A conflict between the two belongs to neither."""

    def __init__(self, share: float, *, held_out: bool) -> None:
        self._share = share
        self._held_out = held_out

    def __call__(self, key: str, audio_key: str | None) -> bool:
        apart = [is_held_out(name, self._share) for name in (key, audio_key) if name]
        return all(apart) if self._held_out else not any(apart)


class _Of:
    """Whether a sample is of a condition: a clip without a part in a conflict stays as stored."""

    def __init__(self, condition: str) -> None:
        self._condition = condition

    def __call__(self, sample: StreamSample) -> bool:
        return sample.question.condition == self._condition


@functools.cache
def _decoded(megabytes: int) -> DecodedCache | None:
    """Return what all streams of a process share, including those of its next run."""
    return DecodedCache(megabytes) if megabytes else None


class _First:
    """Collates batches of one."""

    def __init__(self, ready: _Ready) -> None:
        self._ready = ready

    def __call__(self, samples: Sequence[StreamSample]) -> Example:
        return self._ready(samples[0])


def _stream(
    settings: TuneSettings, condition: str, asked: Modality, seed: int, part: _Part, *, shared: bool = False
) -> Stream:
    """Return a stream of one condition; ``shared`` streams are the same in all processes."""
    return stream(
        settings.data.path,
        config=settings.data.config,
        output="arrays",
        fps=settings.model.fps,
        size=settings.data.size,
        seed=seed,
        shuffle=settings.data.shuffle,
        conflicts=None if condition == ALIGNED else {condition: 1.0},
        ask=asked,
        on_error=settings.data.on_error,
        keep=part,
        cache=_decoded(settings.data.decoded_cache_mb),
        rank=0 if shared else None,
        world_size=1 if shared else None,
    )


def _loader(settings: TuneSettings, ready: _Ready, asked: Modality, number: int) -> tuple[StreamLoader, Stream]:
    import torch

    condition = _clips(ready.name, asked)
    part = _Part(settings.held_out.share if settings.held_out else 0.0, held_out=False)
    # A different order per condition, the same order for both questions of a condition.
    made = _stream(settings, condition, asked, seed=1000 * settings.train.seed + number, part=part)
    wanted = made.select(_Of(condition))
    # DataLoader draws a seed whenever it starts; from torch's global generator, that would shift the dropout of a
    # resumed run.
    own = torch.Generator()
    return StreamLoader(wanted, 1, workers=settings.data.workers, collate=_First(ready), generator=own), made


def _endless(name: str, loader: StreamLoader) -> Iterator[Example]:
    resumed = True  # the first pass may be the rest of an epoch with no samples left
    while True:
        count = 0
        for example in loader:
            count += 1
            yield example
        if not count and not resumed:
            raise MMABenchError(
                f"no training clip can be used for {name.replace('/', ' and a question about ')}: leave the condition "
                "out of data.mix, or hold out less"
            )
        resumed = False
