"""The proof: does the recipe mend the bias, and which part of it? Tune, merge, evaluate on unseen clips, compare.

    python scripts/proof/ablation.py --base B0 --base B1 --base B2 --data mma-bench --out proof    # all kinds, 3 seeds
    python scripts/proof/ablation.py --base B0 --data mma-bench --out proof --seeds 1 --steps 100 --limit 50
    python scripts/proof/ablation.py --config scripts/proof/smol.yaml --base smol-omni/base --data mma-bench --out proof

B0, B1, B2 are checkpoints of the tiny model, trained on procedural clips, and each seed tunes the next one; the data
has a `train` configuration and test clips of other seeds. Interrupted commands resume, and more seeds or kinds are
added by the same command. It writes `table.md` (what is right, and the differences from the base and from alignment
alone, paired by seed), `ablation.png`, `results.json`.
"""

import argparse
import ast
import json
import math
import multiprocessing
import statistics
import sys
import sysconfig
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import torch
from scipy.stats import t

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from builder.processes import die_with_parent
from mma_bench import MMABenchError, evaluate
from mma_bench.evaluation.scores import Cell
from mma_bench.files.atomic import atomic_path, write_json, write_text
from mma_bench.files.hashing import sha256_file
from mma_bench.schema import Modality
from mma_bench.tuning import merge, read_settings, tune

LYING = {"aligned": 1, "misaligned": 4, "audio_removed": 1, "frames_zeroed": 1, "misleading_caption": 1}
CONFLICTS = LYING | {"misaligned": 3, "true_caption": 1}
CONSISTENCY = {"weight": 2.0, "divergence": "js"}
ADVERSARIAL = {"weight": 1.0, "eps": 0.05, "alpha": 30.0, "steps": 1}
KINDS: dict[str, tuple[dict[str, int], dict[str, Any]]] = {
    "aligned clips alone": ({"aligned": 8}, {}),
    "captions that lie alone": (LYING, {}),
    "alignment": (CONFLICTS, {}),
    "+ consistency": (CONFLICTS, {"consistency": CONSISTENCY}),
    "+ adversarial": (CONFLICTS, {"adversarial": ADVERSARIAL}),
    "all": (CONFLICTS, {"consistency": CONSISTENCY, "adversarial": ADVERSARIAL}),
    "all later": (CONFLICTS, {"consistency": CONSISTENCY, "adversarial": ADVERSARIAL}),
    "+ preference": (CONFLICTS, {"preference": {"weight": 1.0, "beta": 0.1}}),
    "+ language": (CONFLICTS, {"language": {"weight": 1.0, "passages": 4, "tokens": 128}}),
}
"""What is tuned: clips a step of each condition, and the terms besides the supervised one."""

LATER = "all later"
"""Its terms begin after two thirds of the steps: the first two thirds are those of alignment."""

INSTRUCTED = "instruction"
"""The baseline without training: the base as `MODEL+prompt`, see `mma_bench/models/wrappers/prompt.py`."""

PROSE = "prose.txt"
"""What the language term reads: module docstrings of Python's library. `language.py` measures with another text."""

ALONE = {Modality.VISUAL: "audio_removed", Modality.AUDIO: "frames_zeroed"}
"""The condition with one modality alone: the ceiling of its accuracy under conflict."""

