"""The transcript control: is an error corrected by writing down what the asked modality shows?"""

from collections.abc import Sequence
from dataclasses import dataclass

from mma_bench.evaluation.analyses.pairs import wordings
from mma_bench.evaluation.analyses.registry import Column, analysis
from mma_bench.evaluation.analyses.table import STANDARD, VerdictTable
from mma_bench.evaluation.statistics import Average, Estimate, average_difference, average_share, share
from mma_bench.schema import Modality

VARIANTS = ("transcript_asked", "transcript_both")


@dataclass(frozen=True)
class Transcript:
    """Questions of one condition and modality, without and with a transcript.

    Attributes:
        condition: the condition.
        modality: what was asked about.
        variant: ``transcript_asked`` names the class of the asked modality, ``transcript_both`` that of both.
        pairs: questions that were asked both ways.
        accuracy: share right without it.
        informed: share right with it.
        gain: ``informed - accuracy``, paired.
        errors: pairs that are wrong without it.
        mended: share of those that are right with it: the model did not recognise, or did not use, what it now reads.
        distracted: share of the errors that name the distractor without it, and still do although the transcript says
            otherwise; nothing if there are none, as where there is no distractor.
    """

    condition: str
    modality: Modality
    variant: str
    pairs: int
    accuracy: Estimate
    informed: Estimate
    gain: Estimate
    errors: int
    mended: Estimate
    distracted: Estimate


@analysis(
    name="transcripts",
    title="Transcript control: not recognised, or not followed?",
    head="model: condition, asked, transcript",
    columns={
        "pairs": "pairs (n)",
        "accuracy": "without",
        "informed": "with",
        "gain": Column("gain", signed=True),
        "errors": "errors (n)",
        "mended": "corrected",
        "distracted": "still distracted",
    },
    row=lambda entry: (
        f"{entry.condition.replace('_', ' ')}, {entry.modality}, "
        f"{'of the asked modality' if entry.variant == 'transcript_asked' else 'of both'}"
    ),
    caption="Percent right without and with a sentence that says what the asked modality shows (or a sentence for each "
    "modality), paired by question, and the gain in percentage points; averages are those of the protocol, and an "
    "average over classes is not 1 − errors / pairs. Of the questions answered wrongly without it: percent right with "
    "it (corrected). Of those that named the distractor without it: percent that still do. 95% "
    "intervals (shares: Wilson, effective sample size over clips; gain: Bonett and Price).",
    notes=[
        "Corrected: the model did not recognise, or did not use, what it now reads. Errors that remain although the "
        "answer is written down do not come from a lack of recognition.",
        "A transcript of both names the distractor too: it helps only a model that attends to what is asked.",
    ],
)
def transcripts(table: VerdictTable, average: Average = "micro") -> list[Transcript]:
    """Return the control of each condition and modality that was asked with a transcript."""
    return [
        row
        for condition in table.conditions
        for modality in Modality
        for name in VARIANTS
        for row in _compared(table, condition, modality, name, average)
    ]


def _compared(
    table: VerdictTable, condition: str, modality: Modality, variant: str, average: Average
) -> Sequence[Transcript]:
    rows = table.select(condition=condition, modality=modality, variants=[*STANDARD, variant])
    pairs = wordings(rows, "standard", variant)
    if not len(pairs):
        return []
    plain, told = pairs.reference, pairs.changed
    clips, classes = plain.clip, plain.answer
    wrong = ~plain.correct
    misled = wrong & plain.distracted
    return [
        Transcript(
            condition=condition,
            modality=modality,
            variant=variant,
            pairs=len(pairs),
            accuracy=average_share(plain.correct, average, classes, clips),
            informed=average_share(told.correct, average, classes, clips),
            gain=average_difference(plain.correct, told.correct, average, classes, clips),
            errors=int(wrong.sum()),
            mended=share(told.correct[wrong], clips[wrong]),
            distracted=share(told.distracted[misled], clips[misled]),
        )
    ]
