"""Six questions about one stimulus: encoded once, against one `generate` a question, by turns in one process.

    python scripts/bench/encode_once.py                              # a few layers, on the CPU
    python scripts/bench/encode_once.py --device cuda --config 7b    # Qwen2.5-Omni-7B's measures, bf16

Weights are random: speed does not depend on their values. Both ways answer with the same number of tokens, from
the same 10 s of frames and sound, synthetic and made in memory: torch, transformers and pydantic are all that is
needed. The plain way gets its patches and its spectrum for nothing; ours makes them each time and starts with empty
caches. Both warm up, then take turns; medians count, and the middle half of the turns is shown. On a shared CPU the
processor times say more than the wall times. Options are not scored.
"""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mma_bench.models.omni import Asked, AudioStream, EncodeOnce, Settings, VideoStream
from mma_bench.models.omni.frames import to_patches
from mma_bench.models.omni.random_weights import QWEN25_OMNI_7B, SMALL, Size, random_thinker
from mma_bench.models.omni.sound import log_mel
from scripts.bench.figures import Figures
from scripts.bench.result import Result, save
from scripts.bench.turns import Side, Times, alternate, ratio

ARCHITECTURE = "Qwen2_5OmniThinkerForConditionalGeneration"
SIZES = {"tiny": Size(), "small": SMALL, "7b": QWEN25_OMNI_7B}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", choices=SIZES, default="small")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--side", type=int, help="of the frames, pixels; 504 for 7b, 168 for the others")
    parser.add_argument("--questions", type=int, default=6)
    parser.add_argument("--question-tokens", type=int, default=80, help="a prompt with 19 options has about so many")
    parser.add_argument("--new-tokens", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--budget", type=float, help="seconds after which no further turn begins; at least 3 turns")
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--row", type=Path, help="file for the row of the table of scripts/bench/run.sh")
    given = parser.parse_args()
    side = given.side or (504 if given.config == "7b" else 168)
    dtype = torch.float32 if given.device == "cpu" else torch.bfloat16
    thinker, tokenizer, extractor = random_thinker(ARCHITECTURE, SIZES[given.config], dtype=dtype, device=given.device)
    settings = Settings(score_options=False, max_new_tokens=given.new_tokens)
    frame_format = thinker.frame_format({}, side * side, side * side)
    generator = np.random.default_rng(0)
    frames = generator.integers(0, 256, (int(given.seconds * settings.fps), side, side, 3), dtype=np.uint8)
    samples = generator.normal(0, 0.1, int(given.seconds * 16_000)).astype(np.float32)
    video, audio = VideoStream("video", lambda _: frames), AudioStream("sound", lambda: samples)
    prompts = [f"{number}".ljust(given.question_tokens, "?") for number in range(given.questions)]

    def fresh() -> EncodeOnce:
        engine = EncodeOnce(thinker, tokenizer, extractor, frame_format, settings)
        engine.answering.stop_ids = []
        return engine

    def once() -> list[list[int]]:
        replies = fresh().answer(video, audio, [Asked(prompt) for prompt in prompts])
        return [list(reply.token_ids) for reply in replies]

    plain = plain_way(fresh(), frames, samples, prompts, given.new_tokens)
    expected, found = plain(), once()  # also warms up
    sides = (Side("plain", plain), Side("encode once", once))
    ways = alternate(sides, given.repeats, warm_up=0, budget=given.budget, device=given.device)
    describe(given, thinker.model)
    report(given, ways, sum(one == other for one, other in zip(expected, found, strict=True)))


def plain_way(
    engine: EncodeOnce, frames: np.ndarray, samples: np.ndarray, prompts: list[str], new_tokens: int
) -> Callable[[], list[list[int]]]:
    """Return transformers' own generation, one call a question."""
    thinker, device = engine.thinker, engine.thinker.device
    patches = to_patches(frames, engine.frame_format)
    spectrum = log_mel(samples, engine.extractor, silence_follows=thinker.silence_follows_sound)
    order = thinker.order(patches.grid, engine.seconds_per_grid, len(thinker.encode_audio(spectrum).tokens))
    prefix = engine.chat.media_prefix(order, video=True, audio=True)
    print(f"prefix {len(prefix)} tokens: {int(order.sum())} of the video, {int((~order).sum())} of the sound")
    media = {
        "pixel_values_videos": patches.pixels.to(device),
        "video_grid_thw": torch.tensor([patches.grid], device=device),
        "video_second_per_grid": torch.tensor([engine.seconds_per_grid], device=device),
        "input_features": spectrum[None].to(device, thinker.model.dtype),
        "feature_attention_mask": torch.ones(1, spectrum.shape[1], dtype=torch.long, device=device),
        "use_audio_in_video": True,
    }

    def answer() -> list[list[int]]:
        answers = []
        for prompt in prompts:
            ids = torch.tensor([prefix + engine.chat.question(prompt)], device=device)
            found = thinker.model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                do_sample=False,
                max_new_tokens=new_tokens,
                min_new_tokens=new_tokens,
                pad_token_id=0,
                **media,
            )
            answers.append(found[0, ids.shape[1] :].tolist())
        return answers

    return answer


def describe(given: argparse.Namespace, model: torch.nn.Module) -> None:
    parameters = sum(parameter.numel() for parameter in model.parameters())
    device = torch.cuda.get_device_name() if given.device.startswith("cuda") else f"{torch.get_num_threads()} threads"
    kind = next(model.parameters()).dtype
    print(f"{given.config}: {parameters / 1e6:.0f} M parameters, {kind}, {device}, load {os.getloadavg()[0]:.1f}")


def report(given: argparse.Namespace, ways: dict[str, Times], same: int) -> None:
    figures = Figures(given.json)
    by_clock = given.device.startswith("cuda")
    for name, times in ways.items():
        middle, low, high = ratio(ways, "plain", name, by_clock=by_clock)
        figures.add(
            way=name,
            questions_per_second=given.questions / times.seconds,
            seconds_per_stimulus=times.spread,
            processor_seconds=times.processor_seconds,
            times_faster_than_plain=f"{middle:.2f} [{low:.2f}, {high:.2f}]",
            ratio_by="clock" if by_clock else "processor",
            peak_GiB=times.memory / 2**30 or None,
            same_answers=f"{same} of {given.questions}",
        )
    print(f"{len(ways['plain'].wall)} turns each; brackets hold the middle half. Aim on a GPU: at least 4 times")
    row = Result.of("encode_once", ways, ours="encode once", peer="plain", aim="4", by_clock=by_clock)
    save(given.row, [row])


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main()
