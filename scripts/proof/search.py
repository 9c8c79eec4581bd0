"""Random search of the terms' settings on held-out training clips: rank, eps, alpha and the weight of consistency.

    python scripts/proof/search.py --base B0 --data mma-bench --out search                 # 12 trials on the tiny model
    python scripts/proof/search.py --base smol-omni/base --data mma-bench --out search --config scripts/proof/smol.yaml

Trial 0 has the settings of ablation.py; the others are drawn with the seed (random search: Bergstra and Bengio 2012).
Each tunes with all terms and is scored at its end on training clips that no trial trains on (a fifth of them is kept
apart), with conflicts drawn on the fly. The winner's score is the best of many, so it is too high: measure the winner
on test clips, which this script never reads. The budget is the number of trials and their steps. An
interrupted command resumes. It writes `table.md` and `results.json`, best first.
"""

import argparse
import json
import math
import random
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from ablation import ADVERSARIAL, CONFLICTS, CONSISTENCY, lines_of

from mma_bench import MMABenchError
from mma_bench.files.atomic import write_json, write_text
from mma_bench.tuning import read_settings, tune

DEFAULT: dict[str, float] = {"rank": 16, "eps": 0.05, "alpha": 30.0, "lambda": 2.0}
"""What ablation.py tunes with."""

RANKS = (4, 8, 16, 32)
RANGES = {"eps": (0.01, 0.3), "alpha": (3.0, 300.0), "lambda": (0.1, 10.0)}
"""Drawn evenly on a logarithmic scale."""

CLIPS = 48
CONDITIONS = ["aligned", "misaligned", "audio_removed", "frames_zeroed", "misleading_caption"]
HELD_OUT = {"share": 0.2, "clips": CLIPS, "conditions": CONDITIONS}
CLASHES = ("misaligned/visual", "misaligned/audio")


def drawn(trial: int, seed: int) -> dict[str, float]:
    """Return the settings of a trial."""
    if trial == 0:
        return dict(DEFAULT)
    generator = random.Random(f"{seed}/{trial}")
    found: dict[str, float] = {"rank": generator.choice(RANKS)}
    for name, (low, high) in RANGES.items():
        found[name] = float(f"{math.exp(generator.uniform(math.log(low), math.log(high))):.2g}")
    return found


def run_trial(given: argparse.Namespace, trial: int) -> dict[str, Any]:
    """Tune with all terms, and return the settings with the last scores on the held-out clips."""
    chosen = drawn(trial, given.seed)
    steps = given.steps or read_settings(given.config).train.steps
    terms = {
        "consistency": CONSISTENCY | {"weight": chosen["lambda"]},
        "adversarial": ADVERSARIAL | {"eps": chosen["eps"], "alpha": chosen["alpha"]},
    }
    overrides = {
        "model.checkpoint": str(given.base),
        "data.path": given.data,
        "data.config": given.train_config,
        "data.mix": [{"clips": CONFLICTS}],
        "objective": terms,
        "lora.rank": chosen["rank"],
        "lora.alpha": 2 * chosen["rank"],
        "train.seed": given.seed,
        "train.steps": steps,
        "held_out": HELD_OUT | {"every": steps},
    }
    settings = read_settings(given.config, [f"{name}={json.dumps(value)}" for name, value in overrides.items()])
    start = time.monotonic()
    folder = given.out / f"trial{trial}"
    tune(settings, folder, progress=False)
    print(f"trial {trial}: {time.monotonic() - start:.0f} s", flush=True)
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text("utf-8").splitlines()]
    scores = [line for line in lines if "held out/accuracy" in line][-1]
    return {"trial": trial, **chosen, "scores": scores}


def shown(scores: Mapping[str, Any], name: str) -> str:
    """Return an accuracy with its interval over clips, in percent."""
    low, high = scores["intervals"][name]
    return f"{100 * scores[name]:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def table(trials: Sequence[Mapping[str, Any]]) -> str:
    """Return the trials, best first: by accuracy, and by loss where that is equal."""
    counts = {trial["scores"]["questions"] for trial in trials}
    head = ["trial", *DEFAULT, f"held out, % of {max(counts)} questions", "loss", *CLASHES]
    rows = [
        [
            "as in ablation.py" if trial["trial"] == 0 else str(trial["trial"]),
            *(f"{trial[name]:g}" for name in DEFAULT),
            shown(trial["scores"], "held out/accuracy"),
            f"{trial['scores']['held out/loss']:.3f}",
            *(shown(trial["scores"], f"held out/{name}") for name in CLASHES),
        ]
        for trial in trials
    ]
    return lines_of(head, rows)


def main() -> None:
    """Run all trials, and write after each what is known."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True, help="folder of the base checkpoint")
    parser.add_argument("--data", required=True, help="folder of the dataset; only its training clips are read")
    parser.add_argument("--train-config", default="train", help="configuration to train on")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--steps", type=int, help="default: as in the configuration")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--config", type=Path, default=Path(__file__).with_name("ablation.yaml"))
    given = parser.parse_args()
    if given.trials < 1:
        raise MMABenchError(f"--trials {given.trials}: it must be at least 1")
    torch.set_num_threads(given.threads)
    given.out.mkdir(parents=True, exist_ok=True)
    found: list[dict[str, Any]] = []
    for trial in range(given.trials):
        found.append(run_trial(given, trial))
        found.sort(key=lambda one: (-one["scores"]["held out/accuracy"], one["scores"]["held out/loss"]))
        write_json(given.out / "results.json", found)
        write_text(given.out / "table.md", table(found))
    print((given.out / "table.md").read_text("utf-8"))


if __name__ == "__main__":
    try:
        main()
    except MMABenchError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
