"""The configuration of a build: one YAML file, checked before anything runs."""

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from builder.assemble.settings import AssembleSettings
from builder.compare import CompareSettings
from builder.executors import ExecutorSettings
from builder.inspect import InspectSettings
from builder.normalise import NormaliseSettings
from builder.package.settings import PackageSettings
from builder.review import ReviewSettings
from builder.sources import SourceSettings
from builder.verify import VerifySettings
from mma_bench.errors import MMABenchError

_Settings = TypeVar("_Settings", bound=BaseModel)


class BuildConfig(BaseModel):
    """All settings of a build."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(default="MMA-Bench", description="name of the dataset on its card")
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


def load_config(path: Path, overrides: tuple[str, ...] = ()) -> BuildConfig:
    """Read a configuration and apply overrides such as `source.csv=clips.csv`.

    Raises:
        MMABenchError: the file cannot be read, or a setting is unknown or out of range.
    """
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise MMABenchError(f"cannot read the configuration {path}: {error}") from error
    if not isinstance(settings, dict):
        raise MMABenchError(f"{path}: a configuration is a YAML mapping such as builder/configs/demo.yaml")
    for override in overrides:
        apply_override(settings, override)
    return validated(BuildConfig, settings, str(path))


def validated(model: type[_Settings], settings: dict[str, Any], where: str) -> _Settings:
    """Return ``settings`` as a ``model``, or raise MMABenchError that names the first wrong one, in ``where``."""
    try:
        return model.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        setting = ".".join(str(part) for part in first["loc"])
        problem = "there is no such setting" if first["type"] == "extra_forbidden" else first["msg"]
        raise MMABenchError(f"{where}: {setting or 'the configuration'}: {problem}") from error


def apply_override(settings: dict[str, Any], override: str) -> None:
    """Change ``settings`` by an override such as `source.csv=clips.csv`, or raise MMABenchError if it is none."""
    name, separator, text = override.partition("=")
    if not separator:
        raise MMABenchError(f"--set {override!r}: write it as SETTING=VALUE, such as source.csv=clips.csv")
    *path, last = name.split(".")
    target = settings
    for part in path:
        target = target.setdefault(part, {})
        if not isinstance(target, dict):
            raise MMABenchError(f"--set {override!r}: {part} is not a group of settings")
    try:
        target[last] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise MMABenchError(f"--set {override!r}: the value is not YAML: {error}") from error
