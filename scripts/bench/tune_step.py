"""Cost of a tuning step: supervised alone, with each added term, and a plain Hugging Face Trainer + peft.

    python scripts/bench/tune_step.py                                         # tiny model on the CPU
    python scripts/bench/tune_step.py --device cuda --config 7b               # 10 s at 8 fps of 504x504 pixels
    python scripts/bench/tune_step.py --device cuda --config 7b --fps 2 --size 252      # a smaller budget

Weights and media are random: speed does not depend on their values. Needs torch, transformers, peft, accelerate alone.
A batch has a visual and an audio question for each clip. Ours encodes the streams of a clip once for both, the Trainer
once for each. All loops recompute activations and train LoRA of rank 8 on q_proj and v_proj; each gets the same clips.
All loops warm up, then take turns: ours before each step of the Trainer. Medians count; brackets hold the middle half.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mma_bench.models.omni.chat import Chat
from mma_bench.models.omni.random_weights import QWEN25_OMNI_7B, SMALL, Size, random_thinker
from mma_bench.models.omni.training_batch import Exchange, TrainingBatch
from mma_bench.questions import prompts
from mma_bench.schema import Modality, Question
from mma_bench.tuning.example import Asked, Example, Prepare
from mma_bench.tuning.inputs import Encoder
from mma_bench.tuning.model import TunedModel, add_updates, recompute_activations, trainable
from mma_bench.tuning.objective import conflict_variants
from mma_bench.tuning.settings import AdversarialSettings, ConsistencySettings, LoraSettings, ObjectiveSettings
from mma_bench.tuning.step import batch_losses
from scripts.bench.figures import Figures
from scripts.bench.result import Result, save
from scripts.bench.turns import Times, ratio, synchronize, timed

ARCHITECTURE = "Qwen2_5OmniThinkerForConditionalGeneration"
SIZES = {"tiny": Size(), "small": SMALL, "7b": QWEN25_OMNI_7B}
OPTIONS = ["Accordion", "Bird", "Dog", "Engine", "Rain", "Violin"]


TRAINER = "Trainer + peft, supervised"
AIMS = {"+ consistency": "at most 1.5", "+ adversarial": "at most 2.2", TRAINER: "at least 1.0"}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--config", choices=SIZES, default="tiny")
    parser.add_argument("--clips", type=int, default=2, help="clips in a batch, each with two questions")
    parser.add_argument("--seconds", type=float, help="length of a clip; 10, and 1 for the tiny model")
    parser.add_argument("--fps", type=float, help="frames a second; 8, and 4 for the tiny model")
    parser.add_argument("--size", type=int, help="height and width, pixels; 504, and 56 for the tiny model")
    parser.add_argument("--repeats", type=int, default=15, help="turns that count, of each loop")
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--row", type=Path, help="file for the rows of the table of scripts/bench/run.sh")
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
                parts=prompts.standard(asked),
                options=OPTIONS,
                answer=answer,
                distractor=None,
                answerable=True,
            )
            patches, spectrum = prepare.streams(video, audio)
            names = f"video{number}", labels[0], spectrum, f"audio{number}", labels[1]
            found.append(Example(question, answer, patches, *names, Asked(asked)))
    return found


def model(given: argparse.Namespace) -> tuple[TunedModel, Any]:
    """Return the model with updates, and the feature extractor."""
    torch.manual_seed(0)
    dtype = torch.bfloat16 if given.device.startswith("cuda") else torch.float32
    thinker, tokenizer, extractor = random_thinker(ARCHITECTURE, SIZES[given.config], dtype=dtype, device=given.device)
    thinker.model.requires_grad_(False)
    peft = add_updates(thinker, LoraSettings(rank=8))
    recompute_activations(thinker.model)
    frame_format = thinker.frame_format({}, given.size**2, given.size**2)
    chat = Chat(tokenizer, thinker.media_tokens, thinker.system_prompt)
    prepare = Prepare(frame_format, extractor, thinker.silence_follows_sound)
    encoder = Encoder(thinker, chat, frame_format.temporal_patch_size / given.fps, 0)
    return TunedModel(thinker, chat, encoder, prepare, peft, {}), extractor


def our_step(given: argparse.Namespace, tuned: TunedModel, examples: list[Example], terms: ObjectiveSettings) -> Any:
    weights = trainable(tuned.whole)
    optimizer = torch.optim.AdamW(weights.values(), lr=1e-4)
    seconds_per_grid = tuned.prepare.frame_format.temporal_patch_size / given.fps
    fillers = tuned.prepare.fillers()

    def step() -> None:
        # A new one, so that nothing is remembered from the step before.
        encoder = Encoder(tuned.thinker, tuned.chat, seconds_per_grid, 4096)
        fresh = TunedModel(tuned.thinker, tuned.chat, encoder, tuned.prepare, tuned.whole, {})
        kinds = terms.consistency.variants if terms.consistency else ()
        variants = conflict_variants(examples, examples, kinds, fillers, random.Random(0)) if kinds else []
        batch_losses(fresh, terms, examples, variants, 1.0)
        torch.nn.utils.clip_grad_norm_(list(weights.values()), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


class Turns:
    """All loops, one step of each in turn. A loop that runs out of memory is left out from then on.

    Args:
        given: the arguments.
        steps: our loops.
    """

    def __init__(self, given: argparse.Namespace, steps: Mapping[str, Callable[[], None]]) -> None:
        self._given = given
        self._steps = dict(steps)
        self.ways = {name: Times() for name in [*steps, TRAINER]}
        self.operations: dict[str, float] = {}
        self.failed: list[str] = []

    def warm_up(self) -> None:
        """Run each of our loops twice; count the operations of the second step, in units of 10^12."""
        from torch.utils.flop_counter import FlopCounterMode

        for name, step in list(self._steps.items()):
            counter = FlopCounterMode(display=False)

            def twice(step: Callable[[], None] = step, counter: Any = counter) -> None:
                step()
                with counter:
                    step()

            if self._survives(name, twice):
                self.operations[name] = counter.get_total_flops() / 1e12

    def take(self) -> None:
        """Time one step of each of our loops."""
        for name, step in list(self._steps.items()):
            self._survives(name, lambda step=step, name=name: timed(step, self.ways[name], self._given.device))

    def _survives(self, name: str, work: Callable[[], object]) -> bool:
        try:
            work()
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            self._steps.pop(name, None)
            self.failed.append(name)
            return False
        return True


def train(given: argparse.Namespace, tuned: TunedModel, extractor: Any, examples: list[Example], turns: Turns) -> None:
    """Run transformers' own Trainer on the same batch, with a turn of our loops before each step that counts."""
    import transformers

    batch = TrainingBatch(tuned.thinker, tuned.chat, extractor, tuned.prepare.frame_format, given.fps)
    inputs = batch([Exchange(e.video, e.audio, e.question.prompt, e.target) for e in examples])
    warm_up = 2

    class Clock(transformers.TrainerCallback):  # type: ignore[misc]
        begun: tuple[float, float] = (0.0, 0.0)

        def on_step_begin(self, _: Any, state: Any, *__: Any, **___: Any) -> None:
            if state.global_step >= warm_up:
                modes(tuned)
                turns.take()
            tuned.whole.train()
            self.begun = stopwatch(given.device, reset=True)

        def on_step_end(self, _: Any, state: Any, *__: Any, **___: Any) -> None:
            wall, processor = stopwatch(given.device)
            times = turns.ways[TRAINER]
            if state.global_step > warm_up:
                times.wall.append(wall - self.begun[0])
                times.processor.append(processor - self.begun[1])
                if given.device.startswith("cuda"):
                    times.memory = max(times.memory, torch.cuda.max_memory_allocated())

    with tempfile.TemporaryDirectory() as folder:
        options = transformers.TrainingArguments(
            output_dir=folder,
            max_steps=given.repeats + warm_up,
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
            tuned.whole,
            options,
            train_dataset=list(range(len(examples) * (given.repeats + warm_up))),
            data_collator=lambda _: dict(inputs),
            callbacks=[Clock()],
        )
        try:
            trainer.train()
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            turns.failed.append(TRAINER)
            modes(tuned)
            while len(turns.ways["supervised"].wall) < given.repeats and "supervised" not in turns.failed:
                turns.take()


