"""Facts and falsehoods on other things before the question, which should change no answer (arXiv 2505.19616)."""

from mma_bench.conditions.registry import Draw, Labels, drawn_text_condition
from mma_bench.questions import prompts, unrelated_sentences
from mma_bench.schema import Question


@drawn_text_condition("true")
def unrelated_true_text(question: Question, labels: Labels, draw: Draw) -> Question:
    """Ten true sentences, the same for both questions of a clip."""
    return _after(unrelated_sentences(draw.seed(), true=True), question)


@drawn_text_condition("false")
def unrelated_false_text(question: Question, labels: Labels, draw: Draw) -> Question:
    """Ten false sentences, the same for both questions of a clip."""
    return _after(unrelated_sentences(draw.seed(), true=False), question)


def _after(text: str, question: Question) -> Question:
    return prompts.with_prompt(question, prompts.padded(prompts.parts_of(question), text, "before"))
