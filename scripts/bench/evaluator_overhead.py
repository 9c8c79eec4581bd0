"""What an evaluation costs besides the model: our evaluator against lmms-eval, both with a model that answers at once.

Both are asked the same 10,000 questions: those of a real dataset, repeated under new keys, stored as a dataset stores
them. Neither model looks at media. They take turns. Timed is the evaluation alone, from the stored questions to scores
and kept answers, after all imports.

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
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import scipy.stats  # noqa: F401  (imports are not measured)

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from mma_bench.dataset.load import Sample, load  # noqa: E402
from mma_bench.evaluation import evaluate  # noqa: E402
from mma_bench.models import Answer, Model  # noqa: E402
from scripts.bench.result import Result, add_arguments, save  # noqa: E402
from scripts.bench.turns import Side, Times, alternate  # noqa: E402


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
    asked_for, turn = 0, 0
    while asked_for < questions:
        for stimulus in stimuli:
            key = f"{stimulus['key'][:80]}-{turn}"
            asked = [
                {**question, "question_id": f"{key}/{question['condition']}/{question['modality']}"}
                for question in stimulus["questions"]
            ]
            rows.append({**stimulus, "key": key, "questions": asked})
            asked_for += len(asked)
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
    parser.add_argument("--profile", action="store_true", help="show where our own time goes")
    add_arguments(parser, turns=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        data = repeated(arguments.data, Path(name) / "mma-bench", arguments.questions)
        conditions = sorted({row.condition for row in load(data)})
        if arguments.profile:
            ours(data, Path(name) / "profiled", profile=True)
        runs = (Path(name) / f"run{turn}" for turn in count())
        python = arguments.lmms_python
        ways: dict[str, Callable[[], tuple[int, float, float]]] = {
            "mma-bench": lambda: ours(data, next(runs), profile=False),
        }
        if python:
            ways["lmms-eval"] = lambda: theirs(python, data, conditions, samples=True)
            ways["lmms-eval, no samples kept"] = lambda: theirs(python, data, conditions, samples=False)
        found: dict[str, list[tuple[int, float, float]]] = {way: [] for way in ways}
        sides = [Side(way, lambda way=way, work=work: found[way].append(work())) for way, work in ways.items()]
        alternate(sides, arguments.turns, warm_up=0, budget=arguments.budget)
    # Per question, because protocol `paper` leaves some questions out; without starting a process and its imports.
    times = {
        way: Times([wall / asked for asked, wall, _ in turns], [used / asked for asked, _, used in turns])
        for way, turns in found.items()
    }
    for way, turns in times.items():
        print(f"{way:<28} {1000 * turns.seconds:7.3f} ms wall  {1000 * turns.processor_seconds:7.3f} ms processor")
    rows = [Result.of("evaluator_overhead", times, ours="mma-bench", peer=way) for way in [*ways][1:]]
    each = [1000 * used for used in times["mma-bench"].processor]
    save(arguments.json, rows or [Result.value("evaluator_overhead", "ms per question", each, "processor")])


if __name__ == "__main__":
    main()
