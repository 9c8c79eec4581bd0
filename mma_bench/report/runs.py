"""Open runs and score their stored answers; no model is asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mma_bench.errors import MMABenchError
from mma_bench.evaluation.analysis import Analysis
from mma_bench.evaluation.scores import Scores, Verdict, score
from mma_bench.evaluation.store import AnswerStore, Run, open_run
from mma_bench.loader import Benchmark, load
from mma_bench.probe import Probe, read_probe
from mma_bench.report.excerpts import visible

BASELINE_PREFIX = "baseline:"


@dataclass(frozen=True)
class ScoredRun:
    """A run with its scores.

    Attributes:
        label: name in tables and figures: the model's, with the run's folder where two would be alike.
        folder: where the run lies, as it may be published: a relative path, or the last part of an absolute one.
        run: the head of the run.
        scores: scores of the stored answers.
        probe: whether video and audio reached the model, where that was kept.
    """

    label: str
    folder: str
    run: Run
    scores: Scores
    probe: Probe | None = None

    @property
    def is_baseline(self) -> bool:
        """Whether the model is a rule that reads labels, not a model under test."""
        return self.run.model.startswith(BASELINE_PREFIX)

    @property
    def analysis(self) -> Analysis:
        """Everything that the answers say besides the table of accuracies."""
        return self.scores.analysis

    @property
    def standard_verdicts(self) -> list[Verdict]:
        """The verdicts in the wordings that the headline numbers average over."""
        return [verdict for verdict in self.scores.verdicts if verdict.variant in self.scores.variants]

    @property
    def protocol_text(self) -> str:
        """The protocol with its version and hash."""
        return "protocol paper"

    @property
    def kind(self) -> Literal["model", "baseline"]:
        """What kind of row it makes in a table."""
        return "baseline" if self.is_baseline else "model"


def read_runs(folders: Sequence[Path], data: Path | None) -> tuple[Benchmark, list[ScoredRun]]:
    """Open and score runs over the same data.

    Args:
        folders: folders of runs.
        data: the dataset, if it does not lie where the runs say.

    Returns:
        All questions that any of the runs was to answer; and the runs, models before baselines.

    Raises:
        MMABenchError: a folder is not a run, runs differ in data, or the data changed since.
    """
    if not folders:
        raise MMABenchError("a report needs at least one run; make one with `mma-bench eval`")
    heads = [(folder, open_run(folder)) for folder in folders]
    _check_comparable(heads)
    labels = _labels(heads)
    scored = [_score(folder, head, label, data) for (folder, head), label in zip(heads, labels, strict=True)]
    runs = [run for _, run in heads]
    limits = [run.limit for run in runs]
    everything = runs[0].model_copy(
        update={
            "conditions": sorted({name for run in runs for name in run.conditions}),
            "limit": None if None in limits else max(limit for limit in limits if limit is not None),
        }
    )
    return _load(folders[0], everything, data), sorted(scored, key=lambda run: run.is_baseline)


def _check_comparable(heads: Sequence[tuple[Path, Run]]) -> None:
    seen: set[Path] = set()
    first_folder, first = heads[0]
    for folder, run in heads:
        if folder.resolve() in seen:
            raise MMABenchError(f"{folder} is given twice; name each run once")
        seen.add(folder.resolve())
        if run.data_sha256 != first.data_sha256 or run.split != first.split:
            raise MMABenchError(
                f"{first_folder} and {folder} are about different data "
                f"({first.data}, {first.split}, sha256 {first.data_sha256[:12]}; "
                f"{run.data}, {run.split}, sha256 {run.data_sha256[:12]}); write a report for each"
            )


def _labels(heads: Sequence[tuple[Path, Run]]) -> list[str]:
    models = [run.model for _, run in heads]
    names = [
        run.model if models.count(run.model) == 1 else f"{run.model} ({folder.resolve().name})" for folder, run in heads
    ]
    # Two folders may share their last part too.
    return [
        visible(
            name if names.count(name) == 1 else f"{run.model} ({'/'.join(folder.resolve().parts[-2:])})", one_line=True
        )
        for name, (folder, run) in zip(names, heads, strict=True)
    ]


def _load(folder: Path, run: Run, data: Path | None) -> Benchmark:
    try:
        benchmark = load(data or run.data, condition=run.conditions, split=run.split, limit=run.limit)
    except MMABenchError as error:
        hint = "" if data else " (if the data was moved, say where it is with --data)"
        raise MMABenchError(f"{folder}: {error}{hint}") from error
    if benchmark.fingerprint != run.data_sha256:
        raise MMABenchError(
            f"{folder} was made on other data than {data or run.data} holds now "
            f"(sha256 {run.data_sha256[:12]}, now {benchmark.fingerprint[:12]}); "
            "give the data it was made on with --data, or evaluate again"
        )
    return benchmark


def _score(folder: Path, run: Run, label: str, data: Path | None) -> ScoredRun:
    benchmark = _load(folder, run, data)
    scores = score(benchmark, AnswerStore(folder).read().values(), run.model_fingerprint)
    if not scores.verdicts:
        raise MMABenchError(f"{folder} holds no answers; finish it with `mma-bench eval --run {folder}`")
    shown = folder.resolve().name if folder.is_absolute() or ".." in folder.parts else folder.as_posix()
    return ScoredRun(label, visible(shown, one_line=True), run, scores, read_probe(folder))
