"""The conditions: which streams a stimulus is made of, or how the text around its questions lies.

A new condition is one function with a decorator, and an entry in `mma_bench.schema.CONDITIONS`.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from builder.assemble.partners import Pairing
from builder.assemble.settings import AssembleSettings
from builder.assemble.streams import GeneratedStreams
from mma_bench import prompts
from mma_bench.schema import Clip, Question, Stream


@dataclass(frozen=True)
class Assembly:
    """What a condition may draw on."""

    classes: list[str]
    seed: int
    settings: AssembleSettings
    pairing: Pairing
    generated: GeneratedStreams

    def generator(self, purpose: str, clip: Clip) -> random.Random:
        """Return a random generator of its own for each clip and purpose: other clips do not disturb it."""
        return random.Random(f"{self.seed}/{purpose}/{clip.clip_id}")  # noqa: S311


MediaCondition = Callable[[Assembly, Clip], tuple[Stream, Stream] | None]
"""Returns the video and the audio stream of a stimulus, or none if the clip has no part in the condition."""

TextCondition = Callable[[Assembly, Clip, Question], Question]
"""Returns an aligned question with another prompt, and its distractor if the text suggests a class."""

MEDIA_CONDITIONS: dict[str, MediaCondition] = {}
TEXT_CONDITIONS: dict[str, TextCondition] = {}


def media_condition(function: MediaCondition) -> MediaCondition:
    """Register ``function`` as the media condition of its name."""
    MEDIA_CONDITIONS[function.__name__] = function
    return function


def text_condition(function: TextCondition) -> TextCondition:
    """Register ``function`` as the text condition of its name."""
    TEXT_CONDITIONS[function.__name__] = function
    return function


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


@media_condition
def aligned(assembly: Assembly, clip: Clip) -> tuple[Stream, Stream] | None:
    """Both streams of one clip; a clip whose streams disagree is never aligned."""
    return (own_video(clip), own_audio(clip)) if clip.visual_label == clip.audio_label else None


@media_condition
def misaligned(assembly: Assembly, clip: Clip) -> tuple[Stream, Stream] | None:
    """The clip's video with its partner's sound; a clip whose streams disagree already stays as it is."""
    if clip.visual_label != clip.audio_label:
        return own_video(clip), own_audio(clip)
    donor = assembly.pairing.donors.get(clip.clip_id)
    return (own_video(clip), own_audio(donor)) if donor else None


@media_condition
def audio_removed(assembly: Assembly, clip: Clip) -> tuple[Stream, Stream]:
    """The clip's video with digital silence."""
    return own_video(clip), assembly.generated.silence(clip)


@media_condition
def frames_zeroed(assembly: Assembly, clip: Clip) -> tuple[Stream, Stream]:
    """Black frames with the clip's sound."""
    return assembly.generated.black(clip), own_audio(clip)


@text_condition
def misleading_caption(assembly: Assembly, clip: Clip, question: Question) -> Question:
    """A caption that names another class, the same for both questions of a clip."""
    wrong = prompts.lying_captions(assembly.classes, (clip.visual_label, clip.audio_label), question.answer)
    caption = assembly.generator("caption", clip).choice(wrong)
    prompt = prompts.with_caption(question.modality, question.options, caption)
    return question.model_copy(update={"prompt": prompt, "distractor": caption})


@text_condition
def long_context(assembly: Assembly, clip: Clip, question: Question) -> Question:
    """Random letters around the standard prompt; they suggest no class."""
    settings = assembly.settings
    noise = prompts.random_letters(settings.noise_letters, f"{assembly.seed}/noise/{clip.clip_id}")
    return question.model_copy(update={"prompt": prompts.with_noise(question.prompt, noise, settings.noise_position)})
