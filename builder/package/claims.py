"""Validation of a dataset's JSON files: they are read again when clips are removed, and may come from anyone."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

_Count = Annotated[int, Field(ge=0, le=10**12)]
_Code = Annotated[str, Field(pattern=r"^[a-z0-9_ -]{0,60}$")]


class FunnelStage(BaseModel):
    """One line of `metadata/funnel.json`."""

    model_config = ConfigDict(strict=True, extra="allow")

    stage: _Code
    taken: _Count = Field(alias="in")
    kept: _Count
    dropped: dict[_Code, _Count]


class Hydrated(BaseModel):
    """What `provenance.json` says about media that were fetched again."""

    model_config = ConfigDict(strict=True, extra="allow")

    identical_clips: _Count
    clips_of_equal_fingerprint: _Count


class Provenance(BaseModel):
    """`metadata/provenance.json`, as far as the card uses it."""

    model_config = ConfigDict(strict=True, extra="allow")

    config: dict[str, Any]
    licence_mode: str
    seed: int | str
    notices: list[str] = []
    hydrated: Hydrated | None = None


_FUNNEL = TypeAdapter(list[FunnelStage])


def check_claims(funnel: Any, provenance: Any) -> None:
    """Check both files.

    Raises:
        ValueError: one contains something that a build never writes, such as half of a surrogate pair.
    """
    _FUNNEL.validate_python(funnel)
    Provenance.model_validate(provenance)
    for value in (funnel, provenance):
        _check_text(value)


def _check_text(value: Any) -> None:
    if isinstance(value, str):
        value.encode("utf-8")
    elif isinstance(value, dict):
        for name, each in value.items():
            _check_text(name)
            _check_text(each)
    elif isinstance(value, list):
        for each in value:
            _check_text(each)
