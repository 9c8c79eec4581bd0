"""The recipe: LoRA on the language model of an Omni model, on clips whose modalities disagree.

Read it from top to bottom. Each step of `tune` takes the clips of the mix, computes the objective (`step.py`), and
applies the update. The data follow arXiv 2511.22826, the objective arXiv 2505.19616.

Processes exchange only the gradients of the updates, a few megabytes, so the model needs no wrapper. The inner loop of
the adversarial term can therefore compute gradients independently.
"""

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mma_bench.errors import MMABenchError
from mma_bench.tuning import state as states
from mma_bench.tuning.adapter import save_adapter, save_checkpoint
from mma_bench.tuning.held_out import score_held_out
from mma_bench.tuning.mix import Mixture, held_out_examples
from mma_bench.tuning.model import load_for_tuning, trainable
from mma_bench.tuning.record import RunLog, RunRecord
from mma_bench.tuning.settings import TrainSettings, TuneSettings
from mma_bench.tuning.step import step_losses

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Tuned:
    """Result of a run.

    Attributes:
        adapter: folder of the adapter; with `train.weights: full` of a checkpoint.
        steps: steps that were taken.
        stopped_early: whether accuracy on the held-out clips stopped improving.
        score: accuracy on the held-out clips, none if there are none.
    """

    adapter: Path
    steps: int
    stopped_early: bool
    score: float | None


def tune(settings: TuneSettings, out: Path, *, dry_run: bool = False, progress: bool = True) -> Tuned | None:
    """Tune a model, or resume an interrupted run.

    Args:
        settings: all settings of the run.
        out: folder of the run: `adapter/`, `run.json`, `metrics.jsonl`, `checkpoints/`, `tensorboard/`.
        dry_run: compute the first step of each mix and of each term, change and write nothing.
        progress: show progress on standard error.

    Returns:
        The result; none for a dry run.

    Raises:
        MMABenchError: a setting, the data or the model cannot be used, or the loss is not finite.
    """
    import torch
    from accelerate import Accelerator

    # 1. Model, data and optimizer. Every process draws the same updates, then its own dropout.
    accelerator = Accelerator(cpu=not torch.cuda.is_available())
    torch.manual_seed(settings.train.seed)
    model = load_for_tuning(settings)
    weights = trainable(model.whole)
    mixture = Mixture(settings, model.prepare)
    held_out = held_out_examples(settings, model.prepare)
    fillers = model.prepare.fillers()
    optimizer = torch.optim.AdamW(
        weights.values(), lr=settings.train.learning_rate, weight_decay=settings.train.weight_decay
    )
    scheduler = _schedule(optimizer, settings.train)
    torch.manual_seed(settings.train.seed + 1 + accelerator.process_index)
    data = mixture.fingerprint() | ({"texts": model.text.fingerprint()} if model.text else {})
    record = RunRecord.of(settings, model.identity, data, accelerator.num_processes)
    movable = (optimizer, scheduler, mixture)
    last = states.load(out, record, accelerator)
    if dry_run:
        for step in settings.changes:
            step_losses(model, settings, mixture.step(step), step, fillers)
        return None

    # 2. The last checkpoint, if there is one.
    done = _Progress()
    if last:
        _resume(last, weights, *movable)
        done = _Progress(last.step, last.score, last.waited, last.best)
    log = RunLog(out, record, settings, accelerator, done.step, progress=progress)

    # 3. Training.
    if settings.held_out and not done.step:  # the score to improve on
        log.held_out(0, score_held_out(model, held_out, settings.train.micro_batch, accelerator))
    patience = settings.held_out.patience if settings.held_out else math.inf
    while done.step < settings.train.steps and done.waited < patience:
        losses = step_losses(model, settings, mixture.step(done.step), done.step, fillers, accelerator.process_index)
        norm = _move(weights, optimizer, settings.train.clip_norm, accelerator)
        scheduler.step()
        done.step += 1
        log.losses(done.step, _mean(losses, accelerator), norm, scheduler.get_last_lr()[0])
        at_end = done.step == settings.train.steps
        if settings.held_out and (done.step % settings.held_out.every == 0 or at_end):
            found = score_held_out(model, held_out, settings.train.micro_batch, accelerator)
            log.held_out(done.step, found)
            done.judge(found.score, weights)
        if done.step % settings.train.save_every == 0 or at_end:
            states.save(out, _state(record.sha256, done, weights, *movable), accelerator)

    # 4. The adapter of the best evaluation, or of the last step.
    _put(weights, done.best or _copy(weights))
    score = done.score[0] if done.score else None
    save, name = (save_checkpoint, "checkpoint") if settings.train.weights == "full" else (save_adapter, "adapter")
    result = Tuned(out / name, done.step, done.step < settings.train.steps, score)
    if accelerator.is_main_process:
        save(result.adapter, model, settings, record, asdict(result))
    log.close()
    accelerator.wait_for_everyone()
    return result


