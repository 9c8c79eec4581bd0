"""The table that each stage reads from the previous stage and writes for the next: one row per clip."""

from collections.abc import Iterable, Iterator

from pydantic import ConfigDict, Field

from mma_bench.errors import MMABenchError
from mma_bench.schema import KEY_PATTERN, Clip, Record


class CheckResult(Record):
    """The answer of a model to one yes/no check of a clip."""

    model_config = ConfigDict(allow_inf_nan=True)  # the reader reports a broken model

    check: str = Field(description="name of the check, see `builder.verify.checks`")
    text: str = Field(description="the model's output; of a very long one the beginning and the end")
    yes_probability: float | None = Field(default=None, description="probability of Yes, where the model gives one")
    said: str = Field(default="", description="how the output was read: `yes`, `no` or `unparsed`")
    passed: bool = Field(default=False, description="whether the check was passed under the build's thresholds")


class Probe(Record):
    """What is known of the source file of a clip."""

    model_config = ConfigDict(allow_inf_nan=True)  # measurements are compared with thresholds, not allocated by

    source_width: int = Field(description="frames of the source file, pixels")
    source_height: int = Field(description="frames of the source file, pixels")
    source_frame_rate: float = Field(description="average frames a second of the source file")
    decoder_complaints: int = Field(description="messages in which the decoder named damage")
    first_complaint: str | None = Field(default=None, description="the first of them")


class Quality(Record):
    """What was measured in the normalised streams of a clip."""

    model_config = ConfigDict(allow_inf_nan=True)

    audio_peak: float = Field(description="largest absolute sample, 0 to 1")
    audio_rms_db: float = Field(description="loudness, dB relative to full scale")
    silence_share: float = Field(description="share of 64 ms windows below `silence_db`, 0 to 1")
    clipping_share: float = Field(description="share of samples at full scale, 0 to 1")
    brightest_luma: float = Field(description="99th percentile of luma, brightest frame, 0 to 255")
    motion: float = Field(description="largest change between sampled frames, 0 to 255")
    black_share: float = Field(description="share of sampled frames that are black, 0 to 1")
    frozen_share: float = Field(description="share of sampled frames like the one before, 0 to 1")
    duration_difference: float = Field(description="video_seconds - audio_seconds")


class Copies(Record):
    """How many other clips share the streams of a clip."""

    same_video: int = Field(description="other clips with the same video, however encoded")
    same_sound: int = Field(description="other clips with the same sound, however encoded")
    duplicates: int = Field(description="other clips of the split with the same video and sound")


class People(Record):
    """How many people accepted or rejected a clip."""

    yes: int = Field(description="people who accepted the clip")
    no: int = Field(description="people who rejected the clip")
    unsure: int = Field(description="people who could not tell")


class ManifestRow(Record):
    """What is known about a clip so far. A dropped clip keeps its row, with the stage and the reason."""

    model_config = ConfigDict(allow_inf_nan=True)  # measurements are compared with thresholds, not allocated by

    clip_id: str = Field(pattern=KEY_PATTERN, description="unique name of the clip")
    file: str = Field(description="the source's name for the media: a path relative to the source")
    visual_label: str
    audio_label: str
    source_labels: list[str] = Field(default_factory=list)
    split: str = "test"
    source: str
    youtube_id: str | None = None
    start_seconds: float = 0.0
    end_seconds: float | None = Field(default=None, description="end of the segment, or none for the file's end")
    licence: str = "unknown"
    attribution: str = ""
    notes: str = ""

    media: str | None = Field(default=None, description="fetched source file, relative to the fetch stage's folder")
    media_start_seconds: float = Field(default=0.0, description="where the segment begins in `media`")
    source_sha256: str | None = None

    video_sha256: str | None = None
    audio_sha256: str | None = None
    video_seconds: float | None = None
    audio_seconds: float | None = None
    frame_rate: float | None = None
    probe: Probe | None = Field(default=None, description="what `normalise` read off the source file")
    quality: Quality | None = Field(default=None, description="what `inspect` measured")
    copies: Copies | None = Field(default=None, description="what `compare` counted")
    checks: list[CheckResult] = Field(default_factory=list, description="answers of the model that verified the clip")
    verifier: str | None = Field(default=None, description="name of the model that answered the checks")
    people: People | None = Field(default=None, description="what people said in `review`")

    dropped_by: str | None = Field(default=None, description="stage that dropped the clip; none while it is kept")
    reason: str | None = Field(default=None, description="why, as a code")
    detail: str | None = Field(default=None, description="why, in words")

    @property
    def kept(self) -> bool:
        """Whether no stage has dropped the clip."""
        return self.dropped_by is None

    @property
    def streams_agree(self) -> bool:
        """Whether the visual and audio labels of the clip are equal."""
        return self.visual_label == self.audio_label

    @property
    def verified_by(self) -> str:
        """Who verified the labels of both streams: `cascade`, `cascade + 2 people`, or `unverified`."""
        yes = self.people.yes if self.people else 0
        people = f"{yes} {'person' if yes == 1 else 'people'}" if yes else None
        return " + ".join(part for part in (self.verifier, people) if part) or "unverified"

    def drop(self, stage: str, reason: str, detail: str) -> "ManifestRow":
        """Return the row as dropped by ``stage``."""
        if not detail.isascii():  # text of an error can hold half of a character, which no file can
            detail = detail.encode("utf-8", "backslashreplace").decode("utf-8")
        # Not `changed`, which takes 36 us instead of 2: a list can drop two million rows, and these types are known.
        return self.model_copy(update={"dropped_by": stage, "reason": reason, "detail": detail})

    def to_clip(self) -> Clip:
        """Return the published record of a clip that passed all stages."""
        known = {name: getattr(self, name) for name in Clip.model_fields if name in ManifestRow.model_fields}
        known["end_seconds"] = self.start_seconds + (self.video_seconds or 0.0)
        return Clip.model_validate({**known, "verified_by": self.verified_by})


def unique(rows: Iterable[ManifestRow]) -> Iterator[ManifestRow]:
    """Yield ``rows``; raise MMABenchError at the second of two rows with one clip id."""
    seen: dict[str, str] = {}
    for row in rows:
        if other := seen.get(row.clip_id):
            raise MMABenchError(f"two clips are called {row.clip_id}: {other} and {row.file}; rename one of them")
        seen[row.clip_id] = row.file
        yield row
