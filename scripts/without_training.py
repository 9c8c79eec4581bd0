"""What can be done without training: a model and its wrappers on the same questions, as one table.

    python scripts/without_training.py --model transformers:FOLDER --data mma-bench --out wrappers \\
      --model-option fps=4 --limit 64

Writes OUT/table.md and OUT/table.json. Accuracy of the model, and for each wrapper the paired difference to it with its
95% interval; tokens that were read, and time. The model is loaded once. Runs again where it was stopped, and with a
larger --limit asks only what is new.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mma_bench import MMABenchError, evaluate
from mma_bench.console.group import named_options
from mma_bench.evaluation.comparison import Difference, compare
from mma_bench.evaluation.statistics import Estimate
from mma_bench.evaluation.store import AnswerStore
from mma_bench.evaluation.usage import Usage, read_usage
from mma_bench.files.atomic import write_json, write_text
from mma_bench.models import load, model_class
from mma_bench.models.omni.encoder_cache import EncoderCache
from mma_bench.models.omni.model import TransformersOmni
from mma_bench.models.wrappers import WRAPPERS, split_options

ORDER = ("prompt", "solo", "contrast", "adaptive")
CONDITIONS = ("aligned", "misaligned", "misleading_caption")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument(
        "--model-option", action="append", default=[], metavar="NAME=VALUE", help="also of wrappers: contrast.beta=0"
    )
    parser.add_argument("--data", default="mma-bench")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--wrapper", action="append", choices=sorted(WRAPPERS), help="default: all that fit")
    parser.add_argument("--condition", action="append", help=f"default: {', '.join(CONDITIONS)}")
    parser.add_argument("--protocol", default="paper")
    parser.add_argument("--limit", type=int, help="stimuli per media condition")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    given = parser.parse_args()
    for name in ("limit", "threads"):
        if getattr(given, name) is not None and getattr(given, name) < 1:
            raise MMABenchError(f"--{name} {getattr(given, name)}: it must be at least 1")
    return given


def main() -> None:
    given = arguments()
    import torch

    torch.set_num_threads(given.threads)
    options = named_options(given.model_option)
    wrappers = given.wrapper or [name for name in ORDER if WRAPPERS.find(name).could_wrap(model_class(given.model))]
    own, plain = {}, options
    for name in WRAPPERS:
        own[name], plain = split_options(name, plain)
    model = load(given.model, plain)
    models = {"": model} | {name: WRAPPERS.find(name).wrap(model, own[name]) for name in wrappers}
    rows: list[dict[str, Any]] = []
    for name, asked in models.items():
        folder = given.out / (name or "bare")
        if isinstance(model, TransformersOmni):  # each pays for its own encoding, as if it were run alone
            model.engine.videos, model.engine.sounds = EncoderCache(2**30), EncoderCache(2**30)
        evaluate(
            asked,
            given.data,
            run=folder,
            condition=given.condition or CONDITIONS,
            limit=given.limit,
            protocol=given.protocol,
            probe=False,
        )
        differences = compare(given.out / "bare", folder).differences
        usage = read_usage(folder, AnswerStore(folder).read().values())
        rows.append({"wrapper": name, "differences": differences, "usage": usage})
        write_text(given.out / "table.md", table(rows))
    plain_rows = [
        {**row, "differences": [asdict(each) for each in row["differences"]], "usage": row["usage"].to_json()}
        for row in rows
    ]
    write_json(given.out / "table.json", json.loads(json.dumps(plain_rows)))
    print(table(rows))


def table(rows: list[dict[str, Any]]) -> str:
    """Return the table as Markdown: a line per condition and modality, a column per wrapper."""
    names = [f"+{row['wrapper']}" if row["wrapper"] else "bare" for row in rows]
    lines = [f"| condition, question | n | {' | '.join(names)} |", f"|---|---|{'---|' * len(rows)}"]
    for place, first in enumerate(rows[0]["differences"]):
        cells = [_cell(row["differences"][place], bare=not row["wrapper"]) for row in rows]
        lines.append(f"| {first.condition}, {first.modality} | {first.pairs} | {' | '.join(cells)} |")
    usages: list[Usage] = [row["usage"] for row in rows]
    lines.append(f"| tokens read per answer | | {' | '.join(_per_answer(u.input_tokens, u, 0) for u in usages)} |")
    lines.append(f"| seconds per answer | | {' | '.join(_per_answer(u.seconds, u, 3) for u in usages)} |")
    return "\n".join(lines) + "\n"


def _cell(difference: Difference, *, bare: bool) -> str:
    if bare:
        return _percent(difference.first)
    mark = "*" if difference.significant else ""
    change = difference.difference
    return f"{change.value * 100:+.0f} [{(change.low or 0) * 100:+.0f}, {(change.high or 0) * 100:+.0f}]{mark}"


def _percent(estimate: Estimate) -> str:
    return f"{estimate.value * 100:.0f} [{(estimate.low or 0) * 100:.0f}, {(estimate.high or 0) * 100:.0f}]"


def _per_answer(total: float | None, usage: Usage, digits: int) -> str:
    return "" if total is None else f"{total / usage.answers:.{digits}f}"


if __name__ == "__main__":
    try:
        main()
    except (MMABenchError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
