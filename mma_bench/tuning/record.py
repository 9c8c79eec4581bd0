"""What a run records next to its weights: configuration, versions, inputs and metrics."""

import importlib.metadata
import json
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import mma_bench
from mma_bench.console.progress import bar
from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import write_json, write_text
from mma_bench.files.documents import parse_json
from mma_bench.files.hashing import sha256_json
from mma_bench.tuning.held_out import HeldOutScore
from mma_bench.tuning.settings import TuneSettings

RECORD = "run.json"
"""File of a run with everything that determines it."""

_INCIDENTAL = frozenset(
    {
        "tracker",
        "train.log_every",
        "train.save_every",
        "model.encoder_cache_mb",
        "model.local_files_only",
        "data.decoded_cache_mb",
        "data.path",
        "objective.language.texts",
    }
)
"""Settings that may change in a resumed run: the weights stay the same. What the paths hold has its own hash."""

_LATER = {"model.layout": "interleaved"}
"""Settings that did not exist once, with the value that all runs had: those with it keep their hash."""

_PACKAGES = ("torch", "transformers", "peft", "accelerate", "numpy")


@dataclass(frozen=True)
class RunRecord:
    """What determines the weights of a run.

    Attributes:
        configuration: all settings.
        configuration_sha256: their hash.
        seed: of the draws.
        model: identity of the base model's weights.
        data: hash of what each stream yields: samples, order, conflicts.
        processes: how many train together.
        versions: versions of the programs. They are not part of `sha256`, so that an update does not end a run.
        sha256: hash of everything before the versions.
    """

    configuration: dict[str, Any]
    configuration_sha256: str
    seed: int
    model: dict[str, str]
    data: dict[str, str]
    processes: int
    versions: dict[str, str]
    sha256: str

    @staticmethod
    def of(settings: TuneSettings, model: dict[str, str], data: dict[str, str], processes: int) -> "RunRecord":
        """Return the record of a run."""
        configuration = settings.model_dump(mode="json")
        deciding = {
            name: value
            for name, value in _flat(configuration).items()
            if name not in _INCIDENTAL and (name, value) not in _LATER.items()
        }
        identity = {name: model.get(name) for name in ("weights", "dtype", "frame format")}
        versions = {name: importlib.metadata.version(name) for name in _PACKAGES}
        versions |= {"mma_bench": mma_bench.__version__, "python": platform.python_version()}
        return RunRecord(
            configuration=configuration,
            configuration_sha256=sha256_json(configuration),
            seed=settings.train.seed,
            model=model,
            data=data,
            processes=processes,
            versions=versions,
            sha256=sha256_json([deciding, identity, data, processes]),
        )

    def difference(self, out: Path) -> str:
        """Return what differs in the run in ``out``."""
        try:
            found = parse_json((out / RECORD).read_text("utf-8"))
            earlier, now = _flat(found["configuration"]), _flat(self.configuration)
            parts = [name for name in ("model", "data", "processes") if found[name] != getattr(self, name)]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return f"its {RECORD} cannot be read"
        for name in sorted({*earlier, *now} - _INCIDENTAL):
            if earlier.get(name, _LATER.get(name)) != now.get(name):
                parts.append(f"{name} was {earlier.get(name)}, is {now.get(name)}")
        return "; ".join(parts)


def _flat(settings: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Return settings by their names, such as `train.steps`."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        found |= _flat(value, f"{above}{name}.") if isinstance(value, dict) else {f"{above}{name}": value}
    return found


class RunLog:
    """Writes `run.json`, `metrics.jsonl` and the tracker's files, from the main process.

    Args:
        out: folder of the run.
        record: what determines the run.
        settings: which tracker, and how often.
        accelerator: of the run.
        step: the step from which the run resumes; later lines of an interrupted run are discarded.
        progress: show progress on standard error.
    """

    def __init__(
        self, out: Path, record: RunRecord, settings: TuneSettings, accelerator: Any, step: int, *, progress: bool
    ) -> None:
        self._path = out / "metrics.jsonl"
        self._every = settings.train.log_every
        self._main = bool(accelerator.is_main_process)
        self._tracker = _tracker(out, record, settings, step) if self._main else None
        if self._main:
            write_json(out / RECORD, asdict(record))
            write_text(self._path, "".join(f"{line}\n" for line in self._until(step)))
        self._bar = bar("tune", settings.train.steps, done=step, unit="step", show=progress and self._main)

    def losses(self, step: int, losses: dict[str, float], norm: float, rate: float) -> None:
        """Record the terms of a step."""
        self._bar.set_postfix({name: f"{value:.3g}" for name, value in losses.items()}, refresh=False)
        self._bar.update()
        if step % self._every == 0:
            values = {f"loss/{name}": value for name, value in losses.items()}
            self._write(step, {**values, "gradient norm": norm, "learning rate": rate})

    def held_out(self, step: int, score: HeldOutScore) -> None:
        """Record an evaluation."""
        found = {"held out/accuracy": score.accuracy}
        found |= {f"held out/{name}": accuracy for name, accuracy in score.by_condition.items()}
        values = {"held out/loss": score.loss, **{name: accuracy.value for name, accuracy in found.items()}}
        intervals = {name: [accuracy.low, accuracy.high] for name, accuracy in found.items()}
        self._write(step, values, {"questions": score.questions, "intervals": intervals})

    def close(self) -> None:
        """Finish the tracker's files, and the progress."""
        self._bar.close()
        if self._tracker:
            self._tracker.finish()

    def _write(self, step: int, values: dict[str, float], more: dict[str, Any] | None = None) -> None:
        """Write values to the file and to the tracker, and ``more`` to the file alone."""
        if self._main:
            with open(self._path, "a", encoding="utf-8") as file:
                file.write(json.dumps({"step": step, **values, **(more or {})}) + "\n")
        if self._tracker:
            self._tracker.log(values, step=step)

    def _until(self, step: int) -> list[str]:
        lines = self._path.read_text("utf-8").splitlines() if self._path.is_file() else []
        kept = []
        for line in lines:
            try:
                if step and parse_json(line)["step"] <= step:
                    kept.append(line)
            except (ValueError, KeyError, TypeError):
                continue  # a line that a kill cut off
        return kept


class _TensorBoard:
    def __init__(self, out: Path, record: RunRecord, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer: Any = SummaryWriter(str(out / "tensorboard"), purge_step=step + 1 if step else None)
        self._writer.add_text("configuration", f"```\n{json.dumps(record.configuration, indent=2)}\n```")

    def log(self, values: dict[str, float], step: int) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def finish(self) -> None:
        self._writer.close()


def _tracker(out: Path, record: RunRecord, settings: TuneSettings, step: int) -> Any:
    """Return an object with `log(values, step=)` and `finish()`, or none."""
    if settings.tracker == "none":
        return None
    try:
        if settings.tracker == "tensorboard":
            return _TensorBoard(out, record, step)
        import wandb
    except ImportError as error:
        raise MMABenchError(
            f"tracker: {settings.tracker} is not installed ({error}); install it, or set tracker to tensorboard or none"
        ) from error
    return wandb.init(
        project="mma-bench",
        id=sha256_json([record.sha256, str(out.resolve())])[:16],
        resume="allow",
        dir=str(out),
        config=record.configuration,
    )
