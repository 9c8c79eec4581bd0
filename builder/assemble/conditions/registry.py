"""What a condition may draw on, and the decorators that register one."""

import functools
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.assemble.graded_streams import GradedStreams
from builder.assemble.partners import Pairing
from builder.assemble.settings import AssembleSettings
from builder.assemble.streams import GeneratedStreams
from builder.licences import may_be_joined
from mma_bench.conditions import MEDIA, TEXT, MediaChoice, Shared, TextChange
from mma_bench.files.hashing import sha256_json
from mma_bench.registry import Registry
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

    def generator(self, purpose: str, clip: Clip) -> random.Random:
        """Return a random generator of its own for each clip and purpose: other clips do not disturb it."""
        return random.Random(f"{self.seed}/{purpose}/{clip.clip_id}")  # noqa: S311

    def donor_to_join(self, clip: Clip, modality: Modality) -> Clip | None:
        """Return the clip's partner if their licences let one stream be made of both."""
        donor = self.pairing.donors.get(clip.clip_id)
        part = "video" if modality is Modality.VISUAL else "audio"
        return donor if donor and may_be_joined(part, clip.licence, donor.licence) else None

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

TextCondition = Callable[[Assembly, Clip, Question], Question]
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


def _chosen(name: str, choose: MediaChoice) -> MediaCondition:
    """Return a user's media condition as the builder asks for it."""

    def condition(assembly: Assembly, clip: Clip) -> Streams | None:
        streams = choose((clip.visual_label, clip.audio_label))
        if streams is None:
            return None
        donor = assembly.pairing.donors.get(clip.clip_id)
        if donor is None and "donor" in (streams.video, streams.audio):
            return None
        lender = {"own": clip, "donor": donor or clip}
        video, audio = lender.get(streams.video), lender.get(streams.audio)
        return (
            own_video(video) if video else assembly.generated.black(clip),
            own_audio(audio) if audio else assembly.generated.silence(clip),
        )

    return condition


def _worded(name: str, change: TextChange) -> TextCondition:
    """Return a user's text condition as the builder asks for it."""
    return lambda assembly, clip, question: change(
        question, (clip.visual_label, clip.audio_label), assembly.generator(name, clip)
    )


MEDIA_CONDITIONS: Registry[MediaCondition] = Registry("media condition", more=lambda: Shared(MEDIA, _chosen))
TEXT_CONDITIONS: Registry[TextCondition] = Registry("text condition", more=lambda: Shared(TEXT, _worded))
GRADED_CONDITIONS: Registry[GradedCondition] = Registry("graded condition")


def media_condition(function: MediaCondition) -> MediaCondition:
    """Register ``function`` as the media condition of its name."""
    MEDIA_CONDITIONS.add(function.__name__, function)
    return function


def text_condition(function: TextCondition) -> TextCondition:
    """Register ``function`` as the text condition of its name."""
    TEXT_CONDITIONS.add(function.__name__, function)
    return function


def graded_condition(takes_part: Callable[[Assembly, Clip], bool]) -> Callable[[AtLevel], AtLevel]:
    """Register a function as the graded condition of its name."""

    def register(function: AtLevel) -> AtLevel:
        GRADED_CONDITIONS.add(function.__name__, GradedCondition(takes_part, function), function)
        return function

    return register


def own_video(clip: Clip) -> Stream:
    """Return the clip's own video as a stream."""
    return Stream(
        origin="clip",
        clip_id=clip.clip_id,
        label=clip.visual_label,
        sha256=clip.video_sha256,
        seconds=clip.video_seconds,
    )


def own_audio(clip: Clip) -> Stream:
    """Return the clip's own sound as a stream."""
    return Stream(
        origin="clip",
        clip_id=clip.clip_id,
        label=clip.audio_label,
        sha256=clip.audio_sha256,
        seconds=clip.audio_seconds,
    )
