"""Cost of a tuning step: supervised alone, with each added term, and a plain Hugging Face Trainer + peft beside it.

    python scripts/bench/tune_step.py                                         # tiny model on the CPU
    python scripts/bench/tune_step.py --device cuda --config 7b               # 10 s at 8 fps of 504x504 pixels
    python scripts/bench/tune_step.py --device cuda --config 7b --fps 2 --size 252      # a smaller budget

Weights and media are random: speed does not depend on their values. Needs torch, transformers, peft, accelerate alone.
A batch has a visual and an audio question for each clip. Ours encodes the streams of a clip once for both, the Trainer
once for each. All loops recompute activations and train LoRA of rank 8 on q_proj and v_proj; each gets the same clips.
"""

import argparse
import functools
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mma_bench import prompts
from mma_bench.models.transformers_omni.chat import Chat
from mma_bench.models.transformers_omni.random_weights import QWEN25_OMNI_7B, SMALL, Size, random_thinker
from mma_bench.models.transformers_omni.training_batch import Example as PlainExample
from mma_bench.models.transformers_omni.training_batch import TrainingBatch
from mma_bench.schema import Modality, Question
from mma_bench.tuning.example import Example, Prepare
from mma_bench.tuning.inputs import Encoder
from mma_bench.tuning.model import TunedModel, add_updates, recompute_activations, trainable
from mma_bench.tuning.objective import conflict_variants
from mma_bench.tuning.settings import AdversarialSettings, ConsistencySettings, LoraSettings, ObjectiveSettings
from mma_bench.tuning.step import batch_losses

ARCHITECTURE = "Qwen2_5OmniThinkerForConditionalGeneration"
SIZES = {"tiny": Size(), "small": SMALL, "7b": QWEN25_OMNI_7B}
OPTIONS = ["Accordion", "Bird", "Dog", "Engine", "Rain", "Violin"]


@dataclass(frozen=True)
class Cost:
    seconds: float
    processor: float
    tera: float
    peak_memory: float


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--config", choices=SIZES, default="tiny")
    parser.add_argument("--clips", type=int, default=2, help="clips in a batch, each with two questions")
    parser.add_argument("--seconds", type=float, help="length of a clip; 10, and 1 for the tiny model")
    parser.add_argument("--fps", type=float, help="frames a second; 8, and 4 for the tiny model")
    parser.add_argument("--size", type=int, help="height and width, pixels; 504, and 56 for the tiny model")
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    big = given.config != "tiny"
    given.seconds = given.seconds or (10.0 if big else 1.0)
    given.fps = given.fps or (8.0 if big else 4.0)
    given.size = given.size or (504 if big else 56)
    return given


def clips(given: argparse.Namespace, prepare: Prepare) -> list[Example]:
    """Half of the clips aligned, half swapped, as in alignment.yaml; the swapped ones are no originals of a variant."""
    found = []
    for number in range(given.clips):
        generator = np.random.default_rng(number)
        shape = (round(given.seconds * given.fps), given.size, given.size, 3)
        video = generator.integers(0, 256, shape, dtype=np.uint8)
        audio = generator.normal(0, 0.1, round(given.seconds * 16_000)).astype(np.float32)
        labels = OPTIONS[number % len(OPTIONS)], OPTIONS[(number + number % 2) % len(OPTIONS)]
        for asked, answer in zip(Modality, labels, strict=True):
            question = Question(
                question_id=f"{number}/{asked}",
                condition="aligned" if number % 2 == 0 else "misaligned",
                modality=asked,
                prompt=prompts.question(asked, OPTIONS),
                options=OPTIONS,
                answer=answer,
                distractor=None,
                answerable=True,
            )
            patches, spectrum = prepare.streams(video, audio)
            names = f"video{number}", labels[0], spectrum, f"audio{number}", labels[1]
            found.append(Example(question, answer, patches, *names))
    return found


