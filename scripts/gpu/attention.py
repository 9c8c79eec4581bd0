"""Attention kernels: time of one stimulus, and how far its answers' likelihoods are from those of sdpa.

python scripts/gpu/attention.py --device cuda
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mma_bench.models.omni import Asked, AudioStream, EncodeOnce, Settings, VideoStream
from mma_bench.models.omni.random_weights import QWEN25_OMNI_7B, Size, random_thinker
from scripts.bench.figures import Figures

KERNELS = ("sdpa", "eager", "flash_attention_2", "flash_attention_3")
OPTIONS = ["Bird", "Dog", "Rain"]
REPEATS = 5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path, help="file for the figures")
    given = parser.parse_args()
    figures = Figures(given.json)
    on_gpu = given.device.startswith("cuda")
    size, side, dtype = (QWEN25_OMNI_7B, 504, torch.bfloat16) if on_gpu else (Size(), 56, torch.float32)
    thinker, tokenizer, extractor = random_thinker(
        "Qwen2_5OmniThinkerForConditionalGeneration", size, dtype=dtype, device=given.device
    )
    generator = np.random.default_rng(0)
    frames = generator.integers(0, 256, (20, side, side, 3), dtype=np.uint8)
    samples = generator.normal(0, 0.1, 160_000).astype(np.float32)
    frame_format = thinker.frame_format({}, side * side, side * side)
    engine_parts = thinker, tokenizer, extractor, frame_format, Settings(max_new_tokens=1)

    def ask() -> dict[str, float]:
        video, audio = VideoStream("video", lambda _: frames), AudioStream("audio", lambda: samples)
        (reply,) = EncodeOnce(*engine_parts).answer(video, audio, [Asked("What is heard?", OPTIONS)])
        return dict(reply.option_scores)

    reference: dict[str, float] | None = None
    for kernel in KERNELS:
        try:
            thinker.model.set_attn_implementation(kernel)
            scores = ask()  # also warms up
        except (ImportError, ValueError, RuntimeError) as error:  # absent, or this card does not run it
            figures.add(kernel=kernel, result=f"not available ({type(error).__name__})")
            torch.cuda.empty_cache()
            continue
        reference = reference or scores
        times = [timed(ask, on_gpu) for _ in range(REPEATS)]
        figures.add(
            kernel=kernel,
            result="ran",
            seconds_per_stimulus=statistics.median(times),
            spread_seconds=max(times) - min(times),
            largest_gap_nats=max(abs(scores[name] - reference[name]) for name in OPTIONS),
        )
    return 0


def timed(work: Callable[[], object], on_gpu: bool) -> float:
    start = time.perf_counter()
    work()
    if on_gpu:
        torch.cuda.synchronize()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
