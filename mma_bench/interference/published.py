"""Accuracies that the second paper reports, as data."""

import functools
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from mma_bench.interference.protocol import TaskKind


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PublishedAccuracy(_Part):
    """Accuracy under the paper's perturbation, in percent.

    Attributes:
        model: the model's name in the paper.
        task: the data.
        kind: the kind of task.
        before: without the paper's tuning.
        after: with it.
    """

    model: str
    task: str
    kind: TaskKind
    before: float
    after: float


class Published(_Part):
    """What the paper reports, and what a reader must know."""

    source: str
    url: str
    caveat: str
    under_perturbation: list[PublishedAccuracy]


@functools.cache
def published() -> Published:
    """Return the published accuracies."""
    return Published.model_validate(yaml.safe_load(Path(__file__).with_name("published.yaml").read_text("utf-8")))
