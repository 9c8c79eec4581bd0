"""What a line says in each format. A new format is one function with a decorator."""

from collections.abc import Callable
from typing import Any

from mma_bench import prompts
from mma_bench.loader import QuestionRow

Line = Callable[[QuestionRow, str, str], dict[str, Any]]
"""Returns the line of a question, given the paths of its video and of its sound."""

FORMATS: dict[str, Line] = {}


def export_format(name: str) -> Callable[[Line], Line]:
    """Register a function as the format ``name``."""

    def register(function: Line) -> Line:
        FORMATS[name] = function
        return function

    return register


def _target(row: QuestionRow) -> str:
    return prompts.target(row.modality, row.answer, answerable=row.answerable)


@export_format("ms-swift")
@export_format("llama-factory")
def conversation(row: QuestionRow, video: str, audio: str) -> dict[str, Any]:
    """A conversation; both trainers put media where `<video>` and `<audio>` stand, in the order of the lists."""
    return {
        "messages": [
            {"role": "user", "content": f"<video><audio>{row.prompt}"},
            {"role": "assistant", "content": _target(row)},
        ],
        "videos": [video],
        "audios": [audio],
    }


@export_format("jsonl")
def plain(row: QuestionRow, video: str, audio: str) -> dict[str, Any]:
    """Everything that a question is, for one's own code."""
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
    """Return LLaMA-Factory's `dataset_info.json`, which says how to read the lines."""
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
