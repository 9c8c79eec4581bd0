"""The six conditions of MMA-Bench (arXiv 2511.22826). None of them encodes anything again."""

from builder.assemble.conditions.registry import (
    Assembly,
    Streams,
    media_condition,
    own_audio,
    own_video,
    text_condition,
)
from mma_bench.questions import prompts
from mma_bench.questions.near_synonyms import without_near_synonyms
from mma_bench.schema import Clip, Question


@media_condition
def aligned(assembly: Assembly, clip: Clip) -> Streams | None:
    """Both streams of one clip; a clip whose streams disagree is never aligned."""
    return (own_video(clip), own_audio(clip)) if clip.visual_label == clip.audio_label else None


@media_condition
def misaligned(assembly: Assembly, clip: Clip) -> Streams | None:
    """The clip's video with its partner's sound; a clip whose streams disagree already stays as it is."""
    if clip.visual_label != clip.audio_label:
        return own_video(clip), own_audio(clip)
    donor = assembly.pairing.donors.get(clip.clip_id)
    return (own_video(clip), own_audio(donor)) if donor else None


@media_condition
def audio_removed(assembly: Assembly, clip: Clip) -> Streams:
    """The clip's video with digital silence."""
    return own_video(clip), assembly.generated.silence(clip)


@media_condition
def frames_zeroed(assembly: Assembly, clip: Clip) -> Streams:
    """Black frames with the clip's sound."""
    return assembly.generated.black(clip), own_audio(clip)


@text_condition
def misleading_caption(assembly: Assembly, clip: Clip, question: Question) -> Question:
    """A caption that names another class, the same for both questions of a clip."""
    wrong = prompts.lying_captions(assembly.classes, (clip.visual_label, clip.audio_label), question.answer)
    if assembly.settings.avoid_near_synonyms:
        wrong = without_near_synonyms(wrong, (clip.visual_label, clip.audio_label)) or wrong
    caption = assembly.generator("caption", clip).choice(wrong)
    parts = prompts.captioned(prompts.standard(question.modality), caption)
    return prompts.with_prompt(question, parts).changed(distractor=caption)


@text_condition
def long_context(assembly: Assembly, clip: Clip, question: Question) -> Question:
    """Random letters, or words of them, around the standard prompt; they suggest no class."""
    settings = assembly.settings
    seed = f"{assembly.seed}/noise/{clip.clip_id}"
    if settings.noise_tokens:
        noise = prompts.random_words(settings.noise_tokens, seed)
    else:
        noise = prompts.random_letters(settings.noise_letters, seed)
    parts = prompts.padded(prompts.parts_of(question), noise, settings.noise_position)
    return prompts.with_prompt(question, parts)
