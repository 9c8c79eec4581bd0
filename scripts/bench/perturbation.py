"""Which perturbations of the adversarial term are felt: share of embeddings that change, and what it does to the loss.

    python scripts/bench/perturbation.py                                              # arithmetic alone, seconds
    python scripts/bench/perturbation.py --checkpoint CHECKPOINT --data mma-bench     # a model, on its own clips

Without a checkpoint, normal numbers of several spreads get a uniform random start, and the table gives how many of them
change in bfloat16. With one (a folder or a name on the hub), the questions of `--samples` clips are asked
in both types of numbers, and the table has the spread of each modality's embeddings, how many of them change, and how
much the supervised loss rises under the worst change that the term finds (T = 1), against what a random one does.
"""

import argparse
import itertools
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mma_bench.models.omni.conversation import Kind
from mma_bench.tuning.answers import answer_logits
from mma_bench.tuning.mix import Mixture
from mma_bench.tuning.model import load_for_tuning
from mma_bench.tuning.objective import cross_entropy, irrelevant, perturbation, spread
from mma_bench.tuning.settings import AdversarialSettings, TuneSettings
from scripts.bench.result import Result, save

SPREADS = (0.02, 0.1, 0.5, 1.0, 3.0)
CHOICES = {
    "absolute, eps 0.001 (published)": AdversarialSettings(scale="absolute", eps=1e-3, alpha=0.0125),
    "absolute, eps 0.03": AdversarialSettings(scale="absolute", eps=0.03, alpha=3.125),
    "spread, eps 0.01": AdversarialSettings(scale="spread", eps=0.01),
    "spread, eps 0.05 (default)": AdversarialSettings(scale="spread", eps=0.05),
    "spread, eps 0.2": AdversarialSettings(scale="spread", eps=0.2),
}
KINDS = (Kind.VIDEO, Kind.AUDIO, Kind.TEXT)


def arithmetic() -> list[Result]:
    """Print the share of normal numbers that a random start changes in bfloat16; return it by choice."""
    results = []
    print(f"| eps | {' | '.join(f'spread {scale:g}' for scale in SPREADS)} |")
    print("|---|" + "---|" * len(SPREADS))
    generator = torch.Generator().manual_seed(0)
    for name, settings in CHOICES.items():
        shares = []
        for scale in SPREADS:
            clean = (torch.randn(200_000, generator=generator) * scale).bfloat16()
            eps = settings.eps * (scale if settings.scale == "spread" else 1.0)
            delta = torch.empty_like(clean, dtype=torch.float32).uniform_(-eps, eps, generator=generator)
            shares.append(((clean + delta).bfloat16() != clean).float().mean().item())
        print(f"| {name} | {' | '.join(f'{100 * share:.0f} %' for share in shares)} |")
        spreads = f"spreads {SPREADS[0]:g} to {SPREADS[-1]:g} instead of turns"
        results.append(Result.value("perturbation", f"share of numbers changed, {name}", shares, "count", spreads))
    return results


def on_model(checkpoint: str, data: str, config: str, samples: int, size: int | None, dtype: str) -> None:
    """Print what each choice does to a model in one type of numbers."""
    settings = TuneSettings.model_validate(
        {
            "model": {"checkpoint": checkpoint, "dtype": dtype, "max_pixels": size and size**2, "min_pixels": 1},
            "data": {"path": data, "config": config, "mix": [{"clips": {"aligned": 1, "misaligned": 1}}]},
            "lora": {"dropout": 0.0},
            "train": {"steps": 1, "gradient_checkpointing": False},
        }
    )
    model = load_for_tuning(settings)
    mixture = Mixture(settings, model.prepare)
    steps = itertools.islice(itertools.count(), -(-samples // 4))
    batches = [mixture.step(step) for step in steps]
    for name, chosen in CHOICES.items():
        felt: dict[Kind, list[float]] = {kind: [] for kind in KINDS}
        spreads: dict[Kind, list[float]] = {kind: [] for kind in KINDS}
        rises: dict[bool, list[float]] = {True: [], False: []}
        for number, batch in enumerate(batches):
            inputs = model.encoder(batch)
            mask = irrelevant(inputs.kinds, [example.asked for example in batch])
            unit = spread(inputs.embeddings, inputs.kinds)

            def loss(embeddings: torch.Tensor, inputs=inputs) -> torch.Tensor:  # type: ignore[no-untyped-def]
                return cross_entropy(answer_logits(model.thinker, inputs.with_embeddings(embeddings))).sum()

            for searched in (True, False):
                how = chosen if searched else chosen.changed(alpha=1e-12)
                delta = perturbation(
                    loss,
                    inputs.embeddings,
                    mask,
                    how,
                    seeds=[f"{number}/{row}" for row in range(len(batch))],
                    unit=unit if how.scale == "spread" else 1.0,
                )
                clean = inputs.embeddings
                moved = (clean + delta).to(clean.dtype)
                with torch.no_grad():
                    rises[searched].append(float(loss(moved) - loss(clean)) / len(batch))
            for kind in KINDS:
                of_kind = mask & (inputs.kinds == kind)
                felt[kind].append(float((moved != clean)[of_kind].float().mean()))
                spreads[kind].append(float(unit[inputs.kinds == kind].mean()))
        columns = [f"{100 * sum(felt[kind]) / len(batches):.0f} %" for kind in KINDS]
        columns += [f"{sum(rises[searched]) / len(batches):+.4f}" for searched in (False, True)]
        print(f"| {dtype} | {name} | {' | '.join(columns)} |", flush=True)
    means = ", ".join(f"{kind.name.lower()} {sum(spreads[kind]) / len(batches):.3g}" for kind in KINDS)
    print(f"Spread of the embeddings: {means}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", help="folder, name on the hub, or random:ARCHITECTURE")
    parser.add_argument("--data", default="mma-bench")
    parser.add_argument("--config", default="train")
    parser.add_argument("--samples", type=int, default=32)
    parser.add_argument("--size", type=int, help="height and width that bound the frames, pixels")
    parser.add_argument("--json", type=Path, help="file for the rows of the table, without a checkpoint")
    given = parser.parse_args()
    if not given.checkpoint:
        save(given.json, arithmetic())
        return
    print("| numbers | eps | video changed | audio changed | text changed | loss, random start | loss, worst found |")
    print("|---|---|---|---|---|---|---|")
    for dtype in ("float32", "bfloat16"):
        on_model(given.checkpoint, given.data, given.config, given.samples, given.size, dtype)


if __name__ == "__main__":
    main()
