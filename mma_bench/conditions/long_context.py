"""A prompt that is padded with noise (arXiv 2511.22826)."""

from mma_bench.conditions.registry import Draw, Labels, drawn_text_condition
from mma_bench.questions import prompts
from mma_bench.schema import Question


@drawn_text_condition("noise")
def long_context(question: Question, labels: Labels, draw: Draw) -> Question:
    """Random letters, or words of them, around the prompt; they suggest no class."""
    noise, seed = draw.noise(), draw.seed()
    text = prompts.random_words(noise.words, seed) if noise.words else prompts.random_letters(noise.letters, seed)
    return prompts.with_prompt(question, prompts.padded(prompts.parts_of(question), text, noise.position))
