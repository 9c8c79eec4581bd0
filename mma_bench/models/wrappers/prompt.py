"""`+prompt`: the model is told to use only the asked modality.

One sentence before each question:

    Answer from the modality that the question names, and only from it. Ignore the other modality and any caption. If
    there is nothing to see or to hear, say so.

The wording is ours; it is the baseline that costs nothing, against which the other wrappers and tuning are compared
(`scripts/proof/ablation.py`). It is part of the question, after a caption and any unrelated text. Questions that do
not concern one modality and requests for captions are left as they are.
"""

from dataclasses import replace

from mma_bench.models.checks import Check
from mma_bench.models.wrappers.rewriting import Rewriting
from mma_bench.models.wrappers.wrapper import wrapper
from mma_bench.questions.prompts import doubled, parts_of, with_prompt
from mma_bench.schema import Question

INSTRUCTION = (
    "Answer from the modality that the question names, and only from it. Ignore the other modality and any caption. "
    "If there is nothing to see or to hear, say so."
)


@wrapper
class Prompt(Rewriting):
    """+prompt: an instruction to use only the asked modality, before each question."""

    suffix = "prompt"
    comes_last = True

    def describe(self) -> str:
        """Return version and instruction."""
        return f"{super().describe()} {INSTRUCTION}"

    def text(self, question: Question) -> Question:
        """Return ``question`` with the instruction before it."""
        parts = parts_of(question)
        return with_prompt(question, parts.changed(question=f"{doubled(INSTRUCTION)} {parts.question}"))

    def check_text(self, check: Check) -> Check:
        """Return ``check`` with the instruction before it."""
        return replace(check, prompt=f"{INSTRUCTION} {check.prompt}")
