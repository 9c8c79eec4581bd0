"""Settings of the `package` stage."""

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

LicenceMode = Literal["ids-only", "cc-only", "all"]


class PackageSettings(BaseModel):
    """How the dataset is divided into shards, and what may be published."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shards: int = Field(
        default=8,
        ge=8,
        multiple_of=8,
        description="shards per configuration: divisible by 8, because loaders distribute whole shards only if the "
        "number is divisible by that of the nodes; a single shard if there are fewer stimuli",
    )
    licence_mode: LicenceMode | None = Field(
        default=None,
        description="ids-only: ids, times, hashes and questions, no media; cc-only: clips under Creative Commons "
        "licences that allow modified copies, and in the public domain; all: every clip. By default ids-only for the "
        "source `audioset`, all for the others",
    )
    removed_ids: Path | None = Field(
        default=None,
        description="ids to leave out, one per line; those already removed from the dataset in --out stay out anyway",
    )
    hub_name: str = Field(
        default="", pattern=r"^([A-Za-z0-9][\w.-]*/[\w.-]+)?$", description="ORG/NAME on the hub, for the card"
    )
    version: str = Field(default="1.0.0", pattern=r"^\d+\.\d+\.\d+$", description="version of the dataset")
    date_published: date | None = Field(default=None, description="date for Croissant; a build does not read the clock")
    contact: str = Field(
        default="the discussion page of the dataset's repository", description="where to request the removal of a clip"
    )

    def mode_for(self, source: str) -> LicenceMode:
        """Return the licence mode for a source, by name."""
        return self.licence_mode or ("ids-only" if source == "audioset" else "all")
