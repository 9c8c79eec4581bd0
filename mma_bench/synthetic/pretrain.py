"""Train the tiny model from scratch on procedural clips.

Run it with `python -m mma_bench.synthetic.pretrain --out base`; docs/synthetic.md explains how to evaluate the result.
"""

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mma_bench import __version__
from mma_bench.console.group import Command
from mma_bench.console.progress import bar
from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import atomic_folder, write_json
from mma_bench.files.hashing import sha256_file
from mma_bench.models.omni.conversation import IGNORED
from mma_bench.models.omni.training_batch import Exchange, TrainingBatch
from mma_bench.schema import Modality
from mma_bench.synthetic.lessons import Lessons, Mix
from mma_bench.synthetic.tiny_model import SIZE, make_tiny_model, save_checkpoint, training_batch
from mma_bench.synthetic.towers import audio_encoder, train_tower, video_encoder

if TYPE_CHECKING:
    import torch

TOWERS = "visual", "audio_tower"
"""Names of the towers inside the model."""

RECORD = "pretraining.json"
"""File next to the weights that records how they were made."""


class Pretraining(BaseModel):
    """How the model is trained."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(0, ge=0, description="seed of the weights, and of the choice of clips and questions")
    video_steps: int = Field(2000, ge=0, description="steps of the vision tower alone")
    audio_steps: int = Field(200, ge=0, description="steps of the audio tower alone")
    steps: int = Field(480, ge=1, description="steps of the whole model")
    captions: float = Field(
        0.45, ge=0, le=1, description="share of these, at the beginning, whose answers also name the modality"
    )
    batch_size: int = Field(32, ge=1, description="clips per step of a tower")
    questions: int = Field(20, ge=1, description="clips per step of the whole model, with one question each")
    clips: int = Field(400, ge=1, description="different clips per class, for the towers and again for the whole model")
    learning_rate: float = Field(2e-3, gt=0, description="maximum learning rate of the whole model, after the warm-up")
    tower_learning_rate: float = Field(4e-3, gt=0, description="the same for the towers alone")
    warmup: int = Field(30, ge=0, description="steps")
    weight_decay: float = Field(0.01, ge=0)
    watch_every: int = Field(120, ge=1, description="steps between evaluations of each modality alone")
    watched: int = Field(120, ge=1, description="clips per evaluation")
    threads: int = Field(1, ge=1, description="of the CPU")
    mix: Mix = Mix()


def pretrain(out: Path, settings: Pretraining, report: Callable[[str], Any] = click.echo) -> dict[str, Any]:
    """Train the towers, then the whole model, and write a checkpoint with a record of the training.

    The folder appears when it is complete.

    Args:
        out: folder of the checkpoint; must not exist.
        settings: how to train.
        report: called with a line of progress from time to time.

    Returns:
        The record.

    Raises:
        MMABenchError: ``out`` exists.
    """
    import torch

    if out.exists():
        raise MMABenchError(f"{out} already exists; choose another folder or delete it")
    began = time.perf_counter()
    torch.set_num_threads(settings.threads)
    thinker, tokenizer, extractor = make_tiny_model(settings.seed)
    batch = training_batch(thinker, tokenizer, extractor)
    lessons = Lessons(batch, settings.mix, settings.seed, settings.clips)
    thinker.model.train()
    record: dict[str, Any] = {"settings": settings.model_dump()}
    record["loss of the towers"] = _train_towers(batch, lessons, settings)
    report(f"towers: loss {', '.join(f'{np.mean(loss[-20:]):.3f}' for loss in record['loss of the towers'].values())}")
    record |= _train_whole(batch, lessons, settings, report)
    with atomic_folder(out) as folder:
        save_checkpoint(folder, thinker, tokenizer, extractor)
        record |= {
            "seconds": round(time.perf_counter() - began, 1),
            "weights": sum(weight.numel() for weight in thinker.model.parameters()),
            "sha256": {path.name: sha256_file(path) for path in sorted(folder.iterdir())},
            "versions": {"mma_bench": __version__, "torch": torch.__version__},
        }
        write_json(folder / RECORD, record)
    return record


def _train_towers(batch: TrainingBatch, lessons: Lessons, settings: Pretraining) -> dict[str, list[float]]:
    import torch

    parts = dict(batch.thinker.model.named_modules())
    encoders = video_encoder(batch.thinker), audio_encoder(batch.thinker)
    towers = dict(zip(TOWERS, zip(encoders, (settings.video_steps, settings.audio_steps), strict=True), strict=True))
    torch.manual_seed(settings.seed)
    return {
        name: train_tower(
            encode,
            next(module for path, module in parts.items() if path.split(".")[-1] == name),
            lessons.naming(settings.batch_size),
            _progress(rates(settings, settings.tower_learning_rate, steps), name),
            hidden=SIZE.hidden,
            weight_decay=settings.weight_decay,
        )
        for name, (encode, steps) in towers.items()
    }


def _train_whole(
    batch: TrainingBatch, lessons: Lessons, settings: Pretraining, report: Callable[[str], Any]
) -> dict[str, Any]:
    import torch

    model = batch.thinker.model
    # The towers stay frozen: the first gradients of an untrained language model would damage them.
    for name, module in model.named_modules():
        if name.split(".")[-1] in TOWERS:
            module.requires_grad_(False)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, betas=(0.9, 0.98), weight_decay=settings.weight_decay)
    losses: list[float] = []
    looks: list[dict[str, float]] = []
    planned = _progress(rates(settings, settings.learning_rate, settings.steps), "model")
    captions = round(settings.captions * settings.steps)
    for rate, examples in zip(planned, lessons.training(settings.questions, captions), strict=False):
        optimizer.param_groups[0]["lr"] = rate
        loss = answer_loss(batch, examples)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(round(loss.item(), 4))
        step = len(losses)
        if step % settings.watch_every == 0 or step == settings.steps:
            look = {name.value: accuracy(batch, lessons.one_sense(name, settings.watched)) for name in Modality}
            looks.append({"step": step, **look})
            report(f"step {step}: loss {np.mean(losses[-20:]):.3f}, alone {look['visual']:.0%} / {look['audio']:.0%}")
    return {"loss": losses, "one sense alone": looks}


def answer_loss(batch: TrainingBatch, examples: list[Exchange]) -> "torch.Tensor":
    """Return the mean cross-entropy of the answers' tokens; logits of other tokens are not computed."""
    import torch

    inputs = batch(examples)
    labels = inputs.pop("labels")[:, 1:]
    learnt = labels != IGNORED
    hidden = batch.thinker.model.model(**inputs, use_cache=False).last_hidden_state[:, :-1][learnt]
    return torch.nn.functional.cross_entropy(batch.thinker.logits(hidden), labels[learnt])


