"""Six questions about one stimulus: encoded once, against one `generate` a question, side by side in one process.

    python scripts/bench/encode_once.py                              # a few layers, on the CPU
    python scripts/bench/encode_once.py --device cuda --config 7b    # Qwen2.5-Omni-7B's measures, bf16

Weights are random: speed does not depend on their values. Both ways answer with the same number of tokens, from
the same 10 s of frames and sound, synthetic and made in memory: torch, transformers and pydantic are all that is
needed. The plain way gets its patches and its spectrum for nothing; ours makes them each time and starts with empty
caches. The two take turns; the medians count. On a shared CPU the processor times say more than the wall times.
Options are not scored.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mma_bench.models.transformers_omni import Asked, AudioStream, EncodeOnce, Settings, VideoStream
from mma_bench.models.transformers_omni.frames import to_patches
from mma_bench.models.transformers_omni.random_weights import QWEN25_OMNI_7B, SMALL, random_thinker
from mma_bench.models.transformers_omni.sound import log_mel

ARCHITECTURE = "Qwen2_5OmniThinkerForConditionalGeneration"


@dataclass(frozen=True)
class Turn:
    """One way, once: wall and processor time in seconds, peak memory of the GPU in bytes, and the answers."""

    seconds: float
    processor: float
    memory: int
    answers: list[list[int]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", choices=["small", "7b"], default="small")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--side", type=int, help="of the frames, pixels; 168 for small, 504 for 7b")
    parser.add_argument("--questions", type=int, default=6)
    parser.add_argument("--question-tokens", type=int, default=80, help="a prompt with 19 options has about so many")
    parser.add_argument("--new-tokens", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    small = given.config == "small"
    side = given.side or (168 if small else 504)
    dtype = torch.float32 if given.device == "cpu" else torch.bfloat16
    thinker, tokenizer, extractor = random_thinker(
        ARCHITECTURE, SMALL if small else QWEN25_OMNI_7B, dtype=dtype, device=given.device
    )
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
    turns = [(measure(plain, given.device), measure(once, given.device)) for _ in range(given.repeats + 1)][1:]
    report(given, thinker.model, turns)


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


def measure(work: Callable[[], list[list[int]]], device: str) -> Turn:
    on_gpu = device.startswith("cuda")
    if on_gpu:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    start, processor = time.perf_counter(), time.process_time()
    answers = work()
    if on_gpu:
        torch.cuda.synchronize()
    memory = torch.cuda.max_memory_allocated() if on_gpu else 0
    return Turn(time.perf_counter() - start, time.process_time() - processor, memory, answers)


def report(given: argparse.Namespace, model: torch.nn.Module, turns: list[tuple[Turn, Turn]]) -> None:
    parameters = sum(parameter.numel() for parameter in model.parameters())
    load = Path("/proc/loadavg").read_text().split()[0] if Path("/proc/loadavg").exists() else "unknown"
    device = torch.cuda.get_device_name() if given.device.startswith("cuda") else f"{torch.get_num_threads()} threads"
    print(
        f"{given.config}: {parameters / 1e6:.0f} M parameters, {next(model.parameters()).dtype}, {device}, load {load}"
    )
    wall, processor = [], []
    for name, results in (("plain", [turn[0] for turn in turns]), ("encode once", [turn[1] for turn in turns])):
        wall.append(statistics.median(result.seconds for result in results))
        processor.append(statistics.median(result.processor for result in results))
        memory = max(result.memory for result in results)
        print(
            f"{name:<12} {given.questions / wall[-1]:8.2f} questions/s  {wall[-1]:.3f} s a stimulus, "
            f"{processor[-1]:.3f} s of the processor" + (f", peak {memory / 2**30:.1f} GiB" if memory else "")
        )
    same = sum(a == b for a, b in zip(turns[0][0].answers, turns[0][1].answers, strict=True))
    print(f"ratio {wall[0] / wall[1]:.2f}, of processor time {processor[0] / processor[1]:.2f}")
    print(f"{same} of {given.questions} answers are the same, token for token")


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main()
