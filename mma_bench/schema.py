"""The data model: clips, stimuli, conditions and questions.

This module is the only source of the columns. The Arrow schemas of the Parquet files, the Hugging Face
features of the shards, the card's YAML and the documentation of the columns are all generated from the
classes below (see `mma_bench.dataset.columns`).
"""

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from mma_bench.registry import Registry

KEY_PATTERN = r"^[A-Za-z0-9_-]{1,90}$"
"""Keys and clip ids: no dot, because WebDataset cuts a key at the first one; short enough that a tar
member's name needs no extended header."""

SHARD_PATTERN = r"^data/[A-Za-z0-9_-]+/[A-Za-z0-9_-]+\.tar$"
"""Paths of shards, relative to the dataset's folder."""

SHA256_PATTERN = r"^[0-9a-f]{64}$"

FORMAT_VERSION = 2
"""Version of the columns below, raised with each change; `metadata/provenance.json` names it. Since 2, prompts have
parts."""

MEMBERS = ("flac", "json", "mp4")
"""Members of a sample, in the order in which a shard holds them."""

MAX_MEMBER_BYTES = 256 << 20
"""No stream of a clip comes near it (ten seconds take about a megabyte); a larger one is an attack or a mistake."""

MAX_SECONDS = 3600.0
"""Longest stream, seconds. What a stream is decoded to is allocated by its length, which a dataset states itself."""

MAX_START_SECONDS = 1e7
"""Latest start of a segment in its source, seconds: 115 days. Clip ids hold it in milliseconds."""

Seconds = Annotated[float, Field(ge=0, le=MAX_SECONDS)]


class Modality(StrEnum):
    """What a question asks about."""

    VISUAL = "visual"
    AUDIO = "audio"


class Checked(BaseModel):
    """Base of models that are copied with changes."""

    def changed(self, **fields: Any) -> Self:
        """Return a copy in which ``fields`` have other values, checked as when the model was made.

        Pydantic's `model_copy(update=...)` takes any name and any value: a misspelled one would be lost in silence.

        Raises:
            TypeError: there is no such field.
            ValidationError: a value is not what its field holds.
        """
        if strange := fields.keys() - type(self).model_fields.keys():
            raise TypeError(f"{type(self).__name__} has no field {', '.join(sorted(strange))}")
        valid = self.__pydantic_validator__.validate_python({**self.__dict__, **fields})
        return self.model_copy(update={name: getattr(valid, name) for name in fields})


class Record(Checked):
    """Base of all stored records: immutable; an unknown field is an error, and so is a number that is not finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Clip(Record):
    """One source segment after normalisation: a silent video and mono audio."""

    clip_id: str = Field(pattern=KEY_PATTERN, description="`{youtube_id}_{start_ms}`, or a name made from the file")
    visual_label: str = Field(description="class of the video")
    audio_label: str = Field(description="class of the audio; differs from visual_label if the streams disagree")
    source_labels: list[str] = Field(description="labels of the source before they were mapped to classes")
    split: str = Field(description="`test` or `train`")
    source: str = Field(description="name of the source that supplied the clip")
    youtube_id: str | None = Field(description="YouTube id, if there is one")
    start_seconds: float = Field(ge=0, le=MAX_START_SECONDS, description="start of the segment in its source, seconds")
    end_seconds: float = Field(ge=0, le=2 * MAX_START_SECONDS, description="end of the segment in its source, seconds")
    video_seconds: Seconds = Field(description="length of the video stream, seconds")
    audio_seconds: Seconds = Field(description="length of the audio stream, seconds")
    frame_rate: float = Field(description="frames per second, constant")
    source_sha256: str = Field(description="SHA-256 of the file that the clip was cut from")
    video_sha256: str = Field(description="SHA-256 of the mp4 file")
    audio_sha256: str = Field(description="SHA-256 of the flac file")
    licence: str = Field(description="licence of the source media, or `unknown`")
    attribution: str = Field(description="who must be credited, or empty")
    notes: str = Field(description="what a user must know about the clip (synthetic motion, looped sound), or empty")
    verified_by: str = Field(description="who verified that both streams match the label; `unverified` if nobody did")


class Stream(Record):
    """One stream of a stimulus and where it comes from."""

    origin: Literal[
        "clip", "black", "silence", "mixed", "blended", "occluded", "shifted", "spoken", "written", "altered"
    ] = Field(
        description="a clip's own stream byte for byte, a generated one, or how it was derived from a clip's own "
        "(`spoken`, `written`: with a class name said or written over it; `altered`: by a condition from outside "
        "mma-bench)"
    )
    clip_id: str | None = Field(description="clip that the stream comes from; none for black frames and silence")
    donor_clip_id: str | None = Field(
        default=None, description="the other clip in a mixed or blended stream; its licence applies as well"
    )
    label: str | None = Field(description="class that the stream shows; none for black frames and silence")
    donor_label: str | None = Field(
        default=None, description="class of the other clip in a mixed or blended stream, or the class said or written"
    )
    sha256: str = Field(description="SHA-256 of the member in the shard")
    seconds: Seconds = Field(description="length of the stream, seconds")


class Prompt(Record):
    """The parts of a prompt, in their order; `mma_bench.questions.prompts.render` makes the text."""

    before: str = Field(default="", description="unrelated text before the question, or empty")
    caption: str = Field(default="", description="line about the video before the question, or empty")
    caption_class: str | None = Field(default=None, description="class that the caption names, if there is a caption")
    question: str = Field(
        description="the question: `{options}` is where the options go, joined by comma and space, and `{suffix}` "
        "where the suffix goes; all other braces are doubled"
    )
    suffix: str = Field(default="", description="how to answer, or empty")
    after: str = Field(default="", description="unrelated text after the question, or empty")


class Question(Record):
    """One question about a stimulus."""

    concerns_one_modality: ClassVar[bool] = True
    """Whether `modality` alone decides the answer. It belongs to the class and is not stored. If it is false, as in a
    subclass of `mma_bench.interference`, wrappers leave the question as it is."""

    question_id: str = Field(
        description="`{stimulus key}/{condition}/{modality}`, and `/{variant}` unless that is `standard`"
    )
    condition: str = Field(description="condition that the question belongs to; text conditions use aligned media")
    variant: str = Field(default="standard", description="wording of the question, see `mma_bench.questions`")
    modality: Modality = Field(description="`visual` or `audio`: what the question asks about")
    prompt: str = Field(description="exact text for the model")
    parts: Prompt | None = Field(
        default=None,
        description="what `prompt` is made of; none for a text without parts, which variants cannot change",
    )
    options: list[str] = Field(min_length=2, description="class names to choose from, in the order of the prompt")
    answer: str = Field(
        description="class of the clip in the asked modality. If `answerable` is false, that modality was "
        "removed: giving this answer is a hallucination, abstaining is right"
    )
    distractor: str | None = Field(
        description="another class, suggested by a modality that was not asked about, if any"
    )
    answerable: bool = Field(description="false if the asked modality was removed from the stimulus")

    def changed(self, **fields: Any) -> Self:
        """Return a copy with other values, see `Checked.changed`; one with another `prompt` alone has no parts."""
        without_parts = {"parts": None} if "prompt" in fields else {}
        return super().changed(**{**without_parts, **fields})


class Stimulus(Record):
    """A video stream, an audio stream, a condition, and all questions about them."""

    key: str = Field(pattern=KEY_PATTERN, description="name of the sample in its shard")
    condition: str = Field(description="media condition: how the streams were chosen")
    level: float | None = Field(
        default=None, description="dose of a graded condition, in its unit: dB, share from 0 to 1, or seconds"
    )
    split: str = Field(description="`test` or `train`")
    video: Stream = Field(description="the `mp4` member")
    audio: Stream = Field(description="the `flac` member")
    seconds: Seconds = Field(description="length to play: the shorter of the two streams, seconds")
    questions: list[Question] = Field(description="questions of this condition and of text conditions on it")


class Condition(Record):
    """How a stimulus, or the text around its questions, is made to disagree."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    changes: Literal["media", "text"]
    description: str
    unit: Literal["", "dB", "share", "s"] = Field(default="", description="unit of the levels of a graded condition")

    @property
    def graded(self) -> bool:
        """Whether its stimuli come in levels."""
        return bool(self.unit)


