"""Time a run of 100,000 answers as a DataFrame, and as records of Every Eval Ever.

    python scripts/bench/frames.py [--clips 667] [--repeats 3] [--option-scores]

Takes the run of `rescore.py`. Scoring, which both need first, is timed separately; every time is a median of five.
"""

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rescore import write

from mma_bench.evaluation import rescore
from mma_bench.evaluation.rescoring import Rescored
from mma_bench.records import answers_frame
from mma_bench.records.every_eval_ever.samples import sample_lines


def median(work: Callable[[], object], turns: int) -> float:
    seconds = []
    for _ in range(turns):
        begin = time.process_time()
        work()
        seconds.append(time.process_time() - begin)
    return statistics.median(seconds)


def lines(rescored: Rescored) -> int:
    head = {"schema_version": "0.3.0", "evaluation_id": "bench", "model_id": "lab/chatty"}
    return sum(len(line) for line in sample_lines(rescored, head))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--clips", type=int, default=667)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--option-scores", action="store_true")
    parser.add_argument("--turns", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        run = write(Path(temporary), arguments.clips, arguments.repeats, option_scores=arguments.option_scores)
        begin = time.process_time()
        rescored = rescore(run)
        scoring = time.process_time() - begin
        answers_frame(rescored)  # imports pandas
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        frame = answers_frame(rescored)
        memory = frame.memory_usage(deep=True).sum() / 1e6
        framing = median(lambda: answers_frame(rescored), arguments.turns)
        writing = median(lambda: lines(rescored), arguments.turns)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        count = len(frame)
        print(f"{count} answers; scoring {scoring:.1f} s of one core")
        print(f"DataFrame: {framing:.2f} s, {count / framing:,.0f} rows per second, {memory:.0f} MB")
        print(f"sample lines: {writing:.2f} s, {count / writing:,.0f} lines per second, {lines(rescored) / 1e6:.0f} MB")
        print(f"peak memory of the process: {before / 1e3:.0f} MB before, {peak / 1e3:.0f} MB after")


if __name__ == "__main__":
    main()
