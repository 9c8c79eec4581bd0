"""What an evaluation costs besides the model: our evaluator against lmms-eval, both with a model that answers at once.

Both are asked the same 10,000 questions: those of a real dataset, repeated under new keys, stored as a dataset stores
them. Neither model looks at media. Timed is the evaluation alone, from the stored questions to scores and kept answers,
after all imports.

    python scripts/bench/evaluator_overhead.py --data mma-bench --lmms-python LMMS_ENV/bin/python [--profile]
"""

import argparse
import cProfile
import json
import os
import pstats
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import scipy.stats  # noqa: F401  (imports are not measured)

from mma_bench.dataset.load import Sample, load
from mma_bench.evaluation import evaluate
from mma_bench.models import Answer, Model

ROOT = Path(__file__).parents[2]


class Instant(Model):
    """Always says `Dog`."""

    name = "instant"
    takes_media = False

    def fingerprint(self) -> dict[str, str]:
        return {"model": self.name}

    def answer(self, sample: Sample) -> list[Answer]:
        return [Answer(question.question_id, "Dog") for question in sample.questions]


def repeated(data: Path, folder: Path, questions: int) -> Path:
    """Write a dataset of at least so many ``questions``: the stimuli of ``data`` under new keys, without media."""
    table = pq.read_table(data / "metadata" / "stimuli.parquet")
    stimuli = table.to_pylist()
    rows: list[dict[str, object]] = []
    count, turn = 0, 0
    while count < questions:
        for stimulus in stimuli:
            key = f"{stimulus['key'][:80]}-{turn}"
            asked = [
                {**question, "question_id": f"{key}/{question['condition']}/{question['modality']}"}
                for question in stimulus["questions"]
            ]
            rows.append({**stimulus, "key": key, "questions": asked})
            count += len(asked)
        turn += 1
    (folder / "metadata").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), folder / "metadata" / "stimuli.parquet")
    return folder


def ours(data: Path, run: Path, *, profile: bool) -> tuple[int, float, float]:
    """Return questions, seconds and seconds of the processor."""
    profiler = cProfile.Profile()
    wall, used = time.monotonic(), time.process_time()
    if profile:
        scores = profiler.runcall(evaluate, Instant(), data, run=run, protocol="paper", progress=False)
    else:
        scores = evaluate(Instant(), data, run=run, protocol="paper", progress=False)
    seconds = time.monotonic() - wall, time.process_time() - used
    if profile:
        pstats.Stats(profiler).sort_stats("cumulative").print_stats(35)
    return len(scores.verdicts), *seconds


def theirs(python: str, data: Path, conditions: list[str], *, samples: bool) -> tuple[int, float, float]:
    """Return the same of lmms-eval; its tasks together ask all questions."""
    out = data.parent / f"lmms_eval_{samples}.json"
    command = [python, str(ROOT / "scripts" / "bench" / "lmms_eval_stub.py"), "--out", str(out), "--tasks"]
    command += [f"mma_bench_{condition}" for condition in conditions] + ([] if samples else ["--no-samples"])
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "HF_HOME": str(data.parent / "hf")}
    ended = subprocess.run(command, cwd=data.parent, env=environment, check=False, text=True, capture_output=True)
    if ended.returncode:
        sys.exit(ended.stdout + ended.stderr)
    result = json.loads(out.read_text())
    return sum(result["questions"].values()), result["seconds"]["wall"], result["seconds"]["processor"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("mma-bench"))
    parser.add_argument("--questions", type=int, default=10_000)
    parser.add_argument("--lmms-python", help="python of an environment with lmms-eval")
    parser.add_argument("--repeat", type=int, default=3, help="the fastest of so many runs counts")
    parser.add_argument("--profile", action="store_true", help="show where our own time goes")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        data = repeated(arguments.data, Path(name) / "mma-bench", arguments.questions)
        conditions = sorted({row.condition for row in load(data)})
        print(f"load {os.getloadavg()[0]:.1f}; milliseconds a question, {arguments.repeat} runs, the fastest counts")
        if arguments.profile:
            ours(data, Path(name) / "profiled", profile=True)
        mine = [ours(data, Path(name) / f"run{turn}", profile=False) for turn in range(arguments.repeat)]
        best = show("mma-bench", mine)
        if arguments.lmms_python:
            for samples in (True, False):
                found = [
                    theirs(arguments.lmms_python, data, conditions, samples=samples) for _ in range(arguments.repeat)
                ]
                other = show(f"lmms-eval{'' if samples else ', no samples kept'}", found)
                print(f"  times ours: {other[0] / best[0]:.1f} wall, {other[1] / best[1]:.1f} processor")


def show(name: str, runs: list[tuple[int, float, float]]) -> tuple[float, float]:
    """Print and return milliseconds a question, wall and processor."""
    wall, used = (1000 * min(run[place] / run[0] for run in runs) for place in (1, 2))
    print(f"{name:<28} {runs[0][0]:>6} questions  {wall:7.3f} wall  {used:7.3f} processor", flush=True)
    return wall, used


if __name__ == "__main__":
    main()
