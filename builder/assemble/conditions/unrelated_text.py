"""Facts and falsehoods on other things before the question, which should change no answer (arXiv 2505.19616)."""

from builder.assemble.conditions.registry import Assembly, text_condition
from mma_bench.questions import prompts, unrelated_sentences
from mma_bench.schema import Clip, Question


@text_condition
def unrelated_true_text(assembly: Assembly, clip: Clip, question: Question) -> Question:
    """Ten true sentences, the same for both questions of a clip."""
    return _after(unrelated_sentences(f"{assembly.seed}/true/{clip.clip_id}", true=True), question)


@text_condition
def unrelated_false_text(assembly: Assembly, clip: Clip, question: Question) -> Question:
    """Ten false sentences, the same for both questions of a clip."""
    return _after(unrelated_sentences(f"{assembly.seed}/false/{clip.clip_id}", true=False), question)


def _after(text: str, question: Question) -> Question:
    return prompts.with_prompt(question, prompts.padded(prompts.parts_of(question), text, "before"))
