"""A model that answers in texts made to break pages, tables and spreadsheets."""

from collections.abc import Sequence

from mma_bench.dataset.load import Sample
from mma_bench.models.interface import Answer, Model
from mma_bench.schema import Question

HOSTILE = (
    "=HYPERLINK(1)</span></script><script>window.hacked='x'</script>\u2028-->]]>"
    "<img src=http://example.com/x onerror=window.hacked=1>\x00\x1b[31m\u202e\ud800 {{7*7}} \\input{/etc/passwd} "
)
LONG = "m" * 100_000


class Hostile(Model):
    """Names what it hears; on the last stimulus of each condition it refuses, at great length."""

    takes_media = False
    name = "=hos<b>tile|/$\\frac$\x07 [x](javascript:1) <img src=x onerror=window.hacked=1>"

    def __init__(self) -> None:
        self._refused: set[str] = set()

    def fingerprint(self) -> dict[str, str]:
        return {"<i>key": "</dd><script>window.hacked=2</script>"}

    def prepare(self, questions: Sequence[Question]) -> None:
        last = {question.condition: question.question_id.split("/")[0] for question in questions}
        self._refused = set(last.values())

    def answer(self, sample: Sample) -> list[Answer]:
        refuses = sample.stimulus.key in self._refused or sample.stimulus.audio.label is None
        text = HOSTILE + (f"I cannot tell. {LONG}" if refuses else str(sample.stimulus.audio.label))
        return [Answer(question.question_id, text) for question in sample.questions]
