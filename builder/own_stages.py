"""Stages from users' packages: classes that the configuration switches on.

A package names a class in an entry point of the group `mma_bench.stages`; a build asks for it in `stages`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from builder.pipeline import BUILD, HYDRATE, order
from builder.stage import ClipStage, Stage, WholeStage
from mma_bench.errors import MMABenchError
from mma_bench.files.faults import first_fault
from mma_bench.registry import Registry

_BY_DEFAULT_AFTER = "verify"
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")


def _adopt(found: Any) -> type[Stage]:
    if not (isinstance(found, type) and issubclass(found, ClipStage | WholeStage)):
        raise TypeError("it is not a subclass of builder.stage.ClipStage or builder.stage.WholeStage")
    if missing := sorted(getattr(found, "__abstractmethods__", ())):
        raise TypeError(f"it does not define {', '.join(missing)}")
    return found


STAGES: Registry[type[Stage]] = Registry("stage", "stages", adopt=_adopt)


class OwnStageSettings(BaseModel):
    """An entry of `stages`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="name of the entry point")
    after: str | None = Field(default=None, description="the stage that it follows; by default as its class says")
    settings: dict[str, Any] = Field(default_factory=dict, description="its own settings")


@dataclass(frozen=True)
class OwnStage:
    """A stage from a user's package that a build asks for.

    Attributes:
        name: its name.
        after: the stage that it follows.
        kind: its class.
        settings: its settings, as its class checks them.
    """

    name: str
    after: str
    kind: type[Stage]
    settings: Any

    def make(self, folder: Path) -> Stage:
        """Return the stage, called as it was asked for."""
        stage = self.kind(folder, self.settings)
        stage.name = self.name
        return stage


def own_stages(asked: Sequence[OwnStageSettings]) -> list[OwnStage]:
    """Return the stages that a configuration asks for.

    Raises:
        MMABenchError: a name is unknown or taken, settings are wrong, or a stage cannot be in its place.
    """
    taken = {entry.name for entry in (*BUILD, *HYDRATE)}
    found = []
    for one in asked:
        kind = STAGES.find(one.name)
        if one.name in taken:
            raise MMABenchError(f"stages: there are two stages called {one.name!r}; name each once")
        if not _NAME.fullmatch(one.name):
            raise MMABenchError(
                f"stages: {one.name!r} names a folder and a line of the funnel; use small letters, digits, - and _"
            )
        taken.add(one.name)
        after = one.after or str(getattr(kind, "after", _BY_DEFAULT_AFTER))
        found.append(OwnStage(one.name, after, kind, _checked(one, kind)))
    order([entry.name for entry in BUILD], found)
    return found


def _checked(one: OwnStageSettings, kind: type[Stage]) -> Any:
    model = getattr(kind, "Settings", None)
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        if one.settings:
            raise MMABenchError(f"stages: {one.name} takes no settings; its class has no pydantic model `Settings`")
        return None
    try:
        return model.model_validate(one.settings)
    except ValidationError as error:
        raise MMABenchError(f"stages: settings of {one.name}: {first_fault(error, model)}") from error
