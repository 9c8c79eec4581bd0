"""`tune --dry-run`: what a run would do and what would stop it, as far as can be checked without a network."""

from pathlib import Path

from mma_bench.console.dry_run import DryRun
from mma_bench.errors import MMABenchError, unknown
from mma_bench.models import preview
from mma_bench.tuning import require_packages
from mma_bench.tuning.settings import TuneSettings

_RANDOM = "random:"


def plan_tuning(settings: TuneSettings, out: Path) -> DryRun:
    """Check a run: packages, model, data and mix; and compute its first steps if model and data are here.

    Args:
        settings: all settings of the run.
        out: folder of the run.
    """
    found = DryRun()
    tracker = () if settings.tracker == "none" else (settings.tracker,)
    found.attempt(lambda: require_packages(*tracker))
    if found.problems:
        return found
    if out.exists() and not out.is_dir():
        found.problems.append(f"{out} is a file; choose another --out")
    model_line = found.attempt(lambda: _check_model(settings))
    data_lines = found.attempt(lambda: _check_data(settings))
    found.lines += [*([model_line] if model_line else []), *(data_lines or [])]
    for point in settings.data.mix:
        clips = ", ".join(f"{count} {name}" for name, count in settings.data.clips_at(point.from_step).items())
        found.lines.append(f"from step {point.from_step}, each step takes {clips}, with two questions per clip")
    found.lines += [f"from step {start} on, {name} is added" for name, start in settings.objective.starts.items()]
    train = settings.train
    found.lines.append(f"{train.steps} steps, a checkpoint every {train.save_every}, in {out}")
    if found.problems:
        return found
    if "to be downloaded" in "".join(found.lines):
        found.lines.append("no step was computed: the model or the data must be downloaded first")
        return found
    from mma_bench.tuning.recipe import tune

    found.attempt(lambda: tune(settings, out, dry_run=True))
    if not found.problems:
        found.lines.append("the first step of each mix and of each term was computed")
    return found


def _check_model(settings: TuneSettings) -> str:
    checkpoint = settings.model.checkpoint
    if not checkpoint.startswith(_RANDOM):
        return preview(f"transformers:{checkpoint}")
    from mma_bench.models.omni.thinker import ARCHITECTURES

    architecture = checkpoint.removeprefix(_RANDOM)
    if architecture not in ARCHITECTURES:
        raise MMABenchError(unknown("model.checkpoint: unknown architecture", architecture, ARCHITECTURES.names()))
    return f"model {checkpoint}: random weights, which teach nothing"


def _check_data(settings: TuneSettings) -> list[str]:
    """Return how many clips there are to train on and held out."""
    from mma_bench.streaming.table import read_table
    from mma_bench.tuning.mix import is_held_out

    path = settings.data.path
    if not (Path(path) / "metadata" / "stimuli.parquet").is_file():
        if Path(path).exists() or not _is_hub_name(path):
            raise MMABenchError(f"data.path: {path} is not a dataset; build one with `python -m builder run`")
        return [f"data {path}: to be downloaded"]
    table = read_table(Path(path), settings.data.config)
    share = settings.held_out.share if settings.held_out else 0.0
    held_out = sum(is_held_out(table.key(row), share) for row in range(len(table)))
    if settings.held_out and not held_out:
        raise MMABenchError(
            f"held_out.share: none of {len(table)} clips is held out at {share:g}; raise it, or take more clips"
        )
    if held_out == len(table):
        raise MMABenchError(f"held_out.share: all {len(table)} clips are held out at {share:g}; lower it")
    return [
        f"data {path}, {settings.data.config}: {len(table) - held_out} clips to train on, {held_out} held out, "
        f"{len(table.labels)} classes"
    ]


def _is_hub_name(path: str) -> bool:
    owner, slash, name = path.partition("/")
    return bool(owner and slash and name) and "/" not in name and not path.startswith(("/", ".", "~"))
