"""The order in which one process would have stored the answers."""

from collections.abc import Mapping

from mma_bench.dataset.load import Benchmark
from mma_bench.evaluation.store import AnswerKeys, Run, StoredAnswer


def in_order(
    answers: Mapping[str, StoredAnswer], run: Run, benchmark: Benchmark, keys: AnswerKeys
) -> list[StoredAnswer]:
    """Return ``answers`` repeat by repeat and stimulus by stimulus.

    Args:
        answers: by their keys.
        run: head of the run.
        benchmark: all questions of the run.
        keys: names the answers of the run's model.

    Returns:
        All of them; those to questions that are not in ``benchmark`` come last, in their order.
    """
    samples = benchmark.samples
    if run.sorts_by_streams:
        samples = sorted(samples, key=lambda sample: sample.streams)
    asked = [
        key
        for repeat in range(run.repeats)
        for sample in samples
        for question in sample.questions
        if (key := keys.key(sample.stimulus, question, repeat)) in answers
    ]
    known = set(asked)
    return [answers[key] for key in (*asked, *(key for key in answers if key not in known))]
