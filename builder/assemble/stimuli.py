"""Stimuli with their questions, from clips and conditions."""

from collections.abc import Iterator

from builder.assemble.conditions import MEDIA_CONDITIONS, TEXT_CONDITIONS, Assembly
from mma_bench import prompts
from mma_bench.schema import Clip, Modality, Question, Stimulus, Stream


def make_stimuli(assembly: Assembly, clip: Clip) -> Iterator[Stimulus]:
    """Yield the stimuli of ``clip``: all media conditions for the test split, aligned ones for training."""
    chosen = [name for name in assembly.settings.conditions if name in MEDIA_CONDITIONS]
    for condition in chosen if clip.split == "test" else ["aligned"]:
        streams = MEDIA_CONDITIONS[condition](assembly, clip)
        if streams is None:
            continue
        video, audio = streams
        key = f"{condition if clip.split == 'test' else clip.split}_{clip.clip_id}"
        questions = [_question(assembly, clip, key, condition, modality, video, audio) for modality in Modality]
        if condition == "aligned":
            questions += _text_questions(assembly, clip, questions)
        yield Stimulus(
            key=key,
            condition=condition,
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
    return Question(
        question_id=f"{key}/{condition}/{modality}",
        condition=condition,
        modality=modality,
        prompt=prompts.question(modality, assembly.classes),
        options=assembly.classes,
        answer=answer,
        distractor=other.label if other.label != answer else None,
        answerable=asked.label is not None,
    )


def _text_questions(assembly: Assembly, clip: Clip, questions: list[Question]) -> list[Question]:
    wanted = [name for name in assembly.settings.conditions if name in TEXT_CONDITIONS]
    made: list[Question] = []
    for name in wanted if clip.split == "test" else []:
        for question in questions:
            changed = TEXT_CONDITIONS[name](assembly, clip, question)
            question_id = f"{question.question_id.split('/')[0]}/{name}/{question.modality}"
            made.append(changed.model_copy(update={"condition": name, "question_id": question_id}))
    return made
