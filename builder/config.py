"""The configuration of a build: one YAML file, checked before anything runs."""

from pathlib import Path
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_serializer,
    field_validator,
    model_serializer,
)

from builder.assemble.settings import AssembleSettings
from builder.compare.settings import CompareSettings
from builder.executors import ExecutorSettings
from builder.inspect.settings import InspectSettings
from builder.normalise.settings import NormaliseSettings
from builder.own_stages import OwnStageSettings
from builder.package.settings import PackageSettings
from builder.review.settings import ReviewSettings
from builder.sources import SourceSettings, own_kind
from builder.verify.settings import VerifySettings
from mma_bench.errors import MMABenchError
from mma_bench.files.faults import first_fault
from mma_bench.files.settings import read_settings


class BuildConfig(BaseModel):
    """All settings of a build."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(default="MMA-Bench", min_length=1, max_length=200, description="name of the dataset on its card")
    seed: int = 0
    source: SourceSettings = Field(discriminator="kind")
    normalise: NormaliseSettings = NormaliseSettings()
    inspect: InspectSettings = InspectSettings()
    compare: CompareSettings = CompareSettings()
    verify: VerifySettings = VerifySettings()
    review: ReviewSettings = ReviewSettings()
    assemble: AssembleSettings = AssembleSettings()
    package: PackageSettings = PackageSettings()
    executor: ExecutorSettings = ExecutorSettings()
    stages: tuple[OwnStageSettings, ...] = Field(default=(), description="stages from your own packages, by name")

    @field_validator("stages", mode="before")
    @classmethod
    def _name_alone(cls, value: Any) -> Any:
        """Let a stage be asked for by its name alone."""
        return [{"name": one} if isinstance(one, str) else one for one in value] if isinstance(value, list) else value

    @model_serializer(mode="wrap")
    def _without_none(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out `stages` where there are none, as in builds of versions that had no such setting."""
        plain: dict[str, Any] = handler(self)
        if not plain.get("stages", True):
            del plain["stages"]
        return plain

    @field_validator("source", mode="wrap")
    @classmethod
    def _own_source(cls, value: Any, check: ValidatorFunctionWrapHandler) -> Any:
        """Check the settings of a source from a user's package with the package's own model."""
        if isinstance(value, dict):
            try:
                kind = own_kind(value.get("kind"))
                if kind:
                    return kind.settings.model_validate(value)
            except ValidationError as error:
                raise ValueError(str(first_fault(error, kind.settings if kind else None))) from error
            except MMABenchError as error:
                raise ValueError(str(error)) from error
        return check(value)

    @field_serializer("source", mode="wrap")
    def _plain_source(self, value: Any, plain: SerializerFunctionWrapHandler, info: SerializationInfo) -> Any:
        return value.model_dump(mode=info.mode) if own_kind(value.kind) else plain(value)


def load_config(path: Path, overrides: tuple[str, ...] = ()) -> BuildConfig:
    """Read a configuration and apply overrides such as `source.csv=clips.csv`.

    Raises:
        MMABenchError: the file cannot be read, or a setting is unknown or out of range.
    """
    return read_settings(
        BuildConfig, path, overrides, example="builder/configs/demo.yaml", override="source.csv=clips.csv"
    )
