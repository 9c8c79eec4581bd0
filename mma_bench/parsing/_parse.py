"""Parses the text of an answer: structures first, then the rules, then other forms of names."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from mma_bench.parsing import _extract, _rules
from mma_bench.parsing._corrections import Correction, corrections
from mma_bench.parsing._marks import marked
from mma_bench.parsing._negation import Status
from mma_bench.parsing._options import OptionSet
from mma_bench.parsing._pairs import labelled
from mma_bench.parsing._reading import Verdict, read
from mma_bench.parsing._statements import announces_no_option


class Outcome(StrEnum):
    """Outcome of parsing an output."""

    ANSWERED = "answered"
    ABSTAINED = "abstained"
    SEVERAL = "several"
    UNPARSED = "unparsed"


@dataclass(frozen=True, slots=True)
class Parsed:
    """Result of parsing an output.

    Attributes:
        label: the option chosen, exactly as in the options. None unless the outcome is ``answered``,
            or ``abstained`` by choosing an option such as "None of the above".
        outcome: outcome of parsing.
        rule: the rule that decided, as listed in docs/parsing.md.
    """

    label: str | None
    outcome: Outcome
    rule: str


@dataclass(frozen=True, slots=True)
class Question:
    """The question that an output answers.

    Attributes:
        table: the options by their own names.
        forms: returns the options with other forms of their names, which are read only if no own name decides.
        letters: whether a lone letter names an option.
        asked: the modality asked about, if known.
    """

    table: OptionSet
    forms: Callable[[], OptionSet]
    letters: bool
    asked: str | None


_MAY_HAVE_OTHER_FORMS = frozenset({"no_match", "negated_only", "caption_only", "question_only", "prompt_echo"})
_BY_MENTION = frozenset({"unique_mention", "several_mentions", "leading_option", "choice_statement"})
_COMPARES = re.compile(r"[0-9]|likely|probabl|possib|maybe|perhaps|guess|choice|might|could|main|primar", re.IGNORECASE)
# A correction without firm words counts only if what follows is an answer of this kind, and not a mere mention.
_CLAIMS = frozenset(
    {
        *("exact", "json", "answer_tag", "boxed", "fenced", "enumerated", "final_answer_statement", "first_line"),
        *(
            "leading_option",
            "last_line",
            "choice_statement",
            "none_of_the_above",
            "labelled_pair",
            "alias",
            "other_form",
        ),
    }
)
_ADDS = frozenset({"also", "another", "both", "too", "additionally"})
_SHORT = 12  # words of "Actually, I cannot tell": a longer text is an explanation


def parse_text(body: str, question: Question) -> Parsed:
    """Return the result for ``body``, the model's own words."""
    return (
        _by_correction(body, question)
        or _by_marks(body, question)
        or _by_labels(body, question)
        or _by_names(body, question)
    )


def _by_names(body: str, question: Question) -> Parsed:
    parsed = cascade(body, question.table, question)
    if parsed.rule in _BY_MENTION:
        return _compared(body, question) or parsed
    if parsed.rule not in _MAY_HAVE_OTHER_FORMS:
        return parsed
    forms = question.forms()
    if forms is question.table:
        return parsed
    other = cascade(body, forms, question)
    if other.outcome is Outcome.UNPARSED:
        return other if parsed.rule == "no_match" else parsed
    if other.rule in ("alias", "several_mentions") and announces_no_option(
        read(_extract.plain(body), forms, letters=question.letters)
    ):
        return parsed  # a description is not an answer
    return _by_form_of_name(other)


def _by_form_of_name(parsed: Parsed) -> Parsed:
    """Return the result with other forms of names, with the rule `other_form` if such a form decided."""
    return Parsed(parsed.label, parsed.outcome, "other_form") if parsed.rule == "alias" else parsed


def _compared(body: str, question: Question) -> Parsed | None:
    """Compare an option named by its own name with one named by another form: "Theremin: 10%, coughing: 90%"."""
    if question.asked is None and not _COMPARES.search(body):
        return None
    forms = question.forms()
    if forms is question.table:
        return None
    reading = read(_extract.plain(body), forms, letters=question.letters, asked=question.asked)
    decided = _rules.by_comparison(reading) or _rules.by_modality(reading)
    return _by_form_of_name(result(*decided, forms)) if decided else None


def cascade(body: str, table: OptionSet, question: Question) -> Parsed:
    """Apply the rules to ``body`` with the names of ``table``."""
    reading = read(_extract.plain(body), table, letters=question.letters, asked=question.asked)
    verdict = _rules.exact(reading)
    if verdict:
        return result("exact", verdict, table)
    decided = _rules.by_form(body, table, letters=question.letters, asked=question.asked)
    if decided is None or len(decided[1].options) > 1:
        decided = _rules.by_comparison(reading) or decided or _rules.by_wording(reading)
    if decided is None:
        return Parsed(None, Outcome.UNPARSED, _rules.why_unparsed(reading))
    return result(*decided, table)


