"""What `eval` and `score` print."""

from collections.abc import Sequence

from mma_bench.evaluation.protocols import Protocol
from mma_bench.evaluation.scores import Scores
from mma_bench.evaluation.statistics import Average

OVER = {"micro": "questions", "macro": "classes"}


def summary(scores: Scores, protocol: Protocol, notes: Sequence[str]) -> str:
    """Return the table of accuracies with the protocol over it and the notes under it.

    The average that the protocol names leads, with its interval; the other one follows.
    """
    first = scores.average
    other: Average = "macro" if first == "micro" else "micro"
    lines = [
        f"protocol {protocol.title}",
        f"accuracy: mean over {OVER[first]} ({first}) and over {', '.join(scores.variants)}",
    ]
    head = ("condition", "asked", "n", f"{first} % [95%]", f"{other} %", "distracted %")
    lines.append("{:<20} {:<7} {:>5}  {:<22} {:>7}  {:>12}".format(*head))
    for cell in scores.cells:
        led = cell.headline(first)
        interval = f"{100 * led.value:5.1f} [{100 * led.low:.1f}, {100 * led.high:.1f}]"
        note = "" if cell.answerable else "  modality removed: these are hallucinations"
        lines.append(
            f"{cell.condition:<20} {cell.modality:<7} {cell.questions:>5}  {interval:<22} "
            f"{100 * cell.headline(other).value:>7.1f}  {100 * cell.distraction_rate:>12.1f}{note}"
        )
    if scores.missing:
        lines.append(f"note: {scores.missing} questions have no answer yet and are left out")
    return "\n".join([*lines, *(f"note: {note}" for note in notes)])
