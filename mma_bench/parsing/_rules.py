"""The cascade: rules tried in order, each of which decides or passes.

Strong evidence of a deliberate answer comes first (the whole output is an option, a JSON field, a
statement), a lone mention last. docs/parsing.md lists the order with an example each.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from mma_bench.parsing import _extract
from mma_bench.parsing._mentions import Mention, opens_chatter
from mma_bench.parsing._modalities import names_only_the_other
from mma_bench.parsing._negation import Status
from mma_bench.parsing._options import OptionSet, find_exact
from mma_bench.parsing._pairs import by_clause
from mma_bench.parsing._ranking import by_guesses, by_rank, by_score
from mma_bench.parsing._reading import Reading, Verdict, read, verdict_of
from mma_bench.parsing._refusal import find_abstention
from mma_bench.parsing._refusal_phrases import Abstention
from mma_bench.parsing._statements import Statement, Strength, about, find_statements, modalities, settle
from mma_bench.parsing._vocabulary import vocabulary

# "Cat, because ...": the comma ends the answer. "Cat, then a dog" goes on with a list.
_REASONS = vocabulary("because since as which based due given not rather according considering the it this i")
# "Horse. No, wait: Pig", "Pig (or maybe Horse)".
_SECOND_THOUGHTS = vocabulary(
    "no wait actually correction sorry or and also maybe perhaps possibly hmm oops whoops hold scratch strike"
)
_TAKES_BACK = vocabulary("no wait actually correction sorry hmm oops whoops hold scratch strike")
_EMPHASIS = frozenset("*\"`'")
_TURNS_ROUND = vocabulary("but however although though except than")
_ANNOUNCES = "answer"
_CLAIM_LEADS = vocabulary(
    "it is it's s that this the a an sound audio video visual image scene class label category more like looks look "
    "sounds seems to be appears must should would ll d think i believe say now hear see really probably definitely "
    "clearly instead likely actually of answer correct best one what hearing seeing m im from was are there and so "
    "maybe perhaps closer wait no"
)
_ARTICLES = frozenset({"a", "an", "the"})
_CLAIM = frozenset({("it", "is"), ("it", "s"), ("this", "is"), ("that", "is"), ("that", "s"), ("must", "be")})
_PARTS_READ = 16  # JSON fields and tags that are read, from the end


def by_form(body: str, options: OptionSet, *, letters: bool, asked: str | None) -> tuple[str, Verdict] | None:
    """Apply the rules that go by the form of the raw text: JSON, an answer tag, LaTeX, a code fence."""
    unnamed = [
        ("answer_tag", _extract.answer_tags(body)),
        ("boxed", _extract.boxed(body)),
        ("fenced", _extract.fenced(body)),
    ]
    groups = [("json", _weightiest(_extract.json_fields(body)))]
    groups += [(rule, [("", content) for content in contents]) for rule, contents in unnamed]
    for rule, parts in groups:
        statements = []
        for name, content in parts[-_PARTS_READ:]:
            part = read(_extract.plain(content), options, letters=letters)
            end = len(part.words)
            verdict = part.whole(0, end) if rule == "fenced" else part.statement(0, end)
            statements.append(Statement(Strength.ANSWERS, verdict, modalities(name.casefold().split("_"))))
        said = about([statement for statement in statements if statement.verdict], asked)
        settled = settle(said, Strength.ANSWERS)
        if rule == "json" and settled.options:
            # Fields have no order: [{"label": "Pig"}, {"label": "Horse"}] names both.
            settled = replace(settled, options=settled.options.union(*(part.verdict.options for part in said)))
        if settled:
            return rule, settled
    return None


def _weightiest(fields: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Keep fields named "final...", or else "...answer...", or else all."""
    for word in ("final", "answer"):
        chosen = [field for field in fields if word in field[0].casefold()]
        if chosen:
            return chosen
    return fields


def by_comparison(reading: Reading) -> tuple[str, Verdict] | None:
    """Apply the rules that compare all options that are named: guesses, probabilities, ranks."""
    own = _own(reading)
    if len({mention.option for mention in own}) < 2:
        return None
    for rule, decide in (("guesses", by_guesses), ("scores", by_score), ("ranked", by_rank)):
        verdict = decide(reading, own)
        if verdict:
            return rule, verdict
    return None


def by_modality(reading: Reading) -> tuple[str, Verdict] | None:
    """Apply the rule that assigns each option that is named to a modality."""
    verdict = by_clause(reading)
    return ("labelled_pair", verdict) if verdict else None


def names(text: str, options: OptionSet) -> set[int]:
    """Return the options that ``text`` asserts."""
    reading = read(_extract.plain(text), options, letters=False)
    return {mention.option for mention in _own(reading)}


