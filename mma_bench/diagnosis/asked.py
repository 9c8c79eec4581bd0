"""What a diagnosis is about: stimuli, their questions, and the aligned stimuli that they are compared with."""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mma_bench.dataset.layout import conditions_in_order
from mma_bench.dataset.load import Benchmark, Sample, load
from mma_bench.diagnosis.subject import partner_of
from mma_bench.errors import MMABenchError
from mma_bench.evaluation.protocols import Protocol, apply_protocol
from mma_bench.evaluation.shards.shard import clip_of
from mma_bench.files.hashing import sha256_json
from mma_bench.schema import Question

CONDITIONS = ("aligned", "misaligned", "misleading_caption")
"""Conditions that are diagnosed by default, as far as the dataset has them."""


@dataclass(frozen=True)
class Asked:
    """What is asked.

    Attributes:
        benchmark: the stimuli and their questions.
        partners: all aligned stimuli of the split by the clip of their video, whether or not they are in the benchmark:
            what is measured about a stimulus must not depend on which others are.
    """

    benchmark: Benchmark
    partners: Mapping[str, Sample]

    @property
    def conditions(self) -> list[str]:
        """All conditions, in the order of the tables."""
        return conditions_in_order({q.condition for sample in self.benchmark.samples for q in sample.questions})

    @property
    def clips(self) -> int:
        """Number of clips."""
        return len({clip_of(sample.stimulus) for sample in self.benchmark.samples})

    @functools.cached_property
    def names(self) -> dict[str, str]:
        """A name by the key of each stimulus: another one if other questions are asked about it or its partner."""
        found = {}
        for sample in self.benchmark.samples:
            both = [one for one in (sample, partner_of(sample, self.partners)) if one]
            asked = [[question.model_dump(mode="json") for question in one.questions] for one in both]
            found[sample.stimulus.key] = f"{sample.stimulus.key}-{sha256_json(asked)[:12]}"
        return found


def what_is_asked(
    rules: Protocol, data: str | Path, *, condition: str | Sequence[str] | None, split: str, limit: int | None
) -> Asked:
    """Return the questions of the headline of a protocol about a dataset.

    Other wordings that a protocol asks, such as "None of the above", are studied by its other tables: pooled with the
    headline, they would mix answers to different questions.

    Raises:
        MMABenchError: the data has none of them.
    """
    stored = load(data, split=split)
    wanted = condition or default_conditions(data, stored)
    asked = apply_protocol(rules, load(data, condition=wanted, split=split, limit=limit))
    samples = _only(asked.samples, lambda question: question.variant in rules.headline)
    if not samples:
        raise MMABenchError(f"{data}: the headline wordings of the protocol {rules.name} ask none of these questions")
    return Asked(Benchmark(asked.path, samples), _partners(rules, stored))


def default_conditions(data: str | Path, stored: Benchmark) -> list[str]:
    """Return which of `CONDITIONS` the data has.

    Raises:
        MMABenchError: none.
    """
    present = {question.condition for sample in stored.samples for question in sample.questions}
    found = [name for name in CONDITIONS if name in present]
    if not found:
        raise MMABenchError(f"{data} has none of the conditions {', '.join(CONDITIONS)}; choose some with --condition")
    return found


def _partners(rules: Protocol, stored: Benchmark) -> dict[str, Sample]:
    aligned = _only(
        [sample for sample in stored.samples if sample.stimulus.condition == "aligned"],
        lambda question: question.condition == "aligned",
    )
    if not aligned or not any(rules.asks("aligned", name) for name in rules.headline):
        return {}
    asked = apply_protocol(rules, Benchmark(stored.path, aligned))
    samples = _only(asked.samples, lambda question: question.variant in rules.headline)
    return {sample.stimulus.video.clip_id: sample for sample in samples if sample.stimulus.video.clip_id}


def _only(samples: Iterable[Sample], wanted: Callable[[Question], bool]) -> list[Sample]:
    """Return the samples with those of their questions that are wanted, if there is one."""
    found = [replace(sample, questions=[q for q in sample.questions if wanted(q)]) for sample in samples]
    return [sample for sample in found if sample.questions]
