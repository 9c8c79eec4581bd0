"""The order in which one process would have stored the answers."""

from collections.abc import Mapping

from mma_bench.dataset.load import Benchmark
from mma_bench.evaluation.store import AnswerKeys, StoredAnswer


def in_order(
    answers: Mapping[str, StoredAnswer], benchmark: Benchmark, keys: AnswerKeys, repeats: int
) -> list[StoredAnswer]:
    """Return ``answers`` repeat by repeat and stimulus by stimulus.

    Args:
        answers: by their keys.
        benchmark: all questions of the run.
        keys: names the answers of the run's model.
        repeats: how often each question is asked.

    Returns:
        All of them; those to questions that are not in ``benchmark`` come last, in their order.
    """
    asked = [
        key
        for repeat in range(repeats)
        for sample in benchmark.samples
        for question in sample.questions
        if (key := keys.key(sample.stimulus, question, repeat)) in answers
    ]
    known = set(asked)
    return [answers[key] for key in (*asked, *(key for key in answers if key not in known))]