def _schedule(optimizer: Any, train: TrainSettings) -> Any:
    """Return a linear warm-up, then a cosine to zero."""
    from transformers import get_cosine_schedule_with_warmup

    return get_cosine_schedule_with_warmup(optimizer, round(train.warmup * train.steps), train.steps)


@dataclass
class _Progress:
    """Progress of a run: steps, the best score, evaluations since then, and the best weights."""

    step: int = 0
    score: tuple[float, float] | None = None
    waited: int = 0
    best: "dict[str, torch.Tensor]" = field(default_factory=dict)

    def judge(self, score: tuple[float, float], weights: dict[str, Any]) -> None:
        """Keep the weights if they are better than any before."""
        self.waited += 1
        if self.score is None or score > self.score:
            self.score, self.waited, self.best = score, 0, _copy(weights)


def _state(
    run: str, progress: _Progress, weights: dict[str, Any], optimizer: Any, scheduler: Any, mixture: Mixture
) -> states.State:
    return states.State(
        run=run,
        step=progress.step,
        weights=_copy(weights),
        optimizer=optimizer.state_dict(),
        scheduler=scheduler.state_dict(),
        data=mixture.state_dict(),
        rng=states.rng_state(),
        best=progress.best,
        score=progress.score,
        waited=progress.waited,
    )


def _resume(state: states.State, weights: dict[str, Any], optimizer: Any, scheduler: Any, mixture: Mixture) -> None:
    _put(weights, state.weights)
    optimizer.load_state_dict(state.optimizer)
    scheduler.load_state_dict(state.scheduler)
    mixture.load_state_dict(state.data)
    states.set_rng_state(state.rng)


def _move(weights: dict[str, Any], optimizer: Any, clip_norm: float, accelerator: Any) -> float:
    """Average the gradients of all processes, clip them, and take a step; return their norm."""
    import torch

    if missing := [name for name, weight in weights.items() if weight.grad is None]:
        raise MMABenchError(f"no gradient reaches {missing[0]}, so it would never learn; choose other lora.projections")
    if accelerator.num_processes > 1:
        flat = torch.cat([weight.grad.flatten() for weight in weights.values()])
        parts = accelerator.reduce(flat, "mean").split([weight.numel() for weight in weights.values()])
        for weight, part in zip(weights.values(), parts, strict=True):
            weight.grad = part.view_as(weight)
    norm = float(torch.nn.utils.clip_grad_norm_(list(weights.values()), clip_norm))
    if not math.isfinite(norm):
        raise MMABenchError(
            "the gradient norm is not finite (NaN or inf); lower train.learning_rate or objective.adversarial.eps, or "
            "set model.dtype=float32. The last checkpoint is complete"
        )
    optimizer.step()
    optimizer.zero_grad()
    return norm


def _mean(losses: dict[str, float], accelerator: Any) -> dict[str, float]:
    """Return the mean of each term over all processes, which have the same terms."""
    import torch

    values = torch.tensor(list(losses.values()), dtype=torch.float64, device=accelerator.device)
    return dict(zip(losses, accelerator.reduce(values, "mean").tolist(), strict=True))


def _copy(weights: dict[str, Any]) -> dict[str, "torch.Tensor"]:
    return {name: weight.detach().cpu().clone() for name, weight in weights.items()}


def _put(weights: dict[str, Any], values: dict[str, "torch.Tensor"]) -> None:
    import torch

    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(values[name])
