"""Latency and throughput by concurrency, and whether answers stay the same under load."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass

from mma_bench.conform.checks.answers import Asked, chosen, equality, name_of
from mma_bench.conform.server import Server, is_busy
from mma_bench.conform.verdicts import Check, Outcome
from mma_bench.dataset.load import Sample
from mma_bench.errors import MMABenchError
from mma_bench.schema import Modality

REQUESTS = 16
"""Requests at a concurrency, and at least two rounds of it."""


@dataclass(frozen=True)
class Level:
    """What was measured at a concurrency.

    Attributes:
        concurrency: requests in flight.
        requests: number of requests, which answer the fixed questions.
        seconds: from the first request to the last answer.
        per_second: answers per second.
        median: latency of a request, seconds.
        p95: latency that 95% of the requests do not exceed, seconds.
        retries: requests that were repeated after a temporary failure.
    """

    concurrency: int
    requests: int
    seconds: float
    per_second: float
    median: float
    p95: float
    retries: int

    @property
    def text(self) -> str:
        """The numbers in one line."""
        repeated = f", {self.retries} retries" if self.retries else ""
        return (
            f"{self.concurrency} in flight: {self.per_second:.3g} answers/s, median {self.median:.3g} s, "
            f"95% within {self.p95:.3g} s{repeated}"
        )


def load_checks(
    server: Server, asked: Asked, levels: Sequence[int], modalities: Collection[Modality], *, samples_answers: bool
) -> list[Check]:
    """Measure each concurrency, and compare its answers with those that were asked for before.

    Args:
        server: the server.
        asked: the fixed questions.
        levels: concurrencies.
        modalities: what is asked about.
        samples_answers: whether answers are drawn at random, so that nothing can be compared.

    Raises:
        MMABenchError: the server fails, or is still too busy when it gets one request at a time.
    """
    found, unequal, clusters, busy = [], list[bool](), list[str](), list[str]()
    for level in levels:
        try:
            measured, answers = _measure(server, level, modalities)
        except MMABenchError as error:
            if not is_busy(error):
                raise
            busy.append(f"{level} in flight: the server says that it is too busy ({error})")
            continue
        found.append(measured)
        for sample, text in answers:
            unequal.append(text != asked.first[name_of(sample)].text.strip())
            clusters.append(f"{sample.questions[0].modality}/{sample.questions[0].answer}")
    if not levels:
        return []
    if busy:  # an error if it answers nothing at all any more
        server.ask(chosen(0, modalities)[:1])
    speed = Check(
        "latency and throughput",
        Outcome.REFUSED if busy else Outcome.PASSED,
        "; ".join([*(level.text for level in found), *busy]),
        required=False,
        details={"levels": [asdict(level) for level in found]},
    )
    answered = ", ".join(str(level.concurrency) for level in found)
    name, how = "same answers under load", f"{answered} requests were in flight"
    if not found:
        return [speed, Check(name, Outcome.UNCLEAR, "the server answered at no concurrency")]
    if samples_answers:
        return [speed, Check(name, Outcome.SKIPPED, "answers are sampled")]
    return [speed, equality(name, unequal, clusters, how)]


def _measure(server: Server, level: int, modalities: Collection[Modality]) -> tuple[Level, list[tuple[Sample, str]]]:
    import numpy as np

    samples = chosen(0, modalities)
    count = min(len(samples), max(REQUESTS, 2 * level))
    # Spread over the set: neighbours differ only in their variation.
    picked = [samples[place] for place in np.linspace(0, len(samples) - 1, count).round().astype(int)]
    changes: Mapping[str, str] = {"concurrency": str(level)}
    model = server.model(changes)
    before, begun = model.retries, time.perf_counter()
    answers = server.ask(picked, changes)
    wall = time.perf_counter() - begun
    seconds = np.array([answer.seconds or 0.0 for answer in answers.values()])
    measured = Level(
        concurrency=level,
        requests=len(answers),
        seconds=wall,
        per_second=len(answers) / wall,
        median=float(np.median(seconds)),
        p95=float(np.quantile(seconds, 0.95)),
        retries=model.retries - before,
    )
    return measured, [(sample, answers[sample.stimulus.key].text.strip()) for sample in picked]
