"""Settings of a tuning run: one YAML file, checked before anything is loaded."""

import math
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from mma_bench.errors import MMABenchError, unknown
from mma_bench.files import settings
from mma_bench.models.omni.layout import Arrangement
from mma_bench.schema import Checked
from mma_bench.streaming.conflicts import MEDIA_CONFLICTS, TEXT_CONFLICTS, known_conflicts
from mma_bench.tuning.tasks import ALIGNED, TASKS

BUILT_IN = ("consistency", "adversarial", "preference", "language")
"""Terms of the objective that each have a section of settings, in the order of summation."""


def _check_condition(what: str, name: str) -> None:
    """Raise ValueError if a mix cannot be made of ``name``."""
    if not any(name in known for known in ((ALIGNED,), MEDIA_CONFLICTS, TEXT_CONFLICTS, TASKS)):
        raise ValueError(unknown(what, name, sorted({ALIGNED, *known_conflicts(), *TASKS})))


class _Section(Checked):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BaseModelSettings(_Section):
    """The model that is tuned."""

    checkpoint: str = Field(min_length=1, description="hub name, folder, or `random:ARCHITECTURE` for a stand-in")
    dtype: Literal["auto", "float32", "bfloat16"] = Field("auto", description="auto: bfloat16 on a GPU, else float32")
    attn_implementation: Literal["sdpa", "eager", "flash_attention_2"] = "sdpa"
    fps: float = Field(2.0, gt=0, le=30, description="frames per second")
    min_pixels: int | None = Field(None, ge=1, description="smallest frame, pixels")
    max_pixels: int | None = Field(None, ge=1, description="largest frame, pixels")
    layout: Arrangement = Field("interleaved", description="order of video, audio and question, see docs/models.md")
    system_prompt: str | None = Field(None, description="system message; none: the family's own")
    revision: str | None = None
    local_files_only: bool = False
    encoder_cache_mb: int = Field(256, ge=0, description="memory for streams that the frozen towers encoded, MB")

    @property
    def evaluation_options(self) -> str:
        """Options for `mma-bench eval` to show the model the same input as tuning did."""
        chosen = {name: getattr(self, name) for name in ("fps", "min_pixels", "max_pixels")}
        options = [f"{name}={value:g}" for name, value in chosen.items() if value is not None]
        if self.layout != "interleaved":
            options.append(f"layout={self.layout}")
        if self.system_prompt is not None:
            options.append(shlex.quote(f"system_prompt={self.system_prompt}"))
        return " ".join(f"--model-option {option}" for option in options)


class LoraSettings(_Section):
    """Low-rank updates of projections of the language model (arXiv 2106.09685)."""

    rank: int = Field(8, ge=1)
    alpha: float = Field(16, gt=0)
    dropout: float = Field(0.05, ge=0, lt=1)
    projections: tuple[str, ...] = Field(("q_proj", "v_proj"), min_length=1)


class MixPoint(_Section):
    """A mix and the step from which it applies."""

    from_step: int = Field(0, ge=0)
    clips: Mapping[str, int] = Field(min_length=1, description="clips per step, for each condition")


