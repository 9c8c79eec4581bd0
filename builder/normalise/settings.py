"""How clips are stored."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from mma_bench.schema import MAX_SECONDS


class NormaliseSettings(BaseModel):
    """How clips are stored. The defaults follow MMA-Bench's published preprocessing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(default=504, ge=16, le=4096, multiple_of=2, description="width and height, pixels")
    fit: Literal["crop", "pad"] = Field(
        default="crop", description="crop: the centre square; pad: the whole frame between black bars"
    )
    seconds: float = Field(
        default=10.0, gt=0, le=MAX_SECONDS, description="maximum length of a clip; shorter clips keep their length"
    )
    frame_rate: float = Field(default=30.0, gt=0, le=240, description="maximum frame rate (constant)")
    crf: int = Field(default=18, ge=0, le=51, description="x264's constant rate factor")
    preset: str = Field(default="veryfast", pattern="^[a-z]+$", description="x264's preset")
