"""Settings of the transformers models, given as text with `--model-option NAME=VALUE`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mma_bench.errors import MMABenchError, unknown
from mma_bench.files.faults import first_fault
from mma_bench.files.hashing import sha256_file
from mma_bench.models.omni.head_gain import CHOSEN_ON, read_head_gain
from mma_bench.models.omni.layout import Arrangement


class Settings(BaseModel):
    """How a checkpoint is loaded and used."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto", description="type of the weights; `auto` is the checkpoint's own"
    )
    device_map: str | None = Field(
        None,
        pattern=r"^(auto|balanced|balanced_low_0|sequential|cpu|cuda(:\d+)?|mps)$",
        description="a device, or `auto` and the like to spread the layers (needs accelerate); none: one GPU, or CPU",
    )
    attn_implementation: Literal["sdpa", "eager", "flash_attention_2", "flash_attention_3"] = Field(
        "sdpa", description="attention kernel"
    )
    fps: float = Field(2.0, gt=0, le=30, description="frames per second of the video")
    min_pixels: int | None = Field(None, ge=1, description="smallest frame, pixels; none: the family's own")
    max_pixels: int | None = Field(None, ge=1, description="largest frame, pixels; none: the family's own")
    layout: Arrangement = Field(
        "interleaved",
        description="order of video, audio and question; interleaved: both streams as the family's processor writes "
        "audio in video, then the question",
    )
    batch_size: int = Field(8, ge=1, description="questions about one stimulus that run together")
    batch_stimuli: int = Field(1, ge=1, le=256, description="stimuli whose questions run together")
    max_new_tokens: int = Field(128, ge=1, description="maximum tokens of an answer")
    score_options: bool = Field(True, description="also return the log-likelihood of every option")
    system_prompt: str | None = Field(None, description="system message; none: the family's own")
    head_gain: str | None = Field(
        None, min_length=1, description="file of factors for attention heads, see docs/diagnosis.md; none: as they are"
    )
    revision: str | None = Field(None, description="branch, tag or commit on the hub")
    local_files_only: bool = Field(False, description="never contact the hub; use only local files")
    trust_remote_code: bool = Field(
        False, description="run the checkpoint's own code, for families that transformers does not have"
    )
    frames_as: Literal["auto", "video", "images"] = Field(
        "auto", description="how a checkpoint's own processor gets the frames; auto: as a video if it takes one"
    )
    encoder_cache_mb: int = Field(1024, ge=0, description="memory for encoded streams, per modality, MB")

    def deciding(self) -> dict[str, str]:
        """Return the settings that can change an answer.

        The location of files and the use of memory cannot, so an interrupted run may resume with other values.
        """
        found = self.model_dump(exclude={"local_files_only", "encoder_cache_mb", "head_gain"})
        # Answers of earlier versions do not name these.
        for name in ("layout", "trust_remote_code", "frames_as", "batch_stimuli"):
            if found[name] == type(self).model_fields[name].default:
                del found[name]
        if self.head_gain:  # its content counts, not its place; answers of earlier versions do not name it
            path = Path(self.head_gain)
            clips = len(read_head_gain(path).clips)
            found["head_gain"] = f"sha256 {sha256_file(path)}" + (f"{CHOSEN_ON}{clips}" if clips else "")
        return {f"setting {name}": str(value) for name, value in found.items()}


def parse_settings(options: Mapping[str, str]) -> Settings:
    """Read settings given as text.

    Raises:
        MMABenchError: an option is unknown, or its value cannot be used.
    """
    try:
        settings = Settings.model_validate(dict(options))
    except ValidationError as error:
        fault = first_fault(error)
        name = fault.place.split(".")[0]
        if fault.kind == "extra_forbidden":
            raise MMABenchError(unknown("transformers models have no option", name, Settings.model_fields)) from error
        raise MMABenchError(
            f"--model-option {name}={options[name]!r}: {fault.message} ({Settings.model_fields[name].description})"
        ) from error
    if settings.min_pixels and settings.max_pixels and settings.min_pixels > settings.max_pixels:
        raise MMABenchError(f"min_pixels={settings.min_pixels} is above max_pixels={settings.max_pixels}; swap them")
    if settings.head_gain:
        read_head_gain(Path(settings.head_gain))
    return settings