BEFORE, ALIGNMENT = "before", "alignment"
Results = dict[str, dict[int, list[Cell]]]
"""Cells of each run of each kind, by its seed; of what is not tuned, by the number of its base."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--base", type=Path, required=True, action="append", help="folder of a base checkpoint; repeat it for more"
    )
    parser.add_argument("--data", required=True, help="folder of the dataset")
    parser.add_argument("--train-config", default="train", help="configuration to train on")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, each on one core")
    parser.add_argument("--steps", type=int, help="default: as in ablation.yaml")
    parser.add_argument("--limit", type=int, help="test stimuli of each condition")
    parser.add_argument(
        "--kind", action="append", choices=[INSTRUCTED, *KINDS], help="only this one; may be repeated; default: all"
    )
    parser.add_argument(
        "--config", type=Path, default=Path(__file__).with_name("ablation.yaml"), help="settings that all runs share"
    )
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of each run")
    return parser.parse_args()


def run_one(given: argparse.Namespace, kind: str, seed: int) -> list[Cell]:
    """Tune, merge and evaluate; or, for `BEFORE`, evaluate the base of that number."""
    torch.set_num_threads(given.threads)
    base = given.base[seed % len(given.base)]
    if kind == BEFORE:
        return scores(given, base, given.out / f"before{seed}")
    if kind == INSTRUCTED:
        return scores(given, base, given.out / f"instruction{seed}", wrapper="+prompt")
    mix, objective = KINDS[kind]
    if "language" in objective:
        objective = {**objective, "language": {**objective["language"], "texts": str(given.out / PROSE)}}
    if kind == LATER:
        start = (given.steps or read_settings(given.config).train.steps) * 2 // 3
        objective = {name: {**term, "from_step": start} for name, term in objective.items()}
    folder = given.out / f"{kind.replace(' ', '-').replace('+', 'with')}-seed{seed}"
    steps = [f"train.steps={given.steps}"] if given.steps else []
    settings = read_settings(
        given.config,
        [
            f"model.checkpoint={base}",
            f"data.path={given.data}",
            f"data.config={given.train_config}",
            f"data.mix={json.dumps([{'clips': mix}])}",
            f"objective={json.dumps(objective)}",
            f"train.seed={seed}",
            *steps,
        ],
    )
    start = time.monotonic()
    tune(settings, folder, progress=False)
    if not (folder / "merged").exists():
        merge(folder / "adapter", folder / "merged")
    print(f"{kind}, seed {seed}: tuned in {time.monotonic() - start:.0f} s", flush=True)
    return scores(given, folder / "merged", folder / "run")


def scores(given: argparse.Namespace, checkpoint: Path, run: Path, wrapper: str = "") -> list[Cell]:
    shared = read_settings(given.config).model
    options = {name: str(getattr(shared, name)) for name in ("fps", "min_pixels", "max_pixels", "dtype")}
    options |= {"score_options": "false", "max_new_tokens": "16"}
    found = evaluate(
        f"transformers:{checkpoint}{wrapper}",
        given.data,
        run=run,
        options=options,
        limit=given.limit,
        protocol="paper",
        probe=False,
        progress=False,
    )
    return list(found.cells)


def interval(values: Sequence[float]) -> str:
    """Return mean and 95% t-interval over seeds, in percent; a single value as it is."""
    mean = 100 * statistics.mean(values)
    if len(values) < 2:
        return f"{mean:.1f}"
    half = 100 * float(t.ppf(0.975, len(values) - 1)) * statistics.stdev(values) / math.sqrt(len(values))
    return f"{mean:.1f} ± {half:.1f}"


def values_of(results: Results, kind: str, cell: Cell, field: str) -> dict[int, float]:
    """Return a number of each run of ``kind``, in the condition and modality of ``cell``."""
    return {
        seed: float(getattr(found, field))
        for seed, cells in results[kind].items()
        for found in cells
        if (found.condition, found.modality) == (cell.condition, cell.modality)
    }


def rows_of(results: Results) -> list[tuple[str, Cell, str]]:
    """Return name, cell and field of each row: accuracy, or abstention where the asked modality was removed."""
    found = []
    for cell in results[BEFORE][0]:
        name = "accuracy of this modality alone" if cell.condition == ALONE[cell.modality] else "accuracy"
        fields = {"accuracy": name} if cell.answerable else {"abstention_rate": "abstains"}
        if cell.condition == "misleading_caption":
            fields["distraction_rate"] = "follows the caption"
        found += [(f"{cell.condition}, {cell.modality}: {name}", cell, field) for field, name in fields.items()]
    return found


def lines_of(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(line)} |\n" for line in (head, ["---"] * len(head), *rows))


def table(results: Results) -> str:
    """Return what is right in each condition."""
    rows = [
        [name, *(interval(list(values_of(results, kind, cell, field).values())) for kind in results)]
        for name, cell, field in rows_of(results)
    ]
    return lines_of(["condition, question", *results], rows)


def differences(results: Results, reference: str, bases: int) -> str:
    """Return how much each kind differs from ``reference``, paired by seed: same base, data and order of samples."""
    kinds = [kind for kind in results if kind not in (BEFORE, reference)]
    numbers = bases if reference == BEFORE else max(results[reference]) + 1
    rows = []
    for name, cell, field in rows_of(results):
        partner = values_of(results, reference, cell, field)
        pairs = [
            [value - partner[seed % numbers] for seed, value in values_of(results, kind, cell, field).items()
             if seed % numbers in partner]
            for kind in kinds
        ]  # fmt: skip
        rows.append([name, *(interval(found) if found else "" for found in pairs)])
    return lines_of([f"minus {reference}", *kinds], rows) if kinds else ""


def plot(path: Path, results: Results) -> None:
    """Draw a panel for each question: means, seeds as dots, and accuracy from one modality alone as lines."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    panels = results[BEFORE][0]
    figure, axes = plt.subplots(2, -(-len(panels) // 2), figsize=(14, 6), sharex=True, sharey=True, squeeze=False)
    ceilings = {(cell.condition, cell.modality): cell for cell in panels}
    for axis, cell in zip(axes.T.flat, panels, strict=False):
        field = "accuracy" if cell.answerable else "abstention_rate"
        for number, kind in enumerate(results):
            values = [100 * value for value in values_of(results, kind, cell, field).values()]
            axis.bar(number, statistics.mean(values), color=f"C{number}")
            axis.plot([number] * len(values), values, "k.", markersize=4)
            if cell.condition == "misaligned" and (ceiling := ceilings.get((ALONE[cell.modality], cell.modality))):
                alone = 100 * statistics.mean(values_of(results, kind, ceiling, "accuracy").values())
                axis.plot([number - 0.45, number + 0.45], [alone, alone], "k--", linewidth=1.2)
        axis.set_title(f"{cell.condition}\n{cell.modality}: {field.removesuffix('_rate')}", fontsize=9)
        axis.set_xticks(range(len(results)), list(results), rotation=60, ha="right", fontsize=8)
        axis.set_ylim(0, 105)
    for axis in axes[:, 0]:
        axis.set_ylabel("%")
    figure.tight_layout()
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=90)
    plt.close(figure)


def write(given: argparse.Namespace, results: Results) -> None:
    """Write what is known so far."""
    cells = {
        kind: {str(seed): [vars(cell) for cell in run] for seed, run in runs.items()} for kind, runs in results.items()
    }
    write_json(given.out / "results.json", cells)
    counts = ", ".join(f"{len(runs)} of {kind}" for kind, runs in results.items())
    parts = [
        f"{given.steps or 'All'} steps; runs: {counts}. Mean and 95% t-interval over seeds, %.\n\n{table(results)}",
        *(f"Paired by seed, points.\n\n{found}" for name in (BEFORE, ALIGNMENT) if name in results
          and (found := differences(results, name, len(given.base)))),
    ]  # fmt: skip
    write_text(given.out / "table.md", "\n".join(parts))
    plot(given.out / "ablation.png", results)


def settings_of(given: argparse.Namespace) -> dict[str, Any]:
    """Return what the results of one folder must have in common."""
    bases = [str(base.resolve()) for base in given.base]
    data = str(Path(given.data).resolve())
    config = sha256_file(given.config)
    return {"bases": bases, "data": data, "train_config": given.train_config, "steps": given.steps,
            "limit": given.limit, "config": config}  # fmt: skip


def run_all(given: argparse.Namespace, runs: Sequence[tuple[str, int]]) -> None:
    """Run ``given.jobs`` at a time, and write after each what is known, with what earlier commands found here."""
    found = earlier(given)
    order = list(dict.fromkeys([BEFORE, *(kind for kind, _ in found), *(kind for kind, _ in runs)]))
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(given.jobs, mp_context=spawn, initializer=die_with_parent) as pool:
        futures = {pool.submit(run_one, given, *run): run for run in runs}
        for future in as_completed(futures):
            found[futures[future]] = future.result()
            results: Results = {kind: {} for kind in order}
            for kind, seed in sorted(found):
                results[kind][seed] = found[kind, seed]
            if 0 in results[BEFORE]:
                write(given, {kind: done for kind, done in results.items() if done})


def earlier(given: argparse.Namespace) -> dict[tuple[str, int], list[Cell]]:
    """Return the cells of the runs that earlier commands wrote to the folder; none if there are none.

    Raises:
        MMABenchError: they have other settings.
    """
    path, made = given.out / "results.json", given.out / "settings.json"
    wanted = settings_of(given)
    if not made.exists():
        write_json(made, wanted)  # results without it are of an earlier version, and are measured again
        return {}
    known = json.loads(made.read_text("utf-8"))
    if other := [name for name, value in wanted.items() if known.get(name) != value]:
        raise MMABenchError(
            f"{given.out} has results with other settings ({', '.join(other)}: {known.get(other[0])}, now "
            f"{wanted[other[0]]}); give another --out"
        )
    stored = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return {
        (kind, int(seed)): [Cell(**{**cell, "modality": Modality(cell["modality"])}) for cell in cells]
        for kind, runs in stored.items()
        for seed, cells in runs.items()
    }


def docstrings() -> str:
    """Return what the modules of Python's library say about themselves."""
    found = []
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        text = ast.get_docstring(ast.parse(path.read_bytes()))
        found += [text] if text else []
    return "\n\n".join(found)


def main() -> None:
    given = arguments()
    given.out.mkdir(parents=True, exist_ok=True)
    write_text(given.out / PROSE, docstrings())
    before = [(BEFORE, number) for number in range(min(len(given.base), given.seeds))]
    # One seed of everything before the next one, so that a command that is stopped leaves a comparison.
    # What is not tuned is the same for all seeds of a base.
    after = [
        (kind, seed)
        for seed in range(given.seeds)
        for kind in given.kind or [INSTRUCTED, *KINDS]
        if kind != INSTRUCTED or seed < len(given.base)
    ]
    run_all(given, [*before, *after])
    print((given.out / "table.md").read_text("utf-8"))


if __name__ == "__main__":
    try:
        main()
    except MMABenchError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
