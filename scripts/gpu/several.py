"""Several stimuli at a time (`mma-bench eval --batch-stimuli`): questions per second, and whether answers stay equal.

python scripts/gpu/several.py --device cuda
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mma_bench.models.omni import Asked, AudioStream, EncodeOnce, Settings, VideoStream
from mma_bench.models.omni.random_weights import QWEN25_OMNI_7B, Size, random_thinker
from mma_bench.models.omni.several import Stimulus, answer_several
from scripts.bench.figures import Figures

STIMULI, QUESTIONS, NEW_TOKENS, REPEATS = 8, 2, 16, 3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path, help="file for the figures")
    given = parser.parse_args()
    figures = Figures(given.json)
    on_gpu = given.device.startswith("cuda")
    size, side, dtype = (QWEN25_OMNI_7B, 252, torch.bfloat16) if on_gpu else (Size(), 56, torch.float32)
    thinker, tokenizer, extractor = random_thinker(
        "Qwen2_5OmniThinkerForConditionalGeneration", size, dtype=dtype, device=given.device
    )
    parts = thinker, tokenizer, extractor, thinker.frame_format({}, side * side, side * side)
    settings = Settings(max_new_tokens=NEW_TOKENS, score_options=False)
    stimuli = [stimulus(number, side, 10 if on_gpu else 1) for number in range(STIMULI)]
    first: list[list[tuple[int, ...]]] | None = None
    for together in (1, 4, STIMULI):
        times, answers = [], []
        for _ in range(REPEATS):
            engine = EncodeOnce(*parts, settings)  # with empty caches
            engine.answering.stop_ids = []
            start = time.perf_counter()
            replies = [
                reply
                for at in range(0, STIMULI, together)
                for reply in answer_several(engine, stimuli[at : at + together])
            ]
            if on_gpu:
                torch.cuda.synchronize()
            times.append(time.perf_counter() - start)
            answers = [[tuple(reply.token_ids) for reply in one] for one in replies]
        first = first or answers
        same = sum(one == other for mine, theirs in zip(answers, first, strict=True)
                   for one, other in zip(mine, theirs, strict=True))  # fmt: skip
        figures.add(
            stimuli_at_a_time=together,
            questions_per_second=STIMULI * QUESTIONS / statistics.median(times),
            spread_seconds=max(times) - min(times),
            same_answers=f"{same} of {STIMULI * QUESTIONS}",
            peak_GiB=torch.cuda.max_memory_allocated() / 2**30 if on_gpu else None,
        )
    return 0


def stimulus(seed: int, side: int, seconds: int) -> Stimulus:
    """Return a stimulus of noise."""
    generator = np.random.default_rng(seed)
    frames = generator.integers(0, 256, (2 * seconds, side, side, 3), dtype=np.uint8)
    samples = generator.normal(0, 0.1, 16_000 * seconds).astype(np.float32)
    asked = [Asked(f"Question {number}".ljust(80, "?")) for number in range(QUESTIONS)]
    return Stimulus(VideoStream(f"v{seed}", lambda _: frames), AudioStream(f"a{seed}", lambda: samples), asked)


if __name__ == "__main__":
    sys.exit(main())
