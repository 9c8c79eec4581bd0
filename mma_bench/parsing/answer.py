"""From what a model wrote to the option it chose."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mma_bench.errors import MMABenchError
from mma_bench.parsing import _extract, _rules
from mma_bench.parsing._options import OptionSet, compile_options, key
from mma_bench.parsing._reading import Verdict, read
from mma_bench.parsing._senses import AUDIO, VISUAL

PARSER_VERSION = "3"
"""Raised whenever some output is read differently; scores of different versions do not compare."""


class Outcome(StrEnum):
    """What an output amounts to."""

    ANSWERED = "answered"
    ABSTAINED = "abstained"
    SEVERAL = "several"
    UNPARSED = "unparsed"


@dataclass(frozen=True, slots=True)
class Parsed:
    """How an output was read.

    Attributes:
        label: the option chosen, exactly as in the options. None unless the outcome is ``answered``,
            or ``abstained`` by choosing an option such as "None of the above".
        outcome: what the output amounts to.
        rule: the rule that decided, as listed in docs/parsing.md.
    """

    label: str | None
    outcome: Outcome
    rule: str


def parse_answer(
    text: str,
    options: Sequence[str],
    *,
    aliases: Mapping[str, Sequence[str]] | None = None,
    letters: bool = False,
    modality: str | None = None,
) -> Parsed:
    """Read which of ``options`` the output ``text`` chooses.

    Only the options' own names count (any case, underscores, hyphens or spaces, singular or plural),
    and ``aliases``: nothing is guessed from similar spelling or meaning, and a name that the model
    mentions only to reject it is not its answer. Takes time linear in the length of the text.

    Args:
        text: the raw output, of any length and content.
        options: the class names, distinct once case and punctuation are ignored.
        aliases: further names of an option, such as ``{"Canidae": ["dog", "wolf"]}``.
        letters: whether a lone letter is an answer ("B" is the second option). Only for prompts that
            lettered their options; those of MMA-Bench do not.
        modality: what the question is about, ``visual`` or ``audio``. A text that says there is nothing of it and
            names what the other one has then abstains, and of two statements that of this modality counts.

    Returns:
        The option, the outcome, and the rule that decided. Choosing an option that itself abstains
        ("None of the above") is ``abstained``, with that option as label.

    Raises:
        MMABenchError: if the options are empty, blank or read the same, an alias fits no option or two, or there
            is no such modality.
    """
    if not isinstance(text, str):
        raise MMABenchError(f"parse_answer: expected the model's output as a string, got {type(text).__name__}")
    if modality not in (None, VISUAL, AUDIO):
        raise MMABenchError(f"parse_answer: the modality is {VISUAL} or {AUDIO}, not {modality!r:.40}")
    table = compile_options(options, aliases)
    if len(text) <= 4 * table.longest:
        name = table.exact.get(key(text))
        if name is not None:
            return _result("exact", Verdict(frozenset({name.option}), None, name.is_alias), table)
    body = _extract.own_text(text)
    if body is None:
        return Parsed(None, Outcome.UNPARSED, "unfinished_reasoning")
    reading = read(_extract.plain(body), table, letters=letters, asked=modality)
    verdict = _rules.exact(reading)
    if verdict:
        return _result("exact", verdict, table)
    decided = _rules.by_form(body, table, letters=letters, asked=modality) or _rules.by_wording(reading)
    if decided is None:
        return Parsed(None, Outcome.UNPARSED, _rules.why_unparsed(reading))
    return _result(*decided, table)


def _result(rule: str, verdict: Verdict, table: OptionSet) -> Parsed:
    if len(verdict.options) > 1:
        return Parsed(None, Outcome.SEVERAL, "several_mentions" if rule == "unique_mention" else rule)
    if verdict.abstention is not None:
        chosen = table.abstentions.get(verdict.abstention)
        return Parsed(None if chosen is None else table.labels[chosen], Outcome.ABSTAINED, rule)
    (option,) = verdict.options
    if option in table.abstentions.values():
        return Parsed(table.labels[option], Outcome.ABSTAINED, rule)
    return Parsed(table.labels[option], Outcome.ANSWERED, "alias" if verdict.is_alias else rule)
