"""Which share of the stimuli a shard of a run asks."""

import hashlib
import re
from typing import Self

from pydantic import ConfigDict, Field, model_validator

from mma_bench.dataset.load import Benchmark
from mma_bench.errors import MMABenchError
from mma_bench.schema import Checked, Stimulus

_FORM = re.compile(r"([0-9]{1,9})/([0-9]{1,9})", re.ASCII)

MOST = 100_000
"""Shards of a run: a merge lists those that are missing, and `run.json` may come from anywhere."""


class Shard(Checked):
    """One of several shares of the stimuli, for one of several machines.

    All stimuli of a clip, with all of their questions, are in the same shard: its video is encoded once, and a shard
    can compare conditions clip by clip. Which shard that is depends on the clip's id and the number of shards alone:
    not on the conditions, the limit or the order. The shares therefore have the same size only by chance.

    Attributes:
        index: which one, from 1 to ``count``.
        count: the number of shards, at most 100,000.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    index: int = Field(ge=1)
    count: int = Field(ge=1, le=MOST)

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Self:
        if self.index > self.count:
            raise ValueError(f"shard {self.index} of {self.count}")
        return self

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Return the shard that is written ``2/16``.

        Raises:
            MMABenchError: it is not of this form, or there is no such shard.
        """
        found = _FORM.fullmatch(text)
        index, count = (int(number) for number in found.groups()) if found else (0, 0)
        if not 1 <= index <= count:
            raise MMABenchError(f"--shard {text!r}: write I/N with I from 1 to N, such as 2/16")
        if count > MOST:
            raise MMABenchError(f"--shard {text!r}: a run has at most {MOST:,} shards; use fewer")
        return cls(index=index, count=count)

    def __str__(self) -> str:
        """Return it as it is given: `2/16`."""
        return f"{self.index}/{self.count}"

    @property
    def note(self) -> str:
        """What a reader of numbers must know about a run that is this shard."""
        return (
            f"shard {self} of a run: these numbers cover only its share of the clips; merge the shards with "
            "`mma-bench merge-runs`"
        )

    def has(self, stimulus: Stimulus) -> bool:
        """Return whether ``stimulus`` belongs to this shard."""
        digest = hashlib.sha256(clip_of(stimulus).encode("utf-8")).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.index - 1

    def share(self, benchmark: Benchmark) -> Benchmark:
        """Return the questions of ``benchmark`` that this shard asks."""
        return Benchmark(benchmark.path, [sample for sample in benchmark.samples if self.has(sample.stimulus)])


def clip_of(stimulus: Stimulus) -> str:
    """Return the id of the clip that ``stimulus`` shows or, with black frames, that it is heard from."""
    return stimulus.video.clip_id or stimulus.audio.clip_id or stimulus.key


class MergedShard(Checked):
    """What a merged run records of a shard.

    Attributes:
        shard: which one.
        answers: how many it had.
        wall_seconds: from its first to its last question, added up over resumed sessions, if it was recorded.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    shard: Shard
    answers: int = Field(ge=0)
    wall_seconds: float | None = Field(ge=0)
