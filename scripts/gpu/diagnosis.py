"""What attention mass costs on this device, next to a plain pass over the same prompt: time, and peak memory.

python scripts/gpu/diagnosis.py --device cuda
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

from mma_bench.models.omni import AudioStream, EncodeOnce, Settings
from mma_bench.models.omni.random_weights import QWEN25_OMNI_7B, Size, random_thinker
from mma_bench.questions import prompts
from mma_bench.schema import Modality, Question
from scripts.bench.figures import Figures

OPTIONS, REPEATS = ["Cat", "Dog", "Drum", "Water"], 5
KERNELS = ("sdpa", "flash_attention_2", "flash_attention_3")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path, help="file for the figures")
    given = parser.parse_args()
    figures = Figures(given.json)
    try:
        import pyarrow  # noqa: F401  (tables of a diagnosis)
    except ImportError:
        figures.add(tokens="-", kernel="-", result="not run: needs pyarrow")
        return 0
    on_gpu = given.device.startswith("cuda")
    size, dtype = (QWEN25_OMNI_7B, torch.bfloat16) if on_gpu else (Size(), torch.float32)
    text = prompts.render(prompts.standard(Modality.AUDIO), OPTIONS)
    made = random_thinker(
        "Qwen2_5OmniThinkerForConditionalGeneration", size, dtype=dtype, device=given.device, texts=[text]
    )
    for tokens in (4096, 8192) if on_gpu else (256,):
        for kernel in KERNELS:
            try:
                row = costs(made, text, tokens, kernel, on_gpu)
            except (ImportError, ValueError, RuntimeError) as error:  # absent, or this card does not run it
                row = {"result": f"not available ({type(error).__name__})"}
            figures.add(tokens=tokens, kernel=kernel, **row)
    return 0


def costs(made: tuple, text: str, tokens: int, kernel: str, on_gpu: bool) -> dict[str, object]:  # type: ignore[type-arg]
    """Return time and memory of a plain pass and of one with attention mass."""
    from mma_bench.diagnosis.omni_prompt import OmniPrompt
    from mma_bench.diagnosis.parts.attention import Masses
    from mma_bench.diagnosis.subject import Case

    thinker, tokenizer, extractor = made
    thinker.model.set_attn_implementation(kernel)
    engine = EncodeOnce(thinker, tokenizer, extractor, thinker.frame_format({}, None, None), Settings())
    question = Question(question_id="q", condition="aligned", modality=Modality.AUDIO, prompt=text,
                        parts=prompts.standard(Modality.AUDIO), options=OPTIONS, answer="Cat", distractor="Dog",
                        answerable=True)  # fmt: skip
    samples = np.random.default_rng(0).normal(0, 0.1, round(16_000 * tokens / thinker.positions_per_second))
    audio = AudioStream("a", lambda: samples.astype(np.float32))
    with torch.inference_mode():
        inputs = engine.media_inputs(None, audio)

        def prompt() -> OmniPrompt:
            thinker.decoder.config._attn_implementation = kernel  # hooks leave their own name there
            return OmniPrompt(engine, inputs, engine.run(inputs), question)

        def plain() -> object:
            one = prompt()
            return one._run([one.ids])

        def mass() -> object:
            case = Case(prompt(), "clip", "Cat", "Dog", None)
            masses = Masses(case)
            case.prompt.look(masses)
            return masses.by_group

        (seconds, memory), (more_seconds, more_memory) = measured(plain, on_gpu), measured(mass, on_gpu)
    return {
        "result": "ran",
        "plain_seconds": seconds,
        "mass_seconds": more_seconds,
        "times_plain": more_seconds / seconds,
        "plain_peak_GiB": memory,
        "mass_peak_GiB": more_memory,
    }


def measured(work: Callable[[], object], on_gpu: bool) -> tuple[float, float | None]:
    """Return median seconds, and peak memory on a GPU."""
    work()  # warms up
    times = []
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        if on_gpu:
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return statistics.median(times), torch.cuda.max_memory_allocated() / 2**30 if on_gpu else None


if __name__ == "__main__":
    sys.exit(main())
