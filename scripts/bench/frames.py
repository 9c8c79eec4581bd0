"""Time a run of 100,000 answers as a DataFrame, and as records of Every Eval Ever.

    python scripts/bench/frames.py [--clips 667] [--repeats 3] [--option-scores] [--turns 5]

Takes the run of `rescore.py`. Scoring, which both need first, takes turns with them.
"""

import argparse
import resource
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from mma_bench.evaluation import rescore  # noqa: E402
from mma_bench.evaluation.rescoring import Rescored  # noqa: E402
from mma_bench.records import answers_frame  # noqa: E402
from mma_bench.records.every_eval_ever.samples import sample_lines  # noqa: E402
from scripts.bench.rescore import write  # noqa: E402
from scripts.bench.result import Result, add_arguments, save  # noqa: E402
from scripts.bench.turns import Side, alternate  # noqa: E402

SCORING, FRAME, LINES = "scoring", "DataFrame", "sample lines"


def lines(rescored: Rescored) -> int:
    head = {"schema_version": "0.3.0", "evaluation_id": "bench", "model_id": "lab/chatty"}
    return sum(len(line) for line in sample_lines(rescored, head))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=667)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--option-scores", action="store_true")
    add_arguments(parser, turns=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        run = write(Path(temporary), arguments.clips, arguments.repeats, option_scores=arguments.option_scores)
        rescored = rescore(run)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        frame = answers_frame(rescored)
        memory = frame.memory_usage(deep=True).sum() / 1e6
        sides = (
            Side(SCORING, lambda: rescore(run)),
            Side(FRAME, lambda: answers_frame(rescored)),
            Side(LINES, lambda: lines(rescored)),
        )
        times = alternate(sides, arguments.turns, budget=arguments.budget)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        count = len(frame)
        for name, found in times.items():
            print(f"{name}: {found.spread} s, {count / found.processor_seconds:,.0f} answers per second of one core")
        print(f"{count} answers; DataFrame {memory:.0f} MB, sample lines {lines(rescored) / 1e6:.0f} MB")
        print(f"peak memory of the process: {before / 1e3:.0f} MB before, {peak / 1e3:.0f} MB after")
        save(arguments.json, [Result.of("frames", times, ours=name, peer=SCORING) for name in (FRAME, LINES)])


if __name__ == "__main__":
    main()
