"""Settings of the `package` stage."""

from pydantic import BaseModel, ConfigDict, Field


class PackageSettings(BaseModel):
    """How the dataset is cut into shards."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shards: int = Field(
        default=8,
        ge=8,
        multiple_of=8,
        description="shards a configuration: divisible by 8, because loaders deal out whole shards only if the "
        "number divides by that of the nodes; one shard where there are fewer stimuli than that",
    )
