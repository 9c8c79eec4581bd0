"""The text of the checks, from `wording.yaml`."""

from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from mma_bench.schema import Modality

_FILE = Path(__file__).with_name("wording.yaml")


class Wording(BaseModel):
    """The file: one sentence per modality, and readable class names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    visual: str
    audio: str
    names: dict[str, str]

    def readable(self, label: str) -> str:
        """Return the name of a class in plain words."""
        return self.names.get(label) or " ".join(label.replace("_", " ").lower().split())

    def prompt(self, modality: Modality, label: str) -> str:
        """Return the exact yes/no question about ``label``."""
        sentence = self.visual if modality is Modality.VISUAL else self.audio
        return sentence.replace("{name}", self.readable(label))


@cache
def wording() -> Wording:
    """Return the wording of this version."""
    return Wording.model_validate(yaml.safe_load(_FILE.read_text(encoding="utf-8")))
