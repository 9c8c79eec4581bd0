"""Runs that may be compared, and the table of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from mma_bench.evaluation.analyses import CompetenceSplit, JointAccuracy
from mma_bench.evaluation.analyses.competence import conflict_split
from mma_bench.evaluation.analyses.table import CONFLICT
from mma_bench.evaluation.statistics import AVERAGE_WORDS
from mma_bench.report.average import average_of
from mma_bench.report.facts import DataFacts, Reference
from mma_bench.report.notices import notices_about
from mma_bench.report.runs import ScoredRun
from mma_bench.report.table import Column, Entry, Row, Share, Table, share_of
from mma_bench.report.tables.headline import cell_of, graded_note, heading, headline_share
from mma_bench.schema import Modality

_REMOVED = "† The asked modality was removed: a high number is hallucination."


@dataclass(frozen=True)
class Board:
    """Runs that answered the same questions.

    Attributes:
        facts: their data.
        references: conditions and modalities.
        runs: best first.
        table: the same as a table.
        notices: what a reader must know.
    """

    facts: DataFacts
    references: Sequence[Reference]
    runs: Sequence[ScoredRun]
    table: Table
    notices: Sequence[str]

    @property
    def title(self) -> str:
        """What was asked, in words."""
        facts = self.facts
        data = f"{facts.name} ({facts.sha256[:12]}), {facts.split}"
        return f"{data}, {self.runs[0].protocol_text}, {facts.questions:,} questions"


def make_board(runs: Sequence[ScoredRun], facts: DataFacts, references: Sequence[Reference], number: int) -> Board:
    """Return the board of ``runs``, which answered the same questions; ``number`` makes its name unique."""
    ordered = sorted(runs, key=lambda run: (-_merit(run, references), run.label))
    columns = [Column("stimuli", "both right")]
    columns += [Column(modality.value, "interference", modality) for modality in Modality]
    columns += [heading(reference) for reference in references]
    removed = "" if all(reference.answerable for reference in references) else _REMOVED
    table = Table(
        name=f"leaderboard_{number}",
        title="Leaderboard",
        caption=f"Percent, with 95% intervals. Accuracies: {AVERAGE_WORDS[average_of(ordered[0])]}. Both right: share "
        f"of the stimuli under {CONFLICT} whose two questions are answered correctly. Interference: accuracy without "
        f"the other modality minus accuracy under {CONFLICT}, paired by clip, by the same average, in points. "
        "Rows begin in the order of both right.",
        head="model",
        columns=columns,
        rows=[Row(run.label, _entries(run, references), run.kind) for run in ordered],
        notes=[note for note in (removed, graded_note(ordered)) if note],
    )
    return Board(facts, references, ordered, table, notices_about(ordered))


def _entries(run: ScoredRun, references: Sequence[Reference]) -> list[Entry]:
    both = next((joint.both for joint in run.analysis.of(JointAccuracy) if joint.condition == CONFLICT), None)
    entries: list[Entry] = [None if both is None else share_of(both)]
    for modality in Modality:
        split = conflict_split(run.analysis.of(CompetenceSplit), modality)
        entries.append(None if split is None else share_of(split.interference, signed=True))
    for reference in references:
        marks = "" if reference.answerable else "†"
        entries.append(headline_share(cell_of(run, reference), average_of(run), marks=marks))
    return entries


def _merit(run: ScoredRun, references: Sequence[Reference]) -> float:
    """Return what rows begin to be ordered by: both right under conflict, or else the first accuracy."""
    first = _entries(run, references)
    shares = [entry.value for entry in (first[0], *first[3:]) if isinstance(entry, Share)]
    return shares[0] if shares else 0.0
