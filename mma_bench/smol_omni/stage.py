"""One stage of the training: steps that resume after a kill and end with the weights of an uninterrupted run."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mma_bench.console.progress import bar
from mma_bench.errors import MMABenchError
from mma_bench.smol_omni.settings import StageSettings
from mma_bench.smol_omni.states import put, read_state, write_state

if TYPE_CHECKING:
    import torch


@dataclass
class Stage:
    """What is trained, and where its state is kept.

    Attributes:
        folder: holds `NAME.pt`, and `NAME-STEP.pt` for each snapshot.
        name: of the stage.
        settings: its length and learning rate.
        weights: what is trained, by name.
        loss_at: returns the loss of a step; it depends on the weights and on the number of the step alone.
        snapshot_every: steps between snapshots of the weights, 0 for none.
        save_every: steps between states from which a killed run resumes.
        losses: of the steps that were taken.
    """

    folder: Path
    name: str
    settings: StageSettings
    weights: "Mapping[str, torch.Tensor]"
    loss_at: "Callable[[int], torch.Tensor]"
    snapshot_every: int = 0
    save_every: int = 50
    losses: list[float] = field(default_factory=list)

    @property
    def state_file(self) -> Path:
        """The file of the weights, and of the optimizer until the last step."""
        return self.folder / f"{self.name}.pt"

    def snapshot_file(self, step: int) -> Path:
        """The file of the weights after ``step`` steps."""
        return self.folder / f"{self.name}-{step}.pt"

    def run(self, after_snapshot: Callable[[int], Any] | None = None) -> None:
        """Take the steps that are left.

        Args:
            after_snapshot: called with the number of steps after each snapshot, also step 0 and the last; once more for
                the one at which a run resumes.

        Raises:
            MMABenchError: the loss is not finite, or the state is damaged.
        """
        import torch

        optimizer = torch.optim.AdamW(list(self.weights.values()), betas=(0.9, 0.98), weight_decay=0.01)
        self._resume(optimizer)
        steps = self.settings.steps
        with bar(self.name, steps, done=len(self.losses), unit="step") as shown:
            self._snapshot(after_snapshot)  # the start, or one that was interrupted after its state was saved
            while len(self.losses) < steps:
                self.losses.append(self._step(len(self.losses), optimizer))
                shown.update()
                done = len(self.losses)
                if done % self.save_every == 0 or done == steps or self._due():
                    self._save(None if done == steps else optimizer)
                self._snapshot(after_snapshot)

    def _step(self, step: int, optimizer: Any) -> float:
        import torch

        optimizer.param_groups[0]["lr"] = rate(self.settings, step)
        torch.manual_seed(step)
        loss = self.loss_at(step)
        if not math.isfinite(found := float(loss.detach())):
            raise MMABenchError(f"{self.name}, step {step}: the loss is not finite; lower {self.name}.learning_rate")
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(list(self.weights.values()), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return round(found, 4)

    def _due(self) -> bool:
        """Return whether the weights of this step are kept."""
        done, every = len(self.losses), self.snapshot_every
        return every > 0 and (done % every == 0 or done == self.settings.steps)

    def _snapshot(self, after_snapshot: Callable[[int], Any] | None) -> None:
        if not self._due():
            return
        step = len(self.losses)
        write_state(self.snapshot_file(step), {"weights": dict(self.weights)})
        if after_snapshot:
            after_snapshot(step)

    def _save(self, optimizer: Any | None) -> None:
        state = {"weights": dict(self.weights), "losses": self.losses}
        if optimizer is not None:
            state["optimizer"] = optimizer.state_dict()
        write_state(self.state_file, state)

    def _resume(self, optimizer: Any) -> None:
        if not self.state_file.exists():
            return
        state = read_state(self.state_file, "weights", "losses")
        put(self.weights, state["weights"], self.state_file)
        self.losses = list(state["losses"])
        if "optimizer" in state:
            optimizer.load_state_dict(state["optimizer"])


def rate(settings: StageSettings, step: int) -> float:
    """Return the learning rate of a step: a linear warm-up, then a cosine to a twentieth."""
    rising = min(1.0, (step + 1) / max(1, settings.warmup))
    share = max(0, step - settings.warmup) / max(1, settings.steps - settings.warmup)
    return settings.learning_rate * rising * (0.05 + 0.475 * (1 + math.cos(math.pi * share)))
