"""The lines of each format. A new format is one function with a decorator, here or in your own package."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mma_bench.dataset.load import QuestionRow
from mma_bench.questions import prompts
from mma_bench.registry import Registry

Line = Callable[[QuestionRow, Sequence[str]], dict[str, Any]]
"""Returns the line of a question, given the paths of its video and audio, or of one file with both."""


@dataclass(frozen=True)
class Format:
    """An export format.

    Attributes:
        line: writes one question.
        trainer: the program that reads it, or None for the user's own code.
        interleaved: whether that program interleaves the tokens of video and audio by time, as the evaluator does;
            otherwise all tokens of the video come before all tokens of the audio.
        muxed: whether it needs both streams in one file.
    """

    line: Line
    trainer: str | None
    interleaved: bool
    muxed: bool


FORMATS: Registry[Format] = Registry("export format", "formats")


def export_format(
    name: str, *, trainer: str | None = None, interleaved: bool = False, muxed: bool = False
) -> Callable[[Line], Line]:
    """Register a function as the format ``name``; see `Format`."""

    def register(function: Line) -> Line:
        FORMATS.add(name, Format(function, trainer, interleaved, muxed), function)
        return function

    return register


def _target(row: QuestionRow) -> str:
    return prompts.target(row.modality, row.answer, answerable=row.answerable)


@export_format("llama-factory", trainer="llama-factory", interleaved=True)
@export_format("llama-factory-separate", trainer="llama-factory")
@export_format("ms-swift-separate", trainer="ms-swift")
def conversation(row: QuestionRow, files: Sequence[str]) -> dict[str, Any]:
    """A conversation; both trainers put media where `<video>` and `<audio>` are, in the order of the lists.

    LLaMA-Factory interleaves a video with the audio that follows it when `use_audio_in_video` is set.
    """
    video, audio = files
    return {**_messages(row, "<video><audio>"), "videos": [video], "audios": [audio]}


@export_format("ms-swift", trainer="ms-swift", interleaved=True, muxed=True)
def muxed_conversation(row: QuestionRow, files: Sequence[str]) -> dict[str, Any]:
    """A conversation about one file with both streams: ms-swift takes audio that it interleaves from the video."""
    return {**_messages(row, "<video>"), "videos": list(files)}


def _messages(row: QuestionRow, media: str) -> dict[str, Any]:
    return {
        "messages": [
            {"role": "user", "content": f"{media}{row.prompt}"},
            {"role": "assistant", "content": _target(row)},
        ]
    }


@export_format("jsonl")
def plain(row: QuestionRow, files: Sequence[str]) -> dict[str, Any]:
    """All fields of a question, for your own code."""
    video, audio = files
    return {
        "question_id": row.question_id,
        "condition": row.condition,
        "level": row.level,
        "variant": row.variant,
        "modality": str(row.modality),
        "prompt": row.prompt,
        "options": row.options,
        "answer": row.answer,
        "distractor": row.distractor,
        "answerable": row.answerable,
        "target": _target(row),
        "video_label": row.video_label,
        "audio_label": row.audio_label,
        "seconds": row.media.seconds,
        "video": video,
        "audio": audio,
    }


def dataset_info(name: str, file_name: str) -> dict[str, Any]:
    """Return LLaMA-Factory's `dataset_info.json`, which describes the lines."""
    return {
        name: {
            "file_name": file_name,
            "formatting": "sharegpt",
            "columns": {"messages": "messages", "videos": "videos", "audios": "audios"},
            "tags": {
                "role_tag": "role",
                "content_tag": "content",
                "user_tag": "user",
                "assistant_tag": "assistant",
            },
        }
    }
