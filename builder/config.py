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
)

from builder.assemble.settings import AssembleSettings
from builder.compare import CompareSettings
from builder.executors import ExecutorSettings
from builder.inspect import InspectSettings
from builder.normalise import NormaliseSettings
from builder.package.settings import PackageSettings
from builder.review import ReviewSettings
from builder.sources import SourceSettings, own_kind
from builder.verify import VerifySettings
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