def model(given: argparse.Namespace) -> tuple[TunedModel, Any]:
    """Return the model with updates, and the feature extractor."""
    torch.manual_seed(0)
    dtype = torch.bfloat16 if given.device.startswith("cuda") else torch.float32
    thinker, tokenizer, extractor = random_thinker(ARCHITECTURE, SIZES[given.config], dtype=dtype, device=given.device)
    thinker.model.requires_grad_(False)
    peft = add_updates(thinker, LoraSettings(rank=8))
    recompute_activations(thinker.model)
    thinker.model.eval()
    thinker.decoder.train()
    frame_format = thinker.frame_format({}, given.size**2, given.size**2)
    chat = Chat(tokenizer, thinker.media_tokens, thinker.system_prompt)
    prepare = Prepare(frame_format, extractor, thinker.silence_follows_sound)
    encoder = Encoder(thinker, chat, frame_format.temporal_patch_size / given.fps, 0)
    return TunedModel(thinker, chat, encoder, prepare, peft, {}), extractor


def our_step(given: argparse.Namespace, tuned: TunedModel, examples: list[Example], terms: ObjectiveSettings) -> Any:
    weights = trainable(tuned.peft)
    optimizer = torch.optim.AdamW(weights.values(), lr=1e-4)
    seconds_per_grid = tuned.prepare.frame_format.temporal_patch_size / given.fps
    empty = tuned.prepare.emptiness()

    def step() -> None:
        # A new one, so that nothing is remembered from the step before.
        encoder = Encoder(tuned.thinker, tuned.chat, seconds_per_grid, 4096)
        fresh = TunedModel(tuned.thinker, tuned.chat, encoder, tuned.prepare, tuned.peft, {})
        kinds = terms.consistency.variants if terms.consistency else ()
        variants = conflict_variants(examples, examples, kinds, empty, random.Random(0)) if kinds else []
        batch_losses(fresh, terms, examples, variants, 1.0)
        torch.nn.utils.clip_grad_norm_(list(weights.values()), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def synchronize(given: argparse.Namespace) -> None:
    if given.device.startswith("cuda"):
        torch.cuda.synchronize()


def measured(given: argparse.Namespace, step: Callable[[], None]) -> Cost:
    from torch.utils.flop_counter import FlopCounterMode

    step()
    with FlopCounterMode(display=False) as counter:
        step()
    if given.device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats()
    times, processor = [], []
    for _ in range(given.repeats):
        synchronize(given)
        start, start_processor = time.perf_counter(), time.process_time()
        step()
        synchronize(given)
        times.append(time.perf_counter() - start)
        processor.append(time.process_time() - start_processor)
    memory = torch.cuda.max_memory_allocated() / 2**30 if given.device.startswith("cuda") else 0.0
    return Cost(statistics.median(times), statistics.median(processor), counter.get_total_flops() / 1e12, memory)


def trainer_cost(given: argparse.Namespace, tuned: TunedModel, extractor: Any, examples: list[Example]) -> Cost:
    """Transformers' own Trainer on the same batch, with the model's own forward."""
    import transformers

    batch = TrainingBatch(tuned.thinker, tuned.chat, extractor, tuned.prepare.frame_format, given.fps)
    plain = [PlainExample(e.video, e.audio, e.question.prompt, e.target) for e in examples]
    inputs = batch(plain)

    class Clock(transformers.TrainerCallback):  # type: ignore[misc]
        def __init__(self) -> None:
            self.begun, self.begun_processor = 0.0, 0.0
            self.times: list[float] = []
            self.processor: list[float] = []

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            synchronize(given)
            self.begun, self.begun_processor = time.perf_counter(), time.process_time()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            synchronize(given)
            self.times.append(time.perf_counter() - self.begun)
            self.processor.append(time.process_time() - self.begun_processor)

    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        options = transformers.TrainingArguments(
            output_dir=folder,
            max_steps=given.repeats + 2,
            per_device_train_batch_size=len(examples),
            learning_rate=1e-4,
            bf16=False,  # the weights are bfloat16 already where there is a GPU
            gradient_checkpointing=True,
            gradient_checkpointing_kwargs={"use_reentrant": False},
            report_to=[],
            logging_strategy="no",
            save_strategy="no",
            remove_unused_columns=False,
            use_cpu=not given.device.startswith("cuda"),
            dataloader_pin_memory=False,
            disable_tqdm=True,
        )
        trainer = transformers.Trainer(
            tuned.peft,
            options,
            train_dataset=list(range(len(examples) * (given.repeats + 2))),
            data_collator=lambda _: dict(inputs),
            callbacks=[clock],
        )
        if given.device.startswith("cuda"):
            torch.cuda.reset_peak_memory_stats()
        trainer.train()
    tuned.thinker.model.eval()
    tuned.thinker.decoder.train()
    memory = torch.cuda.max_memory_allocated() / 2**30 if given.device.startswith("cuda") else 0.0
    return Cost(statistics.median(clock.times[2:]), statistics.median(clock.processor[2:]), 0.0, memory)


def peak(given: argparse.Namespace) -> float:
    """Return the most operations a second that a large product of matrices reaches, in units of 10^12."""
    on_gpu = given.device.startswith("cuda")
    side, dtype = (8192, torch.bfloat16) if on_gpu else (1024, torch.float32)
    left, right = (torch.randn(side, side, device=given.device, dtype=dtype) for _ in range(2))
    best = float("inf")
    for _ in range(20 if on_gpu else 5):
        synchronize(given)
        start = time.perf_counter()
        left @ right
        synchronize(given)
        best = min(best, time.perf_counter() - start)
    return 2 * side**3 / best / 1e12


def main() -> None:
    given = arguments()
    tuned, extractor = model(given)
    examples = clips(given, tuned.prepare)
    tokens = int((tuned.encoder(examples).kinds > 0).sum())
    most = peak(given)
    parameters = sum(weight.numel() for weight in tuned.thinker.model.parameters()) / 1e6
    print(
        f"{given.config}: {parameters:.0f} M parameters, {given.device}, torch {torch.__version__}, "
        f"load {os.getloadavg()[0]:.1f}"
    )
    print(f"{len(examples)} questions about {given.clips} clips, {tokens} tokens, peak {most:.3f} TFLOP/s measured")
    consistency = ConsistencySettings(variants=("misaligned", "removed"))
    attack = AdversarialSettings()
    rows = {
        "supervised": ObjectiveSettings(),
        "+ consistency": ObjectiveSettings(consistency=consistency),
        "+ adversarial": ObjectiveSettings(adversarial=attack),
        "+ adversarial, own first pass": ObjectiveSettings(
            adversarial=attack.model_copy(update={"share_gradient": False})
        ),
        "all": ObjectiveSettings(consistency=consistency, adversarial=attack),
    }
    loops = {
        name: functools.partial(measured, given, our_step(given, tuned, examples, row)) for name, row in rows.items()
    }
    loops["Trainer + peft, supervised"] = functools.partial(trainer_cost, given, tuned, extractor, examples)
    print("On a busy machine seconds of the processor compare better than those of the clock.\n")
    print("| loop | s a step | s of processor | of supervised | operations | tokens/s | of peak | peak memory, GiB |")
    print("|---|---|---|---|---|---|---|---|")
    base: Cost | None = None
    for name, loop in loops.items():
        try:
            cost = loop()
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            print(f"| {name} | out of memory | - | - | - | - | - | - |", flush=True)
            continue
        base = base or (cost if name == "supervised" else None)
        print(row_of(name, cost, base, tokens, most), flush=True)


def row_of(name: str, cost: Cost, base: Cost | None, tokens: int, most: float) -> str:
    """Return a line of the table; ``most`` is the measured peak, in 10^12 operations a second."""
    share = f"{100 * cost.tera / cost.seconds / most:.0f} %" if cost.tera else "-"
    operations = f"{cost.tera / base.tera:.2f}" if base and cost.tera else "-"
    memory = f"{cost.peak_memory:.1f}" if cost.peak_memory else "-"
    on_gpu = bool(cost.peak_memory)  # is measured there alone
    ratio = "-"
    if base:
        ratio = f"{cost.seconds / base.seconds if on_gpu else cost.processor / base.processor:.2f}"
    return (
        f"| {name} | {cost.seconds:.3f} | {cost.processor:.3f} | {ratio} | {operations} | "
        f"{tokens / cost.seconds:.0f} | {share} | {memory} |"
    )


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main()