_PAPER = (
    Condition(name="aligned", changes="media", description="video and audio of one clip, as recorded"),
    Condition(name="misaligned", changes="media", description="audio replaced by that of a clip of another class"),
    Condition(name="audio_removed", changes="media", description="audio replaced by digital silence"),
    Condition(name="frames_zeroed", changes="media", description="video replaced by black frames"),
    Condition(name="misleading_caption", changes="text", description="the prompt begins with a misleading caption"),
    Condition(name="long_context", changes="text", description="the prompt is padded with random letters"),
)
_FURTHER = (
    Condition(
        name="true_caption", changes="text", description="the prompt begins with a caption that names the answer"
    ),
    Condition(
        name="unrelated_true_text", changes="text", description="the prompt begins with true facts about other things"
    ),
    Condition(
        name="unrelated_false_text",
        changes="text",
        description="the prompt begins with false claims about other things",
    ),
    Condition(
        name="mixed_audio",
        changes="media",
        unit="dB",
        description="audio mixed with that of a clip of another class; level: the other relative to its own",
    ),
    Condition(
        name="blended_frames",
        changes="media",
        unit="share",
        description="frames blended with those of a clip of another class; level: share of the other",
    ),
    Condition(
        name="occluded_frames",
        changes="media",
        unit="share",
        description="audio of a clip of another class, and black patches on the frames; level: share of their area",
    ),
    Condition(
        name="shifted_audio",
        changes="media",
        unit="s",
        description="audio shifted in time against the video; level: delay of the audio",
    ),
    Condition(
        name="spoken_label",
        changes="media",
        unit="dB",
        description="a synthetic voice says a wrong class over the audio; level: the voice relative to the clip's own",
    ),
    Condition(
        name="written_label",
        changes="media",
        unit="share",
        description="a wrong class is written into the frames; level: height of the letters as a share of the frame's",
    ),
)

PAPER_CONDITIONS: tuple[str, ...] = tuple(condition.name for condition in _PAPER)
"""The six conditions of MMA-Bench (arXiv 2511.22826), in the order of its tables."""

CONDITIONS: Registry[Condition] = Registry("condition", "conditions")
"""All conditions: those of MMA-Bench, unrelated text (arXiv 2505.19616), our graded conflicts, and those of users
(`mma_bench.conditions`)."""

for _condition in (*_PAPER, *_FURTHER):
    CONDITIONS.add(_condition.name, _condition, help=_condition.description)


class IndexEntry(Record):
    """Where one member of a shard lies, for random access."""

    key: str = Field(pattern=KEY_PATTERN, description="sample key")
    member: Literal["flac", "json", "mp4"] = Field(description="`mp4`, `flac` or `json`")
    shard: str = Field(pattern=SHARD_PATTERN, description="path of the tar, relative to the dataset's folder")
    offset: int = Field(ge=0, le=1 << 60, description="first byte of the member's data in the tar")
    size: int = Field(ge=0, le=MAX_MEMBER_BYTES, description="bytes")
    sha256: str = Field(pattern=SHA256_PATTERN, description="SHA-256 of the member's data")
