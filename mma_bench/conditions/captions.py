"""Captions before the question: one that misleads (arXiv 2511.22826), and its control, which tells the truth."""

from mma_bench.conditions.registry import Draw, Labels, drawn_text_condition
from mma_bench.questions import prompts
from mma_bench.questions.near_synonyms import without_near_synonyms
from mma_bench.schema import Question


@drawn_text_condition("caption")
def misleading_caption(question: Question, labels: Labels, draw: Draw) -> Question:
    """A caption that names another class, the same for both questions of a clip."""
    lies = prompts.lying_captions(question.options, labels, question.answer)
    if draw.avoid_near_synonyms:
        lies = without_near_synonyms(lies, labels) or lies
    caption = draw.generator.choice(lies)
    return _with_caption(question, caption).changed(distractor=caption)


@drawn_text_condition("true caption")
def true_caption(question: Question, labels: Labels, draw: Draw) -> Question:
    """A caption that names the answer, so that captions are not always wrong.

    A question about a removed modality stays as it is: there is no class that its caption could name.
    """
    return _with_caption(question, question.answer) if question.answerable else question


def _with_caption(question: Question, name: str) -> Question:
    return prompts.with_prompt(question, prompts.captioned(prompts.standard(question.modality), name))