class DataSettings(_Section):
    """Clips for training; each comes with a visual and an audio question."""

    path: str = Field(min_length=1, description="folder of a dataset, or ORG/NAME on the hub")
    config: str = Field("train", description="which shards")
    size: int | None = Field(None, ge=1, description="height and width of the frames, pixels; none: as stored")
    shuffle: int = Field(1000, ge=0)
    workers: int = Field(0, ge=0, le=64, description="processes that decode, for each condition")
    decoded_cache_mb: int = Field(0, ge=0, description="memory for decoded clips, MB; useful for few and short clips")
    text_questions: str | None = Field(
        None, description="JSONL file of question, options and answer for text_question; none: made from class names"
    )
    on_error: Literal["refuse", "skip"] = "refuse"
    mix: tuple[MixPoint, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _known_conditions(self) -> "DataSettings":
        for point in self.mix:
            for name, count in point.clips.items():
                _check_condition("mix: there is no condition", name)
                if count < 0:
                    raise ValueError(f"mix: {name} must be 0 clips or more")
            if not sum(point.clips.values()):
                raise ValueError(f"mix: the step from {point.from_step} on has no clips")
        if self.mix[0].from_step != 0 or [p.from_step for p in self.mix] != sorted({p.from_step for p in self.mix}):
            raise ValueError("mix: the first point must begin at step 0, and the others must be in ascending order")
        return self

    @property
    def conditions(self) -> list[str]:
        """All conditions in the mix."""
        return sorted({name for point in self.mix for name, count in point.clips.items() if count})

    def clips_at(self, step: int) -> dict[str, int]:
        """Return the number of clips per condition in the step."""
        point = [point for point in self.mix if point.from_step <= step][-1]
        return {name: count for name, count in sorted(point.clips.items()) if count}


class _Term(_Section):
    """A term of the objective; it can begin when the model has learned the task from the supervised term."""

    from_step: int = Field(0, ge=0, description="first step with this term, counted from 0")

    @model_serializer(mode="wrap")
    def _without_default(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Omit a start at step 0, as in runs of versions without this setting."""
        plain: dict[str, Any] = handler(self)
        if plain.get("from_step") == 0:
            del plain["from_step"]
        return plain


class ConsistencySettings(_Term):
    """See `mma_bench.tuning.objective.consistency`."""

    weight: float = Field(0.1, gt=0)
    divergence: Literal["js", "kl"] = "js"
    variants: tuple[str, ...] = Field(
        ("misaligned", "removed", "misleading_caption"),
        min_length=1,
        description="what may change, one per sample: `removed`, `noise`, `white`, or a condition",
    )

    @field_validator("variants")
    @classmethod
    def _known_variants(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        from mma_bench.tuning.objective.variants import KINDS

        for name in names:
            if not any(name in known for known in (KINDS, MEDIA_CONFLICTS, TEXT_CONFLICTS)):
                raise ValueError(unknown("there is no variant", name, [*KINDS, *known_conflicts()]))
        return names


class AdversarialSettings(_Term):
    """See `mma_bench.tuning.objective.adversarial`."""

    weight: float = Field(1.0, gt=0)
    scale: Literal["spread", "absolute"] = Field("spread", description="unit of eps; absolute: as published")
    eps: float = Field(0.05, gt=0)
    alpha: float = Field(30.0, gt=0, description="times the gradient of each sample's own loss")
    steps: int = Field(1, ge=1, le=20)
    random_start: bool = True
    text: bool = Field(True, description="also perturb the words of the prompt")
    share_gradient: bool = Field(
        True,
        description="take the first gradient from the pass of the clean batch; not if `preference` or own terms are "
        "used, whose gradient it would contain",
    )


class PreferenceSettings(_Term):
    """See `mma_bench.tuning.objective.preference`."""

    weight: float = Field(1.0, gt=0)
    beta: float = Field(0.1, gt=0, description="how strongly the model is held to the base")


class LanguageSettings(_Term):
    """See `mma_bench.tuning.objective.language`."""

    weight: float = Field(1.0, gt=0)
    texts: str = Field(min_length=1, description="file of plain text, UTF-8, unlike the text that you measure with")
    passages: int = Field(4, ge=1, description="passages per step, from random places of the text")
    tokens: int = Field(128, ge=2, description="tokens of each passage")


class ObjectiveSettings(_Section):
    """Which terms are added to the supervised one."""

    consistency: ConsistencySettings | None = None
    adversarial: AdversarialSettings | None = None
    preference: PreferenceSettings | None = None
    language: LanguageSettings | None = None
    terms: Mapping[str, float] = Field(default_factory=dict, description="weight of each term that you added")

    @field_validator("terms")
    @classmethod
    def _known_terms(cls, terms: Mapping[str, float]) -> Mapping[str, float]:
        from mma_bench.tuning.objective.registry import TERMS

        for name, weight in terms.items():
            if name in ("sft", *BUILT_IN):
                raise ValueError(f"{name} is built in; give it as objective.{name}")
            if not weight > 0 or not math.isfinite(weight):
                raise ValueError(f"{name}: the weight must be above 0, got {weight}")
            try:
                TERMS.find(name)
            except MMABenchError as error:
                raise ValueError(str(error)) from error
        return terms

    @model_serializer(mode="wrap")
    def _without_none(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Omit what is not used of the later settings, as in runs of versions without them."""
        plain: dict[str, Any] = handler(self)
        if not plain.get("terms", True):
            del plain["terms"]
        for name in ("preference", "language"):
            if plain.get(name, True) is None:
                del plain[name]
        return plain

    @property
    def names(self) -> list[str]:
        """The added terms, in the order of summation."""
        chosen = {name: getattr(self, name) for name in BUILT_IN}
        return [*(name for name, settings in chosen.items() if settings), *self.terms]

    @property
    def starts(self) -> dict[str, int]:
        """The first step of each built-in term that is used."""
        return {name: getattr(self, name).from_step for name in BUILT_IN if getattr(self, name)}

    def at(self, step: int) -> "ObjectiveSettings":
        """Return the objective of a step: without the terms that begin later."""
        return self.model_copy(update={name: None for name, start in self.starts.items() if start > step})


class HeldOutSettings(_Section):
    """Training clips that are never trained on, with conflicts generated on the fly."""

    share: float = Field(0.05, gt=0, lt=1, description="share of the clips, chosen by a hash of their key")
    clips: int = Field(32, ge=1, description="clips per condition")
    every: int = Field(100, ge=1, description="steps")
    patience: int = Field(5, ge=1, description="evaluations without an improvement before training stops")
    conditions: tuple[str, ...] = ("aligned", "misaligned", "misleading_caption")

    @model_validator(mode="after")
    def _known_conditions(self) -> "HeldOutSettings":
        for name in self.conditions:
            _check_condition("there is no condition", name)
        return self


class TrainSettings(_Section):
    """How the weights are trained."""

    weights: Literal["lora", "full"] = Field(
        "lora", description="full: the layers of the language model themselves, in float32"
    )
    steps: int = Field(ge=1, le=100_000_000)
    micro_batch: int = Field(4, ge=1, description="questions per forward pass; gradients are accumulated over the step")
    learning_rate: float = Field(1e-4, gt=0)
    warmup: float = Field(0.1, ge=0, lt=1, description="share of the steps")
    weight_decay: float = Field(0.0, ge=0)
    clip_norm: float = Field(1.0, gt=0)
    gradient_checkpointing: bool = True
    seed: int = 0
    log_every: int = Field(10, ge=1)
    save_every: int = Field(100, ge=1)


class TuneSettings(_Section):
    """All settings of a tuning run."""

    model: BaseModelSettings
    data: DataSettings
    lora: LoraSettings = LoraSettings()
    objective: ObjectiveSettings = ObjectiveSettings()
    train: TrainSettings
    held_out: HeldOutSettings | None = None
    tracker: Literal["tensorboard", "wandb", "none"] = "tensorboard"

    @property
    def changes(self) -> list[int]:
        """The steps from which the mix or the objective is another one, beginning with 0."""
        return sorted({*(point.from_step for point in self.data.mix), *self.objective.starts.values()})

    @model_validator(mode="after")
    def _terms_begin_before_the_end(self) -> "TuneSettings":
        for name, start in self.objective.starts.items():
            if start >= self.train.steps:
                raise ValueError(f"objective.{name}.from_step is {start}, but the last step is {self.train.steps - 1}")
        return self

    @model_validator(mode="after")
    def _some_terms_need_the_base(self) -> "TuneSettings":
        for name in ("preference", "language"):
            if getattr(self.objective, name) and self.train.weights == "full":
                raise ValueError(f"objective.{name} compares with the base, which train.weights=full changes; use lora")
        return self


def read_settings(path: Path, overrides: Sequence[str] = ()) -> TuneSettings:
    """Read a configuration.

    Args:
        path: YAML file.
        overrides: changes such as `train.steps=20`; values are YAML.

    Raises:
        MMABenchError: the file cannot be read, or a setting is unknown or wrong.
    """
    example = "mma_bench/tuning/configs/robust.yaml"
    return settings.read_settings(TuneSettings, path, overrides, example=example, override="train.steps=20")
