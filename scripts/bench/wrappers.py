"""The wrappers +contrast and +adaptive, against the model alone and against separate runs of their branches.

    python scripts/bench/wrappers.py                              # a few layers, on the CPU
    python scripts/bench/wrappers.py --device cuda --config 7b    # Qwen2.5-Omni-7B's measures, bf16

Two questions about one stimulus of 10 s, one about each modality. Weights are random: speed does not depend on their
values. Every answer has the same number of tokens, so that all sides do the same work per branch. Separate runs encode
the streams again for each branch, as evaluations of the same model under other conditions do; the wrappers encode each
once. Both ways give the same logits. All sides take turns; the ratio is that of processor time on a CPU.
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mma_bench.models.omni import Asked, AudioStream, EncodeOnce, Settings, VideoStream
from mma_bench.models.omni.branches import Branch, Branches, Mixture
from mma_bench.models.omni.random_weights import random_thinker
from mma_bench.models.wrappers.adaptive import QUERY, WORDS
from scripts.bench.encode_once import ARCHITECTURE, SIZES, describe
from scripts.bench.result import Result, save
from scripts.bench.turns import Side, alternate

CONTRAST = (Mixture({Branch.BOTH: 2.0, Branch.AUDIO: -1.0}), Mixture({Branch.BOTH: 2.0, Branch.VIDEO: -1.0}))
ADAPTIVE = (Mixture(dict.fromkeys(Branch, 1.0)),) * 2


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", choices=SIZES, default="small")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--question-tokens", type=int, default=80, help="a prompt with 19 options has about this many")
    parser.add_argument("--new-tokens", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--budget", type=float, help="seconds after which no further turn begins; at least 3 turns")
    parser.add_argument("--row", type=Path, help="file for the rows of the table of scripts/bench/run.sh")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    side = 504 if given.config == "7b" else 168
    dtype = torch.float32 if given.device == "cpu" else torch.bfloat16
    thinker, tokenizer, extractor = random_thinker(ARCHITECTURE, SIZES[given.config], dtype=dtype, device=given.device)
    settings = Settings(score_options=False, max_new_tokens=given.new_tokens)
    frame_format = thinker.frame_format({}, side * side, side * side)
    generator = np.random.default_rng(0)
    frames = generator.integers(0, 256, (int(given.seconds * settings.fps), side, side, 3), dtype=np.uint8)
    samples = generator.normal(0, 0.1, int(given.seconds * 16_000)).astype(np.float32)
    video, audio = VideoStream("video", lambda _: frames), AudioStream("sound", lambda: samples)
    asked = [Asked(f"{number}".ljust(given.question_tokens, "?")) for number in range(2)]

    def branches() -> Branches:
        engine = EncodeOnce(thinker, tokenizer, extractor, frame_format, settings)
        engine.answering.stop_ids = []
        return Branches(engine, video, audio)

    def run(questions: list[Asked], branch: Branch) -> None:
        branches().answer(questions, [Mixture({branch: 1.0})] * len(questions))

    def weigh(of: Branches) -> None:
        of.weigh([QUERY.format(question=question.prompt) for question in asked], WORDS)

    def adaptive() -> None:
        of = branches()
        weigh(of)
        of.answer(asked, ADAPTIVE)

    def separate_contrast() -> None:
        run(asked, Branch.BOTH)
        run(asked[:1], Branch.AUDIO)
        run(asked[1:], Branch.VIDEO)

    def separate_adaptive() -> None:
        weigh(branches())
        for branch in Branch:
            run(asked, branch)

    sides = (
        Side("bare", lambda: run(asked, Branch.BOTH)),
        Side("contrast", lambda: branches().answer(asked, CONTRAST)),
        Side("separate contrast", separate_contrast),
        Side("adaptive", adaptive),
        Side("separate adaptive", separate_adaptive),
    )
    ways = alternate(sides, given.repeats, budget=given.budget, device=given.device)
    describe(given, thinker.model)
    by_clock = given.device.startswith("cuda")
    rows = []
    for name in ("contrast", "adaptive"):
        rows.append(Result.of("wrappers", ways, ours=name, peer=f"separate {name}", by_clock=by_clock))
        rows.append(Result.of("wrappers", ways, ours="bare", peer=name, by_clock=by_clock))
    save(given.row, rows)


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main()
