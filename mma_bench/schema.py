"""The data model: clips, stimuli, conditions and questions.

This module is the only source of the columns. The Arrow schemas of the Parquet files, the Hugging Face
features of the shards, the card's YAML and the documentation of the columns are all generated from the
classes below (see `mma_bench.columns`).
"""

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

KEY_PATTERN = r"^[A-Za-z0-9_-]{1,90}$"
"""Keys and clip ids: no dot, because WebDataset cuts a key at the first one; short enough that a tar
member's name needs no extended header."""


class Modality(StrEnum):
    """What a question asks about."""

    VISUAL = "visual"
    AUDIO = "audio"


class Record(BaseModel):
    """Base of all stored records: immutable, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Clip(Record):
    """One source segment after normalisation: a silent video and a mono sound."""

    clip_id: str = Field(pattern=KEY_PATTERN, description="`{youtube_id}_{start_ms}`, or a name made from the file")
    visual_label: str = Field(description="class of what is seen")
    audio_label: str = Field(description="class of what is heard; differs from visual_label if the clip disagrees")
    source_labels: list[str] = Field(description="labels of the source before they were mapped to classes")
    split: str = Field(description="`test` or `train`")
    source: str = Field(description="name of the source that supplied the clip")
    youtube_id: str | None = Field(description="YouTube id, where there is one")
    start_seconds: float = Field(description="start of the segment in its source, seconds")
    end_seconds: float = Field(description="end of the segment in its source, seconds")
    video_seconds: float = Field(description="length of the video stream, seconds")
    audio_seconds: float = Field(description="length of the audio stream, seconds")
    frame_rate: float = Field(description="frames a second, constant")
    source_sha256: str = Field(description="SHA-256 of the file that the clip was cut from")
    video_sha256: str = Field(description="SHA-256 of the mp4 file")
    audio_sha256: str = Field(description="SHA-256 of the flac file")
    licence: str = Field(description="licence of the source media, or `unknown`")
    attribution: str = Field(description="whom to credit, or empty")
    notes: str = Field(description="what a user must know about the clip (synthetic motion, looped sound), or empty")
    verified_by: str = Field(description="how it was checked that both streams show the label; `unverified` if not")


class Stream(Record):
    """One stream of a stimulus and where it comes from."""

    origin: Literal["clip", "black", "silence"] = Field(description="a clip's own stream, or a generated one")
    clip_id: str | None = Field(description="the clip whose stream it is; none for black frames and silence")
    label: str | None = Field(description="class that the stream shows; none for black frames and silence")
    sha256: str = Field(description="SHA-256 of the member in the shard")
    seconds: float = Field(description="length of the stream, seconds")


class Question(Record):
    """One question about a stimulus."""

    question_id: str = Field(description="`{stimulus key}/{condition}/{modality}`")
    condition: str = Field(description="condition that the question belongs to; text conditions ask aligned media")
    modality: Modality = Field(description="`visual` or `audio`: what the question asks about")
    prompt: str = Field(description="exact text for the model")
    options: list[str] = Field(min_length=2, description="class names to choose from, in the order of the prompt")
    answer: str = Field(
        description="class of the clip in the asked modality. Where `answerable` is false that modality was "
        "removed: giving this answer is a hallucination, abstaining is right"
    )
    distractor: str | None = Field(description="another class that a modality not asked about suggests, if any")
    answerable: bool = Field(description="false where the asked modality was removed from the stimulus")


class Stimulus(Record):
    """A video stream, an audio stream, a condition, and all questions about them."""

    key: str = Field(pattern=KEY_PATTERN, description="name of the sample in its shard")
    condition: str = Field(description="media condition: how the streams were chosen")
    split: str = Field(description="`test` or `train`")
    video: Stream = Field(description="the `mp4` member")
    audio: Stream = Field(description="the `flac` member")
    seconds: float = Field(description="length to play: the shorter of the two streams, seconds")
    questions: list[Question] = Field(description="questions of this condition and of text conditions on it")


class Condition(Record):
    """How a stimulus, or the text around its questions, is made to disagree."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    changes: Literal["media", "text"]
    description: str


CONDITIONS: dict[str, Condition] = {
    condition.name: condition
    for condition in (
        Condition(name="aligned", changes="media", description="video and audio of one clip, as recorded"),
        Condition(
            name="misaligned",
            changes="media",
            description="audio replaced by that of a clip of another class",
        ),
        Condition(name="audio_removed", changes="media", description="audio replaced by digital silence"),
        Condition(name="frames_zeroed", changes="media", description="video replaced by black frames"),
        Condition(
            name="misleading_caption",
            changes="text",
            description="the prompt begins with a caption that lies",
        ),
        Condition(name="long_context", changes="text", description="the prompt is padded with random letters"),
    )
}
"""The six conditions of MMA-Bench (arXiv 2511.22826), in the order of its tables."""


class IndexEntry(Record):
    """Where one member of a shard lies, for random access."""

    key: str = Field(description="sample key")
    member: str = Field(description="`mp4`, `flac` or `json`")
    shard: str = Field(description="path of the tar, relative to the dataset's folder")
    offset: int = Field(description="first byte of the member's data in the tar")
    size: int = Field(description="bytes")
    sha256: str = Field(description="SHA-256 of the member's data")
