"""What attention mass costs, next to a plain pass and to eager attention with `output_attentions`.

    python scripts/bench/diagnose.py                       # 1,024, 4,096 and 8,192 tokens; eager up to 4,096
    python scripts/bench/diagnose.py --tokens 1024 --turns 3

All ways run the same random model of 21 M parameters on the same prompt: audio, so that nearly all tokens come before
the question. Times are taken by turns in one process, in processor seconds; "question alone" is a pass over the
question when the media are read already, as for all questions about a stimulus but the first. Peak memory is that of
one more pass, above what the process holds before it. Eager attention keeps a matrix of tokens x tokens for each layer
and head: 2 GiB at 4,096 tokens and 8 at 8,192, where it is left out.
"""

import argparse
import ctypes
import functools
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.bench.result import Result, add_arguments, save
from scripts.bench.turns import Side, Times, alternate, ratio

ARCHITECTURE = "Qwen2_5OmniThinkerForConditionalGeneration"
PLAIN, MASS, EAGER = "plain", "attention mass", "eager"
READ, READ_MASS = "question alone, plain", "question alone, attention mass"
Way = Callable[[], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, action="append", help="length of the prompt; may be repeated")
    parser.add_argument("--eager-up-to", type=int, default=4096, help="longest prompt for eager attention")
    add_arguments(parser, turns=15)
    given = parser.parse_args()
    lengths = given.tokens or [1024, 4096, 8192]
    results, peaks = [], {}
    print("| tokens | way | processor seconds | times plain | peak, MiB |\n|---|---|---|---|---|")
    for tokens in lengths:
        names = [PLAIN, MASS, EAGER] if tokens <= given.eager_up_to else [PLAIN, MASS]
        ways = ways_of(tokens)
        sides = [Side(name, ways[name]) for name in names]
        times = alternate(sides, given.turns, budget=given.budget)
        peaks[tokens] = {name: peak_of(ways[name]) for name in names}
        show(tokens, times, PLAIN, peaks[tokens])
        results.append(cost(times, tokens))
        again = alternate([Side(name, ways[name]) for name in (READ, READ_MASS)], given.turns, budget=given.budget)
        show(tokens, again, READ, {})
    save(given.json, [*results, *savings(peaks)])


def ways_of(tokens: int) -> dict[str, Way]:
    """Return one pass over a prompt of about ``tokens`` tokens, by way."""
    import torch

    from mma_bench.diagnosis.omni_prompt import OmniPrompt
    from mma_bench.diagnosis.parts.attention import Masses
    from mma_bench.diagnosis.subject import Case
    from mma_bench.models.omni import AudioStream, EncodeOnce, Settings
    from mma_bench.models.omni.random_weights import SMALL, random_thinker
    from mma_bench.questions import prompts
    from mma_bench.schema import Modality, Question

    torch.set_num_threads(1)
    options = ["Cat", "Dog", "Drum", "Water"]
    parts = prompts.standard(Modality.AUDIO)
    text = prompts.render(parts, options)
    thinker, tokenizer, extractor = random_thinker(ARCHITECTURE, SMALL, texts=[text])
    engine = EncodeOnce(thinker, tokenizer, extractor, thinker.frame_format({}, None, None), Settings())
    question = Question(question_id="q", condition="aligned", modality=Modality.AUDIO, prompt=text, parts=parts,
                        options=options, answer="Cat", distractor="Dog", answerable=True)  # fmt: skip
    around = len(engine.chat.media_prefix(np.zeros(0, bool), video=False, audio=True)) + len(engine.chat.question(text))
    seconds = (tokens - around) / thinker.positions_per_second
    samples = np.random.default_rng(0).normal(0, 0.1, round(16_000 * seconds)).astype(np.float32)
    with torch.inference_mode():
        inputs = engine.media_inputs(None, AudioStream("a", lambda: samples))

    def prompt(kernel: str) -> OmniPrompt:
        # A hook leaves its name in the place of the kernel's; without hooks, the kernel itself must run.
        thinker.decoder.config._attn_implementation = kernel
        return OmniPrompt(engine, inputs, engine.run(inputs), question)

    def plain() -> object:
        one = prompt("sdpa")
        return one.run()

    def mass() -> object:
        case = Case(prompt("sdpa"), "clip", "Cat", "Dog", None)
        masses = Masses(case)
        case.prompt.look(masses)
        return masses.by_group

    def eager() -> object:
        thinker.decoder.config._attn_implementation = "eager"
        ids = torch.tensor([engine.chat.question(text)])
        embeddings = torch.cat([inputs.embeddings, thinker.embed(ids)], dim=1)
        found: Any = thinker.decoder(inputs_embeds=embeddings, output_attentions=True, use_cache=False)
        return [weights[0, :, -1] for weights in found.attentions]

    @functools.cache
    def read() -> Case:
        with torch.inference_mode():
            return Case(prompt("sdpa"), "clip", "Cat", "Dog", None)

    def question_alone() -> object:
        thinker.decoder.config._attn_implementation = "sdpa"
        return read().prompt.run()

    def question_mass() -> object:
        masses = Masses(read())
        read().prompt.look(masses)
        return masses.by_group

    def inference(way: Way) -> Way:
        return torch.inference_mode()(way)

    ways = {PLAIN: plain, MASS: mass, EAGER: eager, READ: question_alone, READ_MASS: question_mass}
    return {name: inference(way) for name, way in ways.items()}


def peak_of(way: Way) -> float:
    """Return the peak memory of one pass above what the process holds before it, MiB, at least 1; Linux only."""
    ctypes.CDLL("libc.so.6").malloc_trim(0)  # freed memory that the process keeps would hide what the pass needs
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forgets the peak so far
    before = held("VmRSS")
    way()
    return max(held("VmHWM") - before, 1.0)


def held(name: str) -> float:
    """Return a line of the memory status of this process, MiB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024


def show(tokens: int, times: Mapping[str, Times], plain: str, peaks: Mapping[str, float]) -> None:
    for name, one in times.items():
        middle, low, high = ratio(times, name, plain, by_clock=False)
        peak = f"{peaks[name]:.0f}" if peaks else ""
        cells = (f"{tokens:,}", name, f"{one.processor_seconds:.3g}", f"{middle:.2f} [{low:.2f}, {high:.2f}]", peak)
        print(f"| {' | '.join(cells)} |", flush=True)


def cost(times: Mapping[str, Times], tokens: int) -> Result:
    """Return how many times as long as a plain pass attention mass takes."""
    ours = f"{PLAIN}, {tokens} tokens"
    return Result.of("diagnose", {MASS: times[MASS], ours: times[PLAIN]}, ours=ours, peer=MASS, aim="at most 1.3")


def savings(peaks: Mapping[int, Mapping[str, float]]) -> list[Result]:
    """Return how much less memory attention mass takes than eager attention, and how its memory grows."""
    found = [
        Result.value("diagnose", f"{EAGER} / {MASS}, {tokens} tokens", [own[EAGER] / own[MASS]], "peak memory",
                     "aim at least 10" if tokens >= 4096 else "")
        for tokens, own in peaks.items()
        if EAGER in own
    ]  # fmt: skip
    for short, long in zip(list(peaks), list(peaks)[1:], strict=False):
        grown = peaks[long][MASS] / peaks[short][MASS]
        linear = f"linear: {long / short:.3g}"
        found.append(Result.value("diagnose", f"{long} / {short} tokens, {MASS}", [grown], "peak memory", linear))
    return found


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main()
