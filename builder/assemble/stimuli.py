"""Stimuli with their questions, from clips and conditions."""

from collections.abc import Iterator

from builder.assemble.conditions import GRADED_CONDITIONS, MEDIA_CONDITIONS, TEXT_CONDITIONS, Assembly
from mma_bench.questions import Context, applies, prompts, vary
from mma_bench.schema import CONDITIONS, Clip, Modality, Question, Stimulus, Stream


def make_stimuli(assembly: Assembly, clip: Clip) -> Iterator[Stimulus]:
    """Yield the stimuli of ``clip``: all media conditions for the test split, aligned ones for training."""
    test = clip.split == "test"
    chosen = [name for name in assembly.settings.conditions if name in MEDIA_CONDITIONS]
    for condition in chosen if test else ["aligned"]:
        streams = MEDIA_CONDITIONS[condition](assembly, clip)
        if streams:
            yield _stimulus(assembly, clip, f"{condition if test else clip.split}_{clip.clip_id}", condition, streams)
    if test:
        yield from _graded_stimuli(assembly, clip)


def _graded_stimuli(assembly: Assembly, clip: Clip) -> Iterator[Stimulus]:
    for condition, levels in assembly.settings.graded.items():
        for level in levels if clip.clip_id in assembly.graded_clips[condition] else []:
            streams = GRADED_CONDITIONS[condition].streams(assembly, clip, level)
            if streams:
                key = f"{condition}_{clip.clip_id}_{level_name(condition, level)}"
                yield _stimulus(assembly, clip, key, condition, streams, level)


def level_name(condition: str, level: float) -> str:
    """Return a level as keys name it: `-10dB`, `0p25`, `-0p5s`; a dot would end a WebDataset key."""
    unit = CONDITIONS[condition].unit
    return f"{level:g}".replace(".", "p") + ("" if unit == "share" else unit)


def _stimulus(
    assembly: Assembly,
    clip: Clip,
    key: str,
    condition: str,
    streams: tuple[Stream, Stream],
    level: float | None = None,
) -> Stimulus:
    video, audio = streams
    questions = [_question(assembly, clip, key, condition, modality, video, audio) for modality in Modality]
    if condition == "aligned":
        questions += _text_questions(assembly, clip, questions)
    if clip.split == "test":
        questions += _variants(assembly, questions)
    return Stimulus(
        key=key,
        condition=condition,
        level=level,
        split=clip.split,
        video=video,
        audio=audio,
        seconds=min(video.seconds, audio.seconds),
        questions=questions,
    )


def _question(
    assembly: Assembly, clip: Clip, key: str, condition: str, modality: Modality, video: Stream, audio: Stream
) -> Question:
    visual = modality is Modality.VISUAL
    asked, other = (video, audio) if visual else (audio, video)
    answer = asked.label or (clip.visual_label if visual else clip.audio_label)
    # What is mixed into either stream misleads about both: a sound that is hardly heard still suggests a picture.
    donor_label = video.donor_label or audio.donor_label
    parts = prompts.standard(modality)
    return Question(
        question_id=f"{key}/{condition}/{modality}",
        condition=condition,
        modality=modality,
        prompt=prompts.render(parts, assembly.classes),
        parts=parts,
        options=assembly.classes,
        answer=answer,
        distractor=other.label if other.label != answer and other.label else donor_label,
        answerable=asked.label is not None,
    )


def _text_questions(assembly: Assembly, clip: Clip, questions: list[Question]) -> list[Question]:
    wanted = [name for name in assembly.settings.conditions if name in TEXT_CONDITIONS]
    made: list[Question] = []
    for name in wanted if clip.split == "test" else []:
        for question in questions:
            told = TEXT_CONDITIONS[name](assembly, clip, question)
            question_id = f"{question.question_id.split('/')[0]}/{name}/{question.modality}"
            made.append(told.changed(condition=name, question_id=question_id))
    return made


def _variants(assembly: Assembly, questions: list[Question]) -> list[Question]:
    context = Context(assembly.classes, assembly.super_classes, assembly.seed)
    wanted = assembly.settings.variants
    return [vary(question, name, context) for name in wanted for question in questions if applies(question, name)]
