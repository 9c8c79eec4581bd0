"""Open runs and score their stored answers; no model is asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mma_bench.dataset.load import Benchmark
from mma_bench.errors import MMABenchError
from mma_bench.evaluation.analyses import Analysis
from mma_bench.evaluation.rescoring import questions_of, rescore
from mma_bench.evaluation.scores import Scores
from mma_bench.evaluation.store import AnswerStore, Run, open_run
from mma_bench.evaluation.usage import Usage, read_usage
from mma_bench.evaluation.verdict import Verdict
from mma_bench.files.text import visible
from mma_bench.probe import Probe, read_probe


@dataclass(frozen=True)
class ScoredRun:
    """A run with its scores.

    Attributes:
        label: name in tables and figures: the model's, with the run's folder where two would be alike.
        folder: where the run lies, as it may be published: a relative path, or the last part of an absolute one.
        run: the head of the run.
        scores: scores of the stored answers.
        probe: whether video and audio reached the model, where that was kept.
        deviations: how the model's settings differ from those of the run's protocol, in words.
        usage: tokens, time, cost and memory that the run took, as far as they were recorded.
    """

    label: str
    folder: str
    run: Run
    scores: Scores
    probe: Probe | None = None
    deviations: Sequence[str] = ()
    usage: Usage | None = None

    @property
    def is_baseline(self) -> bool:
        """Whether the model is a rule that reads labels, not a model under test."""
        return self.run.is_baseline

    @property
    def is_person(self) -> bool:
        """Whether a person was asked, not a model."""
        return self.run.is_person

    @property
    def kind(self) -> Literal["model", "baseline"]:
        """What kind of row it makes in a table."""
        return "baseline" if self.is_baseline else "model"

    @property
    def analysis(self) -> Analysis:
        """Everything that the answers say besides the table of accuracies."""
        return self.scores.analysis

    @property
    def headline_verdicts(self) -> list[Verdict]:
        """The verdicts in the wordings that the headline numbers average over."""
        return [verdict for verdict in self.scores.verdicts if verdict.variant in self.scores.variants]

    @property
    def protocol_text(self) -> str:
        """The protocol with its version and hash, fit to be shown."""
        return visible(f"protocol {self.run.asked.title}", one_line=True)


Heads = Sequence[tuple[Path, Run]]
"""Runs that were opened: folders with the heads they hold."""


def read_runs(folders: Sequence[Path], data: Path | None) -> tuple[Benchmark, list[ScoredRun]]:
    """Open and score runs over the same data.

    Args:
        folders: folders of runs.
        data: the dataset, if it is not where the runs say.

    Returns:
        All questions that any of the runs was to answer; and the runs: models, models that were not given everything,
        people, baselines.

    Raises:
        MMABenchError: a folder is not a run, runs differ in data or protocol, or the data changed since.
    """
    if not folders:
        raise MMABenchError("a report needs at least one run; make one with `mma-bench eval`")
    heads = [(folder, open_run(folder)) for folder in folders]
    _check_comparable(heads)
    scored = [score_run(folder, label, data) for (folder, _), label in zip(heads, labels_of(heads), strict=True)]
    runs = [run for _, run in heads]
    limits = [run.limit for run in runs]
    if len({run.limit_by for run in runs}) > 1:
        limits.append(None)  # no single limit takes what each of them did
    everything = runs[0].changed(
        conditions=sorted({name for run in runs for name in run.conditions}),
        limit=None if None in limits else max(limit for limit in limits if limit is not None),
    )
    return questions_of(folders[0], everything, data), sorted(scored, key=_place)


def competes(run: ScoredRun) -> bool:
    """Return whether a run can be called the best: people, rules and models that were not given everything cannot.

    They are what models are compared with.
    """
    return not (run.is_baseline or run.is_person or run.run.withheld)


def _place(run: ScoredRun) -> int:
    """Return where a run comes in a report, which describes the first one."""
    return 3 * run.is_baseline or 2 * run.is_person or bool(run.run.withheld)


def score_run(folder: Path, label: str, data: Path | None) -> ScoredRun:
    """Score one run.

    Args:
        folder: where it lies.
        label: its name in tables and figures.
        data: the dataset, if it is not where the run says.

    Raises:
        MMABenchError: it is no run, it holds no answers, or the data is missing or was changed since.
    """
    rescored = rescore(folder, data)
    shown = folder.resolve().name if folder.is_absolute() or ".." in folder.parts else folder.as_posix()
    name = visible(shown, one_line=True)
    usage = read_usage(folder, AnswerStore(folder).read().values())
    return ScoredRun(label, name, rescored.run, rescored.scores, read_probe(folder), rescored.notes, usage)


def labels_of(heads: Heads) -> list[str]:
    """Return a name for each run: the model's, with as much of the folder as tells two apart."""
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


def selection_of(run: Run) -> tuple[object, ...]:
    """Return what two runs must have in common for their numbers to be compared."""
    limit = run.limit, run.limit_by
    return run.data_sha256, run.split, run.asked.sha256, tuple(run.conditions), limit, run.repeats, run.shard


def _check_comparable(heads: Heads) -> None:
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
        if run.asked.sha256 != first.asked.sha256:
            raise MMABenchError(
                f"{first_folder} and {folder} were made by different protocols ({first.asked.title}, "
                f"{run.asked.title}); write a report for each"
            )