def rates(settings: Pretraining, highest: float, steps: int) -> list[float]:
    """Return the learning rate of each step: a linear warm-up, then a cosine to a twentieth."""
    done = [max(0, step - settings.warmup) / max(1, steps - settings.warmup) for step in range(steps)]
    return [
        highest * min(1, (step + 1) / max(1, settings.warmup)) * (0.05 + 0.475 * (1 + math.cos(math.pi * share)))
        for step, share in enumerate(done)
    ]


def _progress(planned: list[float], name: str) -> Iterator[float]:
    with bar(name, len(planned), unit="step") as shown:
        for rate in planned:
            yield rate
            shown.update()


def accuracy(batch: TrainingBatch, examples: list[Exchange], size: int = 60) -> float:
    """Return the share of examples whose answer is the likeliest, token for token."""
    import torch

    model = batch.thinker.model.eval()
    right = 0
    with torch.inference_mode():
        for start in range(0, len(examples), size):
            inputs = batch(examples[start : start + size])
            right += int(_right(model(**inputs, use_cache=False).logits, inputs["labels"]).sum())
    model.train()
    return round(right / len(examples), 4)


def _right(logits: "torch.Tensor", labels: "torch.Tensor") -> "torch.Tensor":
    """Return for every row whether all learned tokens are the likeliest ones."""
    expected = labels[:, 1:]
    return ((logits[:, :-1].argmax(-1) == expected) | (expected == IGNORED)).all(dim=1)


@click.group(cls=Command, invoke_without_command=True, subcommand_metavar="")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the checkpoint.")
@click.option("--seed", default=0, show_default=True, help="Seed of weights, clips and questions.")
@click.option("--steps", default=480, show_default=True, help="Steps of the whole model, after its towers.")
@click.option(
    "--video-steps", default=2000, show_default=True, help="Steps of the vision tower alone, before the whole model."
)
@click.option("--threads", default=1, show_default=True, help="Number of CPU threads.")
def main(out: Path, seed: int, steps: int, video_steps: int, threads: int) -> None:
    """Train the tiny model from scratch on procedural clips: the base model of the proof."""
    record = pretrain(out, Pretraining(seed=seed, steps=steps, video_steps=video_steps, threads=threads))
    click.echo(f"{out}: {record['weights']} weights, {record['seconds']} s")


if __name__ == "__main__":
    main()
