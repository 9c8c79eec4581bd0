"""A part of a model's card: its results, what they were measured on, and how to measure them again."""

from collections.abc import Sequence
from dataclasses import replace

from mma_bench import __version__
from mma_bench.evaluation.analyses.competence import TITLE, CompetenceSplit, conflict_split
from mma_bench.evaluation.statistics import AVERAGE_WORDS
from mma_bench.files.text import visible
from mma_bench.parsing import PARSER_VERSION
from mma_bench.report.average import average_of
from mma_bench.report.facts import DataFacts, Reference
from mma_bench.report.notices import notices_about
from mma_bench.report.render.markdown import markdown, markdown_text
from mma_bench.report.runs import ScoredRun
from mma_bench.report.tables.headline import headline
from mma_bench.schema import Modality


def model_card(run: ScoredRun, facts: DataFacts, columns: Sequence[Reference], command: str) -> str:
    """Return Markdown for the card of the model of ``run``.

    Args:
        run: the model's run.
        facts: the data.
        columns: columns of the table of accuracies.
        command: makes the run again.
    """
    average = average_of(run)
    table = headline([run], columns, average)
    lines = [
        "## MMA-Bench: which modality does the model answer from?",
        "",
        f"Accuracy in percent, {AVERAGE_WORDS[average]}, on {markdown_text(facts.name)} "
        f"({facts.questions:,} questions about {facts.clips:,} "
        "clips, "
        f"SHA-256 `{facts.sha256[:12]}`), {markdown_text(run.protocol_text)}, mma-bench {__version__}, parser "
        f"{PARSER_VERSION}.",
        "",
        markdown(replace(table, head="")),
        *_competence(run),
        *(f"- Note: {markdown_text(notice)}" for notice in notices_about([run])),
        "",
        "Measured with:",
        "",
        *(f"    {line}" for line in visible(command, one_line=True).splitlines()),
        "",
    ]
    return "\n".join(lines)


def _competence(run: ScoredRun) -> list[str]:
    found = []
    for modality in Modality:
        if split := conflict_split(run.analysis.of(CompetenceSplit), modality):
            lost = split.interference
            found.append(
                f"- {TITLE} Asked about {modality} under conflict (paired by clip, {AVERAGE_WORDS[average_of(run)]}): "
                f"{100 * split.accuracy.value:.1f}% right of a ceiling of {100 * split.ceiling.value:.1f}% with "
                "one modality; "
                f"interference takes {100 * lost.value:.1f} points (95% interval {100 * lost.low:.1f} to "
                f"{100 * lost.high:.1f}, "
                f"n = {split.pairs:,} pairs)."
            )
    return found
