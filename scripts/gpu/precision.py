"""A saved tiny checkpoint in bfloat16 and in float32: answers and likelihoods of options.

    python scripts/gpu/precision.py --device cuda

Random weights make the options nearly equal, the hardest case for rounding: a trained model's margins are larger.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Literal

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mma_bench.models.omni import Asked, AudioStream, Settings, VideoStream
from mma_bench.models.omni.answering import Reply
from mma_bench.models.omni.checkpoint import load_checkpoint
from mma_bench.models.omni.random_weights import Size, random_thinker
from mma_bench.models.omni.thinker import ARCHITECTURES
from scripts.bench.figures import Figures

OPTIONS = ["Accordion", "Bird", "Cat", "Dog", "Engine", "Fire", "Rain", "Violin"]
CLIPS = 6


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path, help="file for the figures")
    given = parser.parse_args()
    figures = Figures(given.json)
    for name in {family: name for name, family in ARCHITECTURES.items()}.values():
        with tempfile.TemporaryDirectory() as folder:
            thinker, tokenizer, extractor = random_thinker(name, Size(spread=0.1), texts=OPTIONS)
            for part in (thinker.model, tokenizer, extractor):
                part.save_pretrained(folder)
            reference = answers(folder, "cpu", "float32")
            for dtype in ("float32", "bfloat16"):
                found = answers(folder, given.device, dtype)
                figures.add(
                    family=name[:10],
                    device=given.device,
                    dtype=dtype,
                    against="cpu float32",
                    **agreement(reference, found),
                )
    return 0


def answers(folder: str, device: str, dtype: Literal["float32", "bfloat16"]) -> list[Reply]:
    """Return the replies to two questions about each of a few clips of noise."""
    settings = Settings(dtype=dtype, device_map=device, max_new_tokens=8, max_pixels=12544, min_pixels=1)
    engine, _ = load_checkpoint(folder, settings)
    found = []
    for clip in range(CLIPS):
        generator = np.random.default_rng(clip)
        frames = generator.integers(0, 256, (8, 112, 112, 3), dtype=np.uint8)
        samples = generator.normal(0, 0.1, 64_000).astype(np.float32)
        asked = [Asked(f"Which class best describes the {kind} content?", OPTIONS) for kind in ("visual", "audio")]
        found += engine.answer(
            VideoStream(f"video {clip}", lambda _, frames=frames: frames),
            AudioStream(f"audio {clip}", lambda samples=samples: samples),
            asked,
        )
    return found


def agreement(reference: list[Reply], found: list[Reply]) -> dict[str, float | int]:
    """Compare two lists of replies to the same questions."""
    gaps = [
        abs(one.option_scores[option] - other.option_scores[option])
        for one, other in zip(reference, found, strict=True)
        for option in OPTIONS
    ]
    likeliest = [max(reply.option_scores, key=lambda name: reply.option_scores[name]) for reply in (*reference, *found)]
    half = len(reference)
    return {
        "questions": half,
        "same_answer": sum(one.token_ids == other.token_ids for one, other in zip(reference, found, strict=True)),
        "same_first_token": sum(
            one.token_ids[:1] == other.token_ids[:1] for one, other in zip(reference, found, strict=True)
        ),
        "same_likeliest_option": sum(a == b for a, b in zip(likeliest[:half], likeliest[half:], strict=True)),
        "largest_gap_nats": max(gaps),
        "median_gap_nats": float(np.median(gaps)),
    }


if __name__ == "__main__":
    sys.exit(main())