def result(rule: str, verdict: Verdict, table: OptionSet) -> Parsed:
    """Return ``verdict`` with the options as given."""
    if len(verdict.options) > 1:
        return Parsed(None, Outcome.SEVERAL, "several_mentions" if rule == "unique_mention" else rule)
    if verdict.abstention is not None:
        chosen = table.abstentions.get(verdict.abstention)
        return Parsed(None if chosen is None else table.labels[chosen], Outcome.ABSTAINED, rule)
    (option,) = verdict.options
    if option in table.abstentions.values():
        return Parsed(table.labels[option], Outcome.ABSTAINED, rule)
    return Parsed(table.labels[option], Outcome.ANSWERED, "alias" if verdict.is_alias else rule)


def _by_correction(body: str, question: Question) -> Parsed | None:
    """Read what follows the last correction: "Cat. Scratch that, Pig" is Pig."""
    for correction in corrections(body):
        after = _corrected(correction, question)
        if after is None:
            continue
        if after.outcome is Outcome.UNPARSED:
            return after
        whole = _by_names(body, question)
        is_same = (whole.label, whole.outcome) == (after.label, after.outcome)
        return whole if is_same else Parsed(after.label, after.outcome, "correction")
    return None


def _corrected(correction: Correction, question: Question) -> Parsed | None:
    before = _by_names(correction.before, question)
    if before.outcome is Outcome.UNPARSED and before.rule in ("no_match", "empty"):
        return None  # there is nothing to revoke
    after = _by_labels(correction.after, question) or _by_names(correction.after, question)
    if after.outcome is Outcome.UNPARSED:
        if correction.is_firm or _rejects(correction.after, before, question):
            return Parsed(None, Outcome.UNPARSED, "taken_back")
        return None
    return after if correction.is_firm or _replaces(after, before, correction, question) else None


def _replaces(after: Parsed, before: Parsed, correction: Correction, question: Question) -> bool:
    """Return whether the text after words such as "actually" replaces the text before them."""
    words = correction.after.casefold().split()
    if after.outcome is Outcome.ABSTAINED:
        return correction.may_abstain and len(words) <= _SHORT
    if after.outcome is Outcome.SEVERAL or after.label == before.label or not _ADDS.isdisjoint(words[:6]):
        return False
    return after.rule in _CLAIMS or _claims(correction.after, question)


def _rejects(text: str, before: Parsed, question: Question) -> bool:
    """Return whether ``text`` rejects what was named before: "Cat. Wait, it is not a cat"."""
    reading = read(_extract.plain(text), question.forms(), letters=False)
    return any(
        status is Status.NEGATED and reading.options.labels[mention.option] == before.label
        for mention, status in zip(reading.mentions, reading.statuses, strict=True)
    )


def _claims(text: str, question: Question) -> bool:
    """Return whether ``text`` begins with a plain claim, such as "the sound is Pig." or "it's a dog, I think"."""
    return any(
        _rules.opens_with_claim(read(_extract.plain(text), table, letters=False))
        for table in (question.table, question.forms())
    )


def _by_marks(body: str, question: Question) -> Parsed | None:
    """Read ticked boxes, if the marked lines name options."""
    found = marked(body)
    if found is None or _rules.announces_answer(_extract.plain(body), question.table):
        return None
    tables = (question.table, question.forms())
    if any(_rules.names(found.before, table) for table in tables):
        return None  # "Cat, because: ✅ meowing is heard": the marks are on reasons
    table = next((table for table in tables if any(_rules.names(line, table) for line in found.ticked)), question.table)
    options = frozenset(option for line in found.ticked for option in _rules.names(line, table))
    if options:
        return _by_form_of_name(result("ticked", Verdict(options), table))
    if found.ticked or not any(_rules.names(line, table) for table in tables for line in found.others):
        return None
    rest = _by_names(found.unmarked, question)
    return Parsed(None, Outcome.UNPARSED, "ticked") if rest.outcome is Outcome.UNPARSED else rest


def _by_labels(body: str, question: Question) -> Parsed | None:
    """Read the text labelled as the asked modality: "Visual: Cat / Audio: Pig"."""
    if question.asked is None:
        return None
    plain = _extract.plain(body)
    found = labelled(plain)
    if found is None or _rules.announces_answer(plain, question.table):
        return None
    if any(_rules.names(text, table) for text in found.around for table in (question.table, question.forms())):
        return None  # the text around the pair may be the answer
    parsed = _by_names(found.of[question.asked], question)
    return Parsed(parsed.label, parsed.outcome, "labelled_pair")
