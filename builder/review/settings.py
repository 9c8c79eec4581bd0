"""Settings of the `review` stage: how people's decisions are applied."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ReviewSettings(BaseModel):
    """A clip stays if more people accept than reject it; unsure votes do not count."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    on_disagreement: Literal["drop", "keep"] = Field(
        default="drop", description="what to do with a clip with equal numbers of acceptances and rejections"
    )
    required: bool = Field(default=False, description="drop clips that nobody accepted or rejected")
    min_attention: float = Field(
        default=0.0, ge=0, le=1, description="ignore people who rejected a smaller share of the swapped clips"
    )
