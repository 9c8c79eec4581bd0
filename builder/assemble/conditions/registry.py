"""Conditions as choices of files: the adapter of `mma_bench.conditions`, and the registry of those in levels."""

import functools
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from builder.assemble.label_targets import LabelTargets, drawn_target
from builder.assemble.partners import Pairing
from builder.assemble.settings import AssembleSettings
from builder.licences import may_be_joined
from builder.media_folder import clip_file
from builder.streams.generated import GeneratedStreams
from builder.streams.graded import GradedStreams
from builder.streams.own import own_audio, own_video
from mma_bench.conditions import GRADED, MEDIA, TEXT, MediaChoice, Noise, Shared, TextCondition, code_of
from mma_bench.conditions.registry import AudioAtLevel
from mma_bench.dataset.columns import AUDIO_RATE
from mma_bench.dataset.media import flac_bytes, read_flac
from mma_bench.errors import MMABenchError
from mma_bench.files.hashing import sha256_json
from mma_bench.registry import Registry, one_line
from mma_bench.schema import Clip, Modality, Question, Stream


@dataclass(frozen=True)
class Assembly:
    """What a condition may draw on.

    Attributes:
        classes: all class names, in prompt order.
        super_classes: super-class of each class; may be empty.
        seed: seed of the build.
        settings: settings of the stage.
        clips: the clips of the test split.
        folder: where their normalised streams lie.
        pairing: who lends a sound to whom.
        generated: black frames and silence.
        graded: streams that a graded condition encodes.
        targets: wrong classes to say or to write, if a list of them was given.
    """

    classes: list[str]
    super_classes: Mapping[str, str]
    seed: int
    settings: AssembleSettings
    clips: Sequence[Clip]
    folder: Path
    pairing: Pairing
    generated: GeneratedStreams
    graded: GradedStreams
    targets: LabelTargets | None = None

    def generator(self, purpose: str, clip: Clip) -> random.Random:
        """Return a random generator of its own for each clip and purpose: other clips do not disturb it."""
        return random.Random(f"{self.seed}/{purpose}/{clip.clip_id}")  # noqa: S311

    def donor_to_join(self, clip: Clip, modality: Modality) -> Clip | None:
        """Return the clip's partner if their licences let one stream be made of both."""
        donor = self.pairing.donors.get(clip.clip_id)
        part = "video" if modality is Modality.VISUAL else "audio"
        return donor if donor and may_be_joined(part, clip.licence, donor.licence) else None

    def label_target(self, clip: Clip) -> str | None:
        """Return the wrong class to say or to write over ``clip``: the listed one, or one drawn with the seed.

        It is the same at all levels, and None for clips whose streams disagree, clips that a list does not name, and
        where no class is clearly wrong.
        """
        if clip.visual_label != clip.audio_label:
            return None
        if self.targets is not None:
            return self.targets.of(clip)
        return drawn_target(clip, self.classes, self.generator("label target", clip))

    @functools.cached_property
    def graded_clips(self) -> Mapping[str, frozenset[str]]:
        """Ids of the clips of each graded condition that is asked for.

        With `graded_clips` set, those whose ids have the lowest hashes: a clip more changes little of the choice.
        """
        ranked = sorted(self.clips, key=lambda clip: sha256_json([self.seed, clip.clip_id]))
        limit = self.settings.graded_clips
        return {
            name: frozenset([c.clip_id for c in ranked if GRADED_CONDITIONS[name].takes_part(self, c)][:limit])
            for name in self.settings.graded
        }


Streams = tuple[Stream, Stream]
"""The video and the audio stream of a stimulus."""

MediaCondition = Callable[[Assembly, Clip], Streams | None]
"""Returns the streams, or none if the clip has no part in the condition."""

TextChange = Callable[[Assembly, Clip, Question], Question]
"""Returns an aligned question with another prompt, and its distractor if the text suggests a class."""

AtLevel = Callable[[Assembly, Clip, float], Streams | None]
"""Returns the streams at a level, or none if they cannot be made: a sound that is silent cannot be mixed."""


@dataclass(frozen=True)
class GradedCondition:
    """A media condition in levels.

    Attributes:
        takes_part: whether a clip has a part in it, told without decoding anything.
        streams: makes the streams at a level.
    """

    takes_part: Callable[[Assembly, Clip], bool]
    streams: AtLevel


