"""Prompts of items, made of the protocol's templates."""

import string
from collections.abc import Mapping, Sequence
from string import Formatter

from mma_bench.interference.protocol import Wording
from mma_bench.questions.prompts import doubled
from mma_bench.schema import Prompt

LETTERS = string.ascii_uppercase


def prompt_of(wording: Wording, options: Sequence[str], question: str = "") -> Prompt:
    """Return the prompt of a question.

    Args:
        wording: the templates.
        options: in order.
        question: text of the question, where the data has one.
    """
    if not wording.lettered:
        listed = filled(doubled_around(wording.options, "options"), {"options": "{options}"})
        values = {"question": doubled(question), "options": listed, "suffix": "{suffix}"}
        return Prompt(question=filled(doubled_around(wording.question, *values), values), suffix=wording.suffix)
    lines = "\n".join(f"{letter}. {option}" for letter, option in zip(LETTERS, options, strict=False))
    values = {
        "question": question,
        "options": filled(wording.options, {"options": lines}),
        "suffix": wording.suffix,
    }
    return Prompt(question=doubled(filled(wording.question, values)))


def misleading_sentence(template: str, option: str) -> str:
    """Return the sentence that suggests ``option``; the article before it becomes `an` where it must."""
    vowel = option[:1].casefold() in "aeiou"
    return filled(template.replace(" a {option}", " an {option}") if vowel else template, {"option": option})


def filled(template: str, values: Mapping[str, str]) -> str:
    """Return ``template`` with ``values`` in its places; values are never read as templates."""
    return "".join(text + (values[place] if place else "") for text, place, _, _ in Formatter().parse(template))


def doubled_around(template: str, *places: str) -> str:
    """Return ``template`` so that, once filled, its own braces are those of a template."""
    pieces = Formatter().parse(template)
    return "".join(doubled(doubled(text)) + (f"{{{place}}}" if place in places else "") for text, place, _, _ in pieces)
