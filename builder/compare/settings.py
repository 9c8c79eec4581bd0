"""Settings of the `compare` stage."""

from pydantic import BaseModel, ConfigDict, Field


class CompareSettings(BaseModel):
    """When two streams are the same, and which clips are dropped because of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    drop_within_split: bool = Field(
        default=False, description="drop a clip whose video and audio are both in an earlier clip of its split"
    )
    drop_leaks: bool = Field(
        default=True, description="drop training clips that share a YouTube id, video or audio with a test clip"
    )
    drop_official: bool = Field(
        default=True, description="drop training clips whose YouTube id is one of the 658 published clips"
    )

    min_landmarks: int = Field(
        default=8, ge=2, description="minimum number of common landmarks at one shift for equal audio"
    )
    min_landmark_share: float = Field(
        default=0.03, gt=0, le=1, description="the same, as a share of the landmarks of the stream that has fewer"
    )
    max_bits: int = Field(
        default=12, ge=0, le=32, description="maximum number of different bits, of 64, for equal frames"
    )
    min_frames: int = Field(default=3, ge=1, description="minimum number of common frames for equal videos")
    min_frame_share: float = Field(
        default=0.2, gt=0, le=1, description="minimum share of common frames in each of two equal videos"
    )
    max_bucket: int = Field(
        default=500, ge=2, description="a number that more clips than this have in common is ignored as uninformative"
    )
