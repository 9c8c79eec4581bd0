"""The control of the misleading caption: a caption of the same form that tells the truth."""

from builder.assemble.conditions.registry import Assembly, text_condition
from mma_bench.questions import prompts
from mma_bench.schema import Clip, Question


@text_condition
def true_caption(assembly: Assembly, clip: Clip, question: Question) -> Question:
    """A caption that names the answer of the question."""
    parts = prompts.captioned(prompts.standard(question.modality), question.answer)
    return prompts.with_prompt(question, parts).changed(distractor=None)
