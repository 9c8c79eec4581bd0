"""What a report tells, gathered once: the page and the files are made from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mma_bench.dataset.load import Benchmark, Sample
from mma_bench.drawing.panels import Plot
from mma_bench.evaluation.statistics import Average
from mma_bench.report.average import average_of
from mma_bench.report.browser import browser_data
from mma_bench.report.facts import DataFacts, Reference, data_facts, references
from mma_bench.report.figures import plots_of
from mma_bench.report.notices import notices_about
from mma_bench.report.playable import choose_playable
from mma_bench.report.runs import ScoredRun
from mma_bench.report.table import Table
from mma_bench.report.tables import analysis_tables, published_table
from mma_bench.report.tables.detail import detail
from mma_bench.report.tables.headline import headline


@dataclass(frozen=True)
class Contents:
    """What a report tells.

    Attributes:
        facts: about the data.
        references: the columns of the table of accuracies.
        runs: the rows, models before baselines.
        headlines: accuracy, mean over questions and over classes; first the one that the protocol names.
        analyses: the tables of everything else, by name.
        details: all scores of each run.
        published: accuracies from papers next to those of the runs, where they can be compared.
        plots: the figures, the main one first.
        playable: stimuli whose media are in the report.
        browser: all questions and answers, for the browser of examples.
        notices: what a reader must know before comparing the models.
    """

    facts: DataFacts
    references: Sequence[Reference]
    runs: Sequence[ScoredRun]
    headlines: Sequence[Table]
    analyses: Mapping[str, Table]
    details: Sequence[Table]
    published: Table | None
    plots: Sequence[Plot]
    playable: Sequence[Sample]
    browser: Mapping[str, Any]
    notices: Sequence[str]

    @property
    def tables(self) -> list[Table]:
        """All tables."""
        last = [self.published] if self.published else []
        return [*self.headlines, *self.analyses.values(), *self.details, *last]


def gather(benchmark: Benchmark, runs: Sequence[ScoredRun], data: str | Path, examples: int) -> Contents:
    """Gather a report.

    Args:
        benchmark: all questions that any of the runs was to answer.
        runs: scored runs.
        data: what the benchmark was loaded from.
        examples: stimuli of each media condition to play.
    """
    facts, columns = data_facts(benchmark, data, runs[0].run.split), references(benchmark, runs[0].scores.variants)
    first = average_of(runs[0])
    averages: tuple[Average, Average] = (first, "macro" if first == "micro" else "micro")
    playable = choose_playable(benchmark, runs, examples)
    return Contents(
        facts=facts,
        references=columns,
        runs=runs,
        headlines=[headline(runs, columns, average) for average in averages],
        analyses={table.name: table for table in analysis_tables(runs)},
        details=[detail(run, columns, number) for number, run in enumerate(runs, start=1)],
        published=published_table(runs, columns, facts),
        plots=plots_of(runs, columns),
        playable=playable,
        browser=browser_data(runs, playable),
        notices=notices_about(runs),
    )
