"""How `smol-omni` is made: every number that decides what comes out."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from mma_bench.errors import unknown
from mma_bench.synthetic.kinds import WIDE_CLASSES

COMPETENT = 0.95
"""The base is the first checkpoint at which each modality alone is this accurate; fixed before measuring any bias."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StageSettings(_Section):
    """A stage of the training."""

    steps: int = Field(ge=0)
    learning_rate: float = Field(gt=0, description="highest, after the warm-up")
    warmup: int = Field(20, ge=0, description="steps")


class MixSettings(_Section):
    """Shares of the kinds of questions; the rest are clips with video and audio."""

    without_sound: float = Field(0.22, ge=0, le=1, description="share of clips with silence as audio")
    without_picture: float = Field(0.22, ge=0, le=1, description="share of clips with black frames")
    knowledge: float = Field(0.1, ge=0, le=1, description="share of ordinary questions without a clip")
    caption_alone: float = Field(0.04, ge=0, le=1, description="share of questions that only a caption answers")
    true_caption: float = Field(1 / 3, ge=0, le=1, description="share of questions about clips with a true caption")
    none_listed: float = Field(0.2, ge=0, le=1, description='share of questions that offer "None of the above"')
    none_right: float = Field(0.5, ge=0, le=1, description="share of these where it is the answer")
    options: tuple[int, ...] = Field(
        (4, 4, 6, 6, 8, 8, 12, 0), min_length=1, description="number of options, drawn per step; 0: all classes"
    )


class SmolOmniSettings(_Section):
    """Everything that decides the result."""

    seed: int = Field(0, ge=0, description="of the new weights, and of the choice of clips and questions")
    classes: tuple[str, ...] = Field(WIDE_CLASSES, min_length=4)
    vision: StageSettings = StageSettings(steps=3000, learning_rate=3e-3)
    audio: StageSettings = StageSettings(steps=600, learning_rate=3e-3)
    tower_batch: int = Field(32, ge=1, description="clips per step of a tower")
    clips: int = Field(250, ge=1, description="different clips per class for the towers")
    encoded: int = Field(100, ge=1, description="different clips per class for connectors and updates")
    words: StageSettings = StageSettings(steps=800, learning_rate=2e-3)
    connector: StageSettings = StageSettings(steps=40, learning_rate=1e-3)
    updates: StageSettings = StageSettings(steps=320, learning_rate=1e-3)
    rank: int = Field(16, ge=1, description="of the low-rank updates")
    projections: tuple[str, ...] = ("q_proj", "v_proj", "o_proj")
    questions: int = Field(8, ge=1, description="questions per step")
    mix: MixSettings = MixSettings()
    look_every: int = Field(40, ge=1, description="steps between measurements")
    looked: int = Field(64, ge=1, description="clips per measurement")
    competent: float = Field(COMPETENT, gt=0, le=1)
    dtype: Literal["bfloat16", "float32"] = Field("bfloat16", description="of the frozen weights in training")

    @field_validator("classes")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in WIDE_CLASSES:
                raise ValueError(unknown("there is no procedural class", name, WIDE_CLASSES))
        return tuple(sorted(set(names)))
