"""Settings of the `compare` stage."""

from pydantic import BaseModel, ConfigDict, Field


class CompareSettings(BaseModel):
    """When two streams are the same, and which clips are dropped for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    drop_within_split: bool = Field(
        default=False, description="drop a clip whose video and sound both occur in an earlier clip of its split"
    )
    drop_leaks: bool = Field(
        default=True, description="drop training clips that share a YouTube id, a video or a sound with a test clip"
    )
    drop_official: bool = Field(
        default=True, description="drop training clips whose YouTube id is one of the 658 published clips"
    )

    min_landmarks: int = Field(default=8, ge=2, description="common landmarks at one shift of two equal sounds")
    min_landmark_share: float = Field(
        default=0.03, gt=0, le=1, description="the same as a share of the landmarks of the sound that has fewer"
    )
    max_bits: int = Field(default=12, ge=0, le=32, description="different bits of 64 of two equal frames, at most")
    min_frames: int = Field(default=3, ge=1, description="frames that two equal videos have in common, at least")
    min_frame_share: float = Field(
        default=0.2, gt=0, le=1, description="share of the frames of each of two equal videos that the other has too"
    )
    max_bucket: int = Field(
        default=500, ge=2, description="a number that more clips than this have in common says nothing; it is ignored"
    )
