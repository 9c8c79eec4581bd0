"""Teach the tiny model to answer Yes or No, as AVHBench asks, from clips without a conflict.

    python scripts/proof/yes_no_lessons.py --base base --out base-yes-no

The tiny model (docs/synthetic.md) names classes and has never read or written Yes or No, so AVHBench's form says
nothing about it. This continues its pretraining: in half of the examples it is asked in AVHBench's words whether a
class is visible or makes sound, in the other half which class it is. As in pretraining, half of the clips have one
modality only. No example contains a conflict, so the model need not learn which modality to trust. Half of the
answers to yes/no questions are Yes. Whether video and audio match is not taught.
"""

import argparse
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

from mma_bench import models
from mma_bench.avhbench.protocol import protocol
from mma_bench.console.progress import bar
from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import atomic_folder, write_json
from mma_bench.models.checks import NO, YES
from mma_bench.models.omni.training_batch import Exchange
from mma_bench.questions import prompts
from mma_bench.schema import Modality
from mma_bench.synthetic.kinds import CLASSES
from mma_bench.synthetic.lessons import Lessons, Mix
from mma_bench.synthetic.pretrain import TOWERS, Pretraining, answer_loss, rates
from mma_bench.synthetic.scene import clip_seed
from mma_bench.synthetic.tiny_model import MODEL_OPTIONS, save_checkpoint, training_batch

FORMS = {
    Modality.VISUAL: ("audio_driven_video_hallucination", "Is the {} visible in the video?"),
    Modality.AUDIO: ("video_driven_audio_hallucination", "Is the {} making sound in the audio?"),
}
"""Task and words of AVHBench by the asked modality."""

SEED = "yes or no"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True, help="checkpoint of mma_bench.synthetic.pretrain")
    parser.add_argument("--out", type=Path, required=True, help="folder of the new checkpoint")
    parser.add_argument("--steps", type=int, default=480)
    parser.add_argument("--clips", type=int, default=200, help="different clips per class")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    given = parser.parse_args()
    for name in ("steps", "clips", "threads"):
        if getattr(given, name) < 1:
            raise MMABenchError(f"--{name} {getattr(given, name)}: it must be at least 1")
    return given


def asked(name: str, modality: Modality) -> str:
    """Return AVHBench's question whether a class is there, exactly as an evaluation asks it."""
    task, form = FORMS[modality]
    return protocol().prompt(task, form.format(name.lower()))


def lessons(made: Lessons, size: int) -> Iterator[list[Exchange]]:
    """Yield batches endlessly."""
    generator = random.Random(SEED)
    while True:
        yield [_example(made, generator) for _ in range(size)]


def _example(made: Lessons, generator: random.Random) -> Exchange:
    name, number = generator.choice(CLASSES), generator.randrange(made.clips)
    modality = generator.choice(list(Modality))
    other = Modality.AUDIO if modality is Modality.VISUAL else Modality.VISUAL
    alone = generator.random() < made.mix.without_sound + made.mix.without_picture
    if generator.random() < 0.5:
        prompt, answer = prompts.question(modality, CLASSES), name
    elif generator.random() < 0.5:
        prompt, answer = asked(name, modality), YES
    else:
        prompt, answer = asked(generator.choice([one for one in CLASSES if one != name]), modality), NO
    return made.example(name, clip_seed("train", FIRST + number), (other,) if alone else (), prompt, answer, generator)


FIRST = 20_000
"""Number of the first clip: datasets count from 0, pretraining from 10,000."""


def main() -> None:
    given = arguments()
    if given.out.exists():
        raise MMABenchError(f"{given.out} already exists; choose another folder or delete it")
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    model = models.load(f"transformers:{given.base}", MODEL_OPTIONS)
    thinker, tokenizer, extractor = model.engine.thinker, model.engine.chat.tokenizer, model.engine.extractor
    batch = training_batch(thinker, tokenizer, extractor)
    settings = Pretraining(steps=given.steps)
    made = Lessons(batch, Mix(), 0, given.clips)
    thinker.model.train()
    for name, module in thinker.model.named_modules():
        if name.split(".")[-1] in TOWERS:
            module.requires_grad_(False)
    weights = [weight for weight in thinker.model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, betas=(0.9, 0.98), weight_decay=settings.weight_decay)
    losses: list[float] = []
    with bar("yes or no", given.steps, unit="step") as shown:
        planned = rates(settings, settings.learning_rate, given.steps)
        for rate, examples in zip(planned, lessons(made, settings.questions), strict=False):
            optimizer.param_groups[0]["lr"] = rate
            loss = answer_loss(batch, examples)
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            optimizer.zero_grad()
            losses.append(round(loss.item(), 4))
            shown.update()
            if len(losses) % 60 == 0:
                print(f"step {len(losses)}: loss {sum(losses[-60:]) / 60:.3f}", flush=True)
    with atomic_folder(given.out) as folder:
        save_checkpoint(folder, thinker, tokenizer, extractor)
        record = {"base": given.base.name, "steps": given.steps, "clips": given.clips, "seed": SEED, "loss": losses}
        write_json(folder / "yes_no_lessons.json", record)


if __name__ == "__main__":
    try:
        main()
    except (MMABenchError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
