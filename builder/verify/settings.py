"""Settings of the `verify` stage."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

CheckName = Literal["visual_muted", "audio_black", "visual_full", "audio_full"]


class VerifySettings(BaseModel):
    """Which model verifies the clips, and what is accepted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str | None = Field(default=None, description="model, as in `mma-bench eval`; none: no check")
    model_options: dict[str, str] = Field(default_factory=dict, description="the model's options, as text")
    min_yes_probability: dict[CheckName, float] = Field(
        default_factory=dict,
        description="thresholds: pass these checks by the probability of Yes instead of by the text, if the "
        "model returns one; changing them calls no model",
    )
    clips_at_a_time: int = Field(default=8, ge=1, description="clips per batch")
    workers: int = Field(
        default=0, ge=0, description="processes, each with the model; 0: one per GPU, or one per core for the cascade"
    )
