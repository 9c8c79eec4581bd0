"""The fixed parts of an AVHBench run, and its authors' published results."""

import functools
from importlib.resources import files
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from mma_bench.files.hashing import sha256_json
from mma_bench.schema import Modality


class _Fixed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Task(_Fixed):
    """One of AVHBench's tasks.

    Attributes:
        name: its name in the questions' file.
        asks: whether the answer is yes or no, or a caption.
        modality: what a yes/no question asks about; none if it asks about both.
    """

    name: str
    asks: Literal["yes_no", "caption"]
    modality: Modality | None = None


class Protocol(_Fixed):
    """The wording of every prompt."""

    version: int
    suffix: str
    tasks: dict[str, Task]

    @property
    def sha256(self) -> str:
        """Hash of everything that this protocol fixes."""
        return sha256_json(self.model_dump(mode="json"))

    def prompt(self, task: str, text: str) -> str:
        """Return the exact text for the model."""
        return f"{text} {self.suffix}" if self.tasks[task].asks == "yes_no" else text


class Published(_Fixed):
    """Accuracies of other models in percent, by task and model."""

    source: str
    caveat: str
    accuracy: dict[str, dict[str, float]]


@functools.cache
def protocol() -> Protocol:
    """Return the protocol of this version."""
    return Protocol.model_validate(_read("protocol.yaml"))


@functools.cache
def published() -> Published:
    """Return the published results."""
    return Published.model_validate(_read("published.yaml"))


def _read(name: str) -> object:
    return yaml.safe_load((files("mma_bench.avhbench") / name).read_text(encoding="utf-8"))