def announces_answer(text: str, options: OptionSet) -> bool:
    """Return whether ``text`` announces its answer, as "Answer: Cat" does, without limiting it to a modality."""
    if _ANNOUNCES not in text.casefold():
        return False
    statements = find_statements(read(text, options, letters=False))
    return any(
        statement.strength is Strength.ANSWERS and not statement.modalities and statement.verdict
        for statement in statements
    )


def opens_with_claim(reading: Reading) -> bool:
    """Return whether a text begins with an option as a claim of its own, such as "the sound is Pig."."""
    words = reading.words
    own = _own(reading)
    if not own or any(word not in _CLAIM_LEADS for word in words.words[: own[0].start]):
        return False
    end = own[0].end
    return end == len(words) or words.is_stop(end) or "," in words.gaps[end] or words.words[end] in _REASONS


def by_wording(reading: Reading) -> tuple[str, Verdict] | None:
    """Apply the rules that go by the words, in order; None if nothing is recognised."""
    statements = about(find_statements(reading), reading.asked)
    for rule, decide in _RULES:
        verdict = decide(reading, statements)
        if verdict:
            return rule, verdict
    return None


def exact(reading: Reading) -> Verdict:
    """Return the option that is the whole text."""
    name = find_exact(reading.words, reading.options, reading.begin)
    return Verdict() if name is None else Verdict(frozenset({name.option}), None, name.is_alias)


def _enumerated(reading: Reading, _: list[Statement]) -> Verdict:
    verdict = reading.whole(reading.begin, len(reading.words))
    return verdict if verdict.options else Verdict()


def _final_answer_statement(reading: Reading, statements: list[Statement]) -> Verdict:
    announced = [statement for statement in statements if statement.strength is Strength.ANSWERS]
    # "The visual answer is Cat; for audio, Pig": an answer about the other modality is not the one asked for.
    if announced and reading.asked and all(s.modalities and reading.asked not in s.modalities for s in announced):
        return by_clause(reading) or settle(statements, Strength.ANSWERS)
    return settle(statements, Strength.ANSWERS)


def _labelled_pair(reading: Reading, _: list[Statement]) -> Verdict:
    return by_clause(reading)


def _lines(reading: Reading) -> Iterator[tuple[int, int]]:
    begin = reading.begin
    for index in range(begin + 1, len(reading.words)):
        if "\n" in reading.words.gaps[index]:
            yield begin, index
            begin = index
    if begin < len(reading.words):
        yield begin, len(reading.words)


def _first_line(reading: Reading, _: list[Statement]) -> Verdict:
    lines = list(_lines(reading))
    if len(lines) < 2:
        return Verdict()
    start, end = lines[0]
    verdict = reading.whole(start, end)
    if verdict.abstention is not None:
        return verdict if verdict.abstention is Abstention.NONE or end - start <= 3 else Verdict()
    if not reading.options.polar and (
        reading.words.words[end] in _TAKES_BACK or _is_contradicted(reading, end, verdict.options)
    ):
        return Verdict()
    # "Cat\nDog\nBird" is a list; so are a first and a last line that differ.
    return _joined(verdict, [reading.whole(*line) for line in lines[1:4]], reading.whole(*lines[-1]))


def _joined(first: Verdict, following: list[Verdict], last: Verdict) -> Verdict:
    if not first.options:
        return Verdict()
    options = first.options
    for verdict in following:
        if not verdict.options:
            break
        options |= verdict.options
    return Verdict(options | last.options, None, first.is_alias)


def _last_line(reading: Reading, _: list[Statement]) -> Verdict:
    lines = list(_lines(reading))
    if len(lines) < 2:
        return Verdict()
    verdict, before = reading.whole(*lines[-1]), reading.whole(*lines[-2])
    return verdict if verdict.options and before.options <= verdict.options else Verdict()


def _leading_option(reading: Reading, _: list[Statement]) -> Verdict:
    words = reading.words
    start = reading.after_enumerator(reading.begin, len(words))
    while start < len(words) - 1 and words.words[start] in {"a", "an", "the"}:
        start += 1
    first = reading.between(start, start + 1)
    if not first:
        letter = reading.leading_letter(reading.begin, len(words))
        return Verdict() if letter is None else Verdict(frozenset({letter}))
    listed = verdict_of(reading.list_of(first[0]))
    if len(listed.options) > 1 or not _closes(reading, first[0].end):
        return Verdict()
    if not reading.options.polar and _is_contradicted(reading, first[0].end, listed.options):
        return Verdict()
    sentences: list[Verdict] = []
    begin = first[0].end
    while begin < len(words) and words.is_stop(begin) and len(sentences) < 4:
        sentences.append(reading.whole(begin, words.sentence_end(begin)))
        begin = words.sentence_end(begin)
    return _joined(listed, sentences, Verdict())


