"""Settings of the `assemble` stage."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from mma_bench.errors import unknown
from mma_bench.questions.prompts import Position
from mma_bench.schema import CONDITIONS, PAPER_CONDITIONS

PartnerPolicy = Literal["any_other_class", "other_super_class", "same_super_class"]

_RANGES = {"dB": (-60.0, 60.0), "share": (0.0, 1.0), "s": (-60.0, 60.0)}


def _check_levels(graded: dict[str, list[float]]) -> dict[str, list[float]]:
    known = [name for name, condition in CONDITIONS.items() if condition.graded]
    for name, levels in graded.items():
        if name not in known:
            raise ValueError(unknown("there is no graded condition", name, known))
        unit = CONDITIONS[name].unit
        low, high = _RANGES[unit]
        for level in levels:
            # The ends of a share, and a shift by nothing, are conditions that exist without encoding anything.
            inside = low < level < high if unit == "share" else low <= level <= high
            if not inside or round(level, 3) != level or (unit == "s" and level == 0):
                raise ValueError(
                    f"{name}: a level must lie {'between' if unit == 'share' else 'from'} {low:g} and {high:g} {unit}, "
                    f"with at most 3 decimals{' and not be 0' if unit == 's' else ''}; got {level}"
                )
        if not levels or len(set(levels)) != len(levels):
            raise ValueError(f"{name}: give at least one level, and each once; got {levels}")
    return graded


class AssembleSettings(BaseModel):
    """Which conditions to make, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    conditions: list[str] = Field(default_factory=lambda: list(PAPER_CONDITIONS), min_length=1)
    graded: Annotated[dict[str, list[float]], AfterValidator(_check_levels)] = Field(
        default_factory=dict,
        description="levels of the graded conditions: `mixed_audio` in dB, `blended_frames` and `occluded_frames` in "
        "shares, `shifted_audio` in seconds, `spoken_label` in dB, `written_label` in shares; they encode new streams",
    )
    label_targets: Path | None = Field(
        default=None,
        description="list of the wrong classes for `spoken_label` and `written_label`: a CSV file with the columns "
        "`clip_id,class`, a JSON object of classes by clip id, or JSON lines as published by the authors of MMA-Bench; "
        "clips that are not in it take no part. By default one is drawn per clip",
    )
    voice: str = Field(default="espeak-ng", description="voice of `spoken_label`, see `python -m builder list voices`")
    graded_clips: int | None = Field(
        default=None, ge=1, description="maximum number of clips per graded condition, drawn with the seed"
    )
    variants: list[str] = Field(
        default_factory=list, description="additional wordings of each question to store, see `mma_bench.questions`"
    )
    partners: PartnerPolicy = Field(
        default="any_other_class", description="which class the partner, which lends its audio, must have"
    )
    avoid_near_synonyms: bool = Field(
        default=False,
        description="no partner and no misleading caption that is a near-synonym of the clip's class "
        "(`mma_bench/questions/near_synonyms.yaml`)",
    )
    noise_letters: int = Field(default=10_000, ge=1, description="random letters of the long context")
    noise_tokens: int | None = Field(
        default=None, ge=1, description="instead: words of random letters, separated by spaces"
    )
    noise_position: Position = Field(
        default="after",
        description="`after` the question as in the paper's tables, or `before` it as in one place of its text",
    )