@dataclass(frozen=True)
class _Draw:
    """What a text condition draws for a clip: always the same, whatever else is built."""

    assembly: Assembly
    clip: Clip
    purpose: str

    @property
    def generator(self) -> random.Random:
        return self.assembly.generator(self.purpose, self.clip)

    @property
    def avoid_near_synonyms(self) -> bool:
        return self.assembly.settings.avoid_near_synonyms

    def noise(self) -> Noise:
        settings = self.assembly.settings
        return Noise(settings.noise_letters, settings.noise_tokens, settings.noise_position)

    def seed(self) -> str:
        return f"{self.assembly.seed}/{self.purpose}/{self.clip.clip_id}"


def _chosen(choose: MediaChoice) -> MediaCondition:
    """Return a media condition as the builder asks for it: a choice of files."""

    def condition(assembly: Assembly, clip: Clip) -> Streams | None:
        streams = choose((clip.visual_label, clip.audio_label))
        if streams is None:
            return None
        chosen = {streams.video, streams.audio}
        donor = assembly.pairing.donors.get(clip.clip_id)
        if chosen == {"own", "donor"} and clip.visual_label != clip.audio_label:
            donor = clip  # each of its streams is of another class than the other already, so it stays as it is
        if donor is None and "donor" in chosen:
            return None
        lender = {"own": clip, "donor": donor or clip}
        video, audio = lender.get(streams.video), lender.get(streams.audio)
        return (
            own_video(video) if video else assembly.generated.black(clip),
            own_audio(audio) if audio else assembly.generated.silence(clip),
        )

    return condition


def _worded(text: TextCondition) -> TextChange:
    """Return a text condition as the builder asks for it."""

    def condition(assembly: Assembly, clip: Clip, question: Question) -> Question:
        labels = clip.visual_label, clip.audio_label
        return text.worded(question, labels, _Draw(assembly, clip, text.purpose))

    return condition


MEDIA_CONDITIONS: Mapping[str, MediaCondition] = Shared(MEDIA, _chosen)
TEXT_CONDITIONS: Mapping[str, TextChange] = Shared(TEXT, _worded)


def _altered(change: AudioAtLevel) -> GradedCondition:
    """Return a user's graded condition as the builder asks for it: it encodes the audio that the function returns."""
    name = change.__name__

    def streams(assembly: Assembly, clip: Clip, level: float) -> Streams:
        def encode(path: Path) -> float:
            samples = _changed_audio(
                change, read_flac(clip_file(assembly.folder, clip.clip_id, "flac")), assembly, clip, level
            )
            path.write_bytes(flac_bytes(samples))
            return len(samples) / AUDIO_RATE

        recipe = [name, code_of([name]), clip.audio_sha256, assembly.seed, clip.clip_id, level]
        sha256, seconds = assembly.graded.make("flac", recipe, encode)
        audio = Stream(origin="altered", clip_id=clip.clip_id, label=clip.audio_label, sha256=sha256, seconds=seconds)
        return own_video(clip), audio

    return GradedCondition(lambda assembly, clip: True, streams)


def _changed_audio(
    change: AudioAtLevel, samples: NDArray[np.int16], assembly: Assembly, clip: Clip, level: float
) -> NDArray[np.int16]:
    name = change.__name__
    try:
        made = change(samples, level, assembly.generator(name, clip))
    except Exception as error:  # it is a user's
        raise MMABenchError(
            f"the condition {name} failed for {clip.clip_id} at {level:g}: {one_line(error)}"
        ) from error
    if not (isinstance(made, np.ndarray) and made.dtype == np.int16 and made.ndim == 1 and len(made)):
        raise MMABenchError(
            f"the condition {name} must return an int16 array of shape [samples]; for {clip.clip_id} at {level:g} it "
            f"returned {getattr(made, 'dtype', type(made).__name__)} of shape {getattr(made, 'shape', ())}"
        )
    return made


GRADED_CONDITIONS: Registry[GradedCondition] = Registry("graded condition", more=lambda: Shared(GRADED, _altered))


def graded_condition(takes_part: Callable[[Assembly, Clip], bool]) -> Callable[[AtLevel], AtLevel]:
    """Register a function as the graded condition of its name."""

    def register(function: AtLevel) -> AtLevel:
        GRADED_CONDITIONS.add(function.__name__, GradedCondition(takes_part, function), function)
        return function

    return register
