"""Settings of the `assemble` stage."""

from pydantic import BaseModel, ConfigDict, Field

from mma_bench.prompts import Position
from mma_bench.schema import PAPER_CONDITIONS


class AssembleSettings(BaseModel):
    """Which conditions to make, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    conditions: list[str] = Field(default_factory=lambda: list(PAPER_CONDITIONS), min_length=1)
    noise_letters: int = Field(default=10_000, ge=1, description="random letters of the long context")
    noise_position: Position = Field(
        default="after",
        description="`after` the question as in the paper's tables, or `before` it as in one place of its text",
    )
