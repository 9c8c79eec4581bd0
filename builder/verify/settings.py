"""Settings of the `verify` stage."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

CheckName = Literal["visual_muted", "audio_black", "visual_full", "audio_full"]


class Prices(BaseModel):
    """What a server charges, in any currency."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input_tokens: float = Field(default=0.0, ge=0, description="per million input tokens")
    output_tokens: float = Field(default=0.0, ge=0, description="per million output tokens")
    requests: float = Field(default=0.0, ge=0, description="per thousand requests")
    hours: float = Field(default=0.0, ge=0, description="per hour of one task, such as the rent of its GPU")
    currency: str = Field(default="USD", max_length=10)


class VerifySettings(BaseModel):
    """Which model verifies the clips, and what is accepted."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    model: str | None = Field(default=None, description="model, as in `mma-bench eval`; none: no check")
    model_options: dict[str, str] = Field(default_factory=dict, description="the model's options, as text")
    min_yes_probability: dict[CheckName, float] = Field(
        default_factory=dict,
        description="thresholds: pass these checks by the probability of Yes instead of by the text, if the "
        "model returns one; changing them calls no model",
    )
    clips_at_a_time: int = Field(
        default=8, ge=1, description="clips per batch; for a server, as many as keep all its connections busy"
    )
    workers: int = Field(
        default=0,
        ge=0,
        description="tasks at a time, each with the model; 0: one per GPU, or one per core for the cascade",
    )
    prices: Prices = Field(default_factory=Prices, description="of a server, to print what the stage cost")