def modes(tuned: TunedModel) -> None:
    """Put the model in the state in which ours trains: the encoders do not."""
    tuned.thinker.model.eval()
    tuned.thinker.decoder.train()


def stopwatch(device: str, *, reset: bool = False) -> tuple[float, float]:
    """Return the clock and the processor's time, in seconds, once the device is done."""
    synchronize(device)
    if reset and device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats()
    return time.perf_counter(), time.process_time()


def peak(given: argparse.Namespace) -> float:
    """Return the most operations a second that a large product of matrices reaches, in units of 10^12."""
    on_gpu = given.device.startswith("cuda")
    side, dtype = (8192, torch.bfloat16) if on_gpu else (1024, torch.float32)
    left, right = (torch.randn(side, side, device=given.device, dtype=dtype) for _ in range(2))
    best = float("inf")
    for _ in range(20 if on_gpu else 5):
        synchronize(given.device)
        start = time.perf_counter()
        left @ right
        synchronize(given.device)
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
        "+ adversarial, own first pass": ObjectiveSettings(adversarial=attack.changed(share_gradient=False)),
        "all": ObjectiveSettings(consistency=consistency, adversarial=attack),
    }
    turns = Turns(given, {name: our_step(given, tuned, examples, row) for name, row in rows.items()})
    modes(tuned)
    turns.warm_up()
    train(given, tuned, extractor, examples, turns)
    report(given, turns, tokens, most)


def report(given: argparse.Namespace, turns: Turns, tokens: int, most: float) -> None:
    """Write a row for each loop; ``most`` is the measured peak, in 10^12 operations a second."""
    figures = Figures(given.json)
    by_clock = given.device.startswith("cuda")
    for name, times in turns.ways.items():
        if not times.wall or name in turns.failed:
            figures.add(loop=name, seconds_per_step="out of memory")
            continue
        tera, base = turns.operations.get(name), turns.operations.get("supervised")
        compared = turns.ways["supervised"].wall and "supervised" not in turns.failed
        shown = "{:.2f} [{:.2f}, {:.2f}]".format(*ratio(turns.ways, name, "supervised", by_clock=by_clock))
        figures.add(
            loop=name,
            seconds_per_step=times.spread,
            processor_seconds=times.processor_seconds,
            of_supervised=shown if compared else None,
            aim=AIMS.get(name),
            operations_of_supervised=f"{tera / base:.2f}" if tera and base else None,
            tokens_per_second=round(tokens / times.seconds),
            share_of_peak=f"{100 * tera / times.seconds / most:.0f} %" if tera else None,
            peak_GiB=times.memory / 2**30 or None,
        )
    print(f"{given.repeats} turns each; ratios by {'the clock' if by_clock else 'seconds of the processor'}")
    rows = [
        Result.of("tune_step", turns.ways, ours="supervised", peer=name, aim=aim, by_clock=by_clock)
        for name, aim in AIMS.items()
        if name not in turns.failed and "supervised" not in turns.failed
    ]
    save(given.row, rows)


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main()
