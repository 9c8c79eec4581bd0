"""Parses a model's output as one of the options."""

from collections.abc import Mapping, Sequence

from mma_bench.errors import MMABenchError
from mma_bench.parsing import _extract
from mma_bench.parsing._marks import marked
from mma_bench.parsing._modalities import AUDIO, VISUAL
from mma_bench.parsing._options import compile_options, key
from mma_bench.parsing._parse import Outcome, Parsed, Question, parse_text, result
from mma_bench.parsing._reading import Verdict

PARSER_VERSION = "3"
"""Increased whenever any output is parsed differently; scores of different versions do not compare."""


def parse_answer(
    text: str,
    options: Sequence[str],
    *,
    aliases: Mapping[str, Sequence[str]] | None = None,
    letters: bool = False,
    modality: str | None = None,
) -> Parsed:
    """Parse which of ``options`` the output ``text`` chooses.

    Only names of the options count: their own (any case, underscores, hyphens or spaces, singular or plural),
    ``aliases``, and, if no option is named by these, other forms of the published class names ("coins dropping" for
    Coin_dropping). Nothing is guessed from similar spelling or meaning, and a name that the model mentions only to
    reject it is not its answer. Run time is linear in the length of the text.

    Args:
        text: the raw output, of any length and content.
        options: the class names, distinct once case and punctuation are ignored.
        aliases: additional names of an option, such as ``{"Canidae": ["dog", "wolf"]}``.
        letters: whether a lone letter is an answer ("B" is the second option). Only for prompts that
            lettered their options; those of MMA-Bench do not.
        modality: the modality that the question is about, ``visual`` or ``audio``. With it, a text that says this
            modality is absent and names only the content of the other one abstains, and of two statements, the one
            about this modality counts.

    Returns:
        The option, the outcome, and the rule that decided. Choosing an option that itself abstains
        ("None of the above") is ``abstained``, with that option as label.

    Raises:
        MMABenchError: the options are empty or blank, or parse identically, an alias fits no option or two, or the
            modality is unknown.
    """
    if not isinstance(text, str):
        raise MMABenchError(f"parse_answer: expected the model's output as a string, got {type(text).__name__}")
    if modality not in (None, VISUAL, AUDIO):
        raise MMABenchError(f"parse_answer: the modality is {VISUAL} or {AUDIO}, not {modality!r:.40}")
    table = compile_options(options, aliases)
    if len(text) <= 4 * table.longest and marked(text) is None:
        name = table.exact.get(key(text))
        if name is not None:
            return result("exact", Verdict(frozenset({name.option}), None, name.is_alias), table)
    body = _extract.own_text(text)
    if body is None:
        return Parsed(None, Outcome.UNPARSED, "unfinished_reasoning")
    question = Question(table, lambda: compile_options(options, aliases, forms=True), letters, modality)
    return parse_text(body, question)