def _is_contradicted(reading: Reading, begin: int, options: frozenset[int]) -> bool:
    """Return whether one of the next two sentences claims another option: "Cat. Looking closer, it's a pig"."""
    words = reading.words
    end = words.sentence_end(min(words.sentence_end(begin), len(words) - 1)) if begin < len(words) else begin
    for mention in reading.between(begin, end):
        place = mention.start
        while place > begin and words.words[place - 1] in _ARTICLES:
            place -= 1
        claim = tuple(words.words[place - 2 : place])
        ends = mention.end == len(words) or words.is_stop(mention.end) or "," in words.gaps[mention.end]
        if claim in _CLAIM and ends and mention.option not in options:
            return True
    return False


def _closes(reading: Reading, end: int) -> bool:
    """Return whether an option that ends before word ``end`` is an answer of its own, not a subject."""
    words = reading.words
    if end == len(words) or opens_chatter(words, end):
        return True
    if words.is_stop(end):
        return "?" not in words.gaps[end] and (reading.options.polar or words.words[end] not in _SECOND_THOUGHTS)
    gap, following = words.gaps[end], words.words[end]
    if reading.options.polar:
        return True
    if "(" in gap:
        return not reading.between(end, end + 1) and following not in _SECOND_THOUGHTS
    return "," in gap and following in _REASONS and words.words[end + 1 : end + 2] != ["well"]


def _choice_statement(_: Reading, statements: list[Statement]) -> Verdict:
    for strength in (Strength.CHOOSES, Strength.DESCRIBES):
        verdict = settle(statements, strength)
        if verdict:
            return verdict if len(verdict.options) < 2 else Verdict()
    return Verdict()


def _quoted(reading: Reading, _: list[Statement]) -> Verdict:
    gaps = reading.words.gaps
    emphasised = [
        mention
        for mention in _own(reading)
        if not _EMPHASIS.isdisjoint(gaps[mention.start][-2:]) and not _EMPHASIS.isdisjoint(gaps[mention.end][:2])
    ]
    verdict = verdict_of(emphasised)
    return verdict if len(verdict.options) == 1 else Verdict()


def _asked_sense_missing(reading: Reading, _: list[Statement]) -> Verdict:
    return Verdict(abstention=Abstention.ABSENT) if names_only_the_other(reading, _own(reading)) else Verdict()


def _none_of_the_above(reading: Reading, _: list[Statement]) -> Verdict:
    """Keep to "None of the above" where only a guess follows it ("None of the above, maybe Cat")."""
    words, begin = reading.words, reading.begin
    reach = begin + 8 + sum(mention.end - mention.start - 1 for mention in reading.mentions[:4])
    if find_abstention(words, begin, min(words.sentence_end(begin), reach)) is not Abstention.NONE:
        return Verdict()
    for mention in _own(reading):
        before = words.words[max(0, mention.start - 4) : mention.start]
        if mention.start < begin + 3 or not _TURNS_ROUND.isdisjoint(before):
            return Verdict()
    return Verdict(abstention=Abstention.NONE)


def _mentions(reading: Reading, _: list[Statement]) -> Verdict:
    return verdict_of(_own(reading))


def _own(reading: Reading) -> list[Mention]:
    """Return the asserted mentions behind a repeated prompt."""
    return reading.between(reading.begin, len(reading.words))


def _refusal(reading: Reading, _: list[Statement]) -> Verdict:
    named = {place for mention in reading.mentions for place in range(mention.start, mention.end)}
    return Verdict(abstention=find_abstention(reading.words, reading.begin, None, named))


_RULES: tuple[tuple[str, Callable[[Reading, list[Statement]], Verdict]], ...] = (
    ("enumerated", _enumerated),
    ("final_answer_statement", _final_answer_statement),
    ("labelled_pair", _labelled_pair),
    ("first_line", _first_line),
    ("leading_option", _leading_option),
    ("last_line", _last_line),
    ("choice_statement", _choice_statement),
    ("asked_sense_missing", _asked_sense_missing),
    ("quoted", _quoted),
    ("none_of_the_above", _none_of_the_above),
    ("unique_mention", _mentions),
    ("refusal", _refusal),
)

# Why a text that names options asserts none, strongest first.
_UNASSERTED = (
    (Status.NEGATED, "negated_only"),
    (Status.UNCERTAIN, "uncertain_only"),
    (Status.QUOTED, "caption_only"),
    (Status.ASKED, "question_only"),
    (Status.LISTED, "prompt_echo"),
)


def why_unparsed(reading: Reading) -> str:
    """Name the reason why nothing was recognised."""
    if not len(reading.words):
        return "empty"
    return next((rule for status, rule in _UNASSERTED if status in reading.statuses), "no_match")
