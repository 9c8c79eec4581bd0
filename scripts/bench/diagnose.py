"""What attention mass costs, next to a plain pass and to eager attention with `output_attentions`.

    python scripts/bench/diagnose.py                        # 1,024 to 8,192 tokens; eager up to 4,096
    python scripts/bench/diagnose.py --tokens 1024 --repeats 5

Each way runs in its own process, on the same random model and prompt: audio, so that nearly all tokens come before
the question. Times are processor times, without the first pass. Memory is the peak of the process above what it had
before the first pass.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

WAYS = ("plain", "observed", "eager")
ARCHITECTURE = "Qwen2_5OmniThinkerForConditionalGeneration"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, action="append", help="length of the prompt; may be repeated")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--eager-up-to", type=int, default=4096, help="longest prompt for eager attention")
    parser.add_argument("--child", choices=WAYS, help=argparse.SUPPRESS)
    return parser.parse_args()


def passes(way: str, tokens: int) -> Callable[[], object]:
    """Return one pass over a prompt of about ``tokens`` tokens."""
    import torch

    from mma_bench.diagnosis.parts.attention import Masses
    from mma_bench.diagnosis.reading import Prompt
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
    seconds = (tokens - 60) / thinker.positions_per_second
    samples = np.random.default_rng(0).normal(0, 0.1, int(16_000 * seconds)).astype(np.float32)
    with torch.inference_mode():
        inputs = engine.media_inputs(None, AudioStream("a", lambda: samples))

    def observed() -> object:
        prompt = Prompt(engine, inputs, engine.run(inputs), question)
        case = Case(prompt, "clip", "Cat", "Dog", None)
        if way == "plain":
            return prompt._run([prompt.ids])
        masses = Masses(case)
        prompt.look(masses)
        return masses.by_group

    def eager() -> object:
        thinker.decoder.config._attn_implementation = "eager"
        ids = torch.tensor([engine.chat.question(text)])
        embeddings = torch.cat([inputs.embeddings, thinker.embed(ids)], dim=1)
        found: Any = thinker.decoder(inputs_embeds=embeddings, output_attentions=True, use_cache=False)
        return [weights[0, :, -1] for weights in found.attentions]

    def one() -> object:
        with torch.inference_mode():
            return eager() if way == "eager" else observed()

    return one


def measure(way: str, tokens: int, repeats: int) -> None:
    """Print times and memory as JSON."""
    one = passes(way, tokens)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times = []
    for _ in range(repeats):
        start = time.process_time()
        one()
        times.append(time.process_time() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": times[1:] or times, "mb": (peak - before) / 1024}))


def main() -> None:
    given = arguments()
    lengths = given.tokens or [1024, 2048, 4096, 8192]
    if given.child:
        measure(given.child, lengths[0], given.repeats)
        return
    print(f"{'tokens':>7} {'way':>9} {'seconds':>8} {'spread':>15} {'times plain':>12} {'peak MB':>8}")
    for tokens in lengths:
        plain = 1.0
        for way in WAYS:
            if way == "eager" and tokens > given.eager_up_to:
                continue
            command = [
                sys.executable,
                __file__,
                "--child",
                way,
                "--tokens",
                str(tokens),
                "--repeats",
                str(given.repeats),
            ]
            found = json.loads(
                subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
            )
            middle = statistics.median(found["seconds"])
            plain = middle if way == "plain" else plain
            spread = f"{min(found['seconds']):.2f} to {max(found['seconds']):.2f}"
            print(
                f"{tokens:>7} {way:>9} {middle:>8.2f} {spread:>15} {middle / plain:>12.2f} {found['mb']:>8.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
