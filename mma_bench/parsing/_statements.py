"""Sentences that announce an answer: "The answer is Cat", "Class: Cat", "I would go with Cat"."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from mma_bench.parsing._normalise import Words
from mma_bench.parsing._reading import Reading, Verdict, verdict_of
from mma_bench.parsing._vocabulary import vocabulary


class Strength(IntEnum):
    """How firmly a statement settles the answer."""

    DESCRIBES = 1  # "Class: Cat", "the category is Cat": all such statements must agree
    CHOOSES = 2  # "I choose Cat", "therefore Cat", "the best class is Cat": the last one counts
    ANSWERS = 3  # "The answer is Cat": the last one counts, before other rules


@dataclass(frozen=True, slots=True)
class Statement:
    """An announcement, what it says, and the modalities it is limited to ("the visual class is")."""

    strength: Strength
    verdict: Verdict
    modalities: frozenset[str]


_ANSWER = vocabulary("answer réponse reponse respuesta antwort resposta risposta ответ 案")
_NOUNS = vocabulary(
    "class category label prediction choice classification output result conclusion response guess "
    "verdict pick option selection match decision source classe catégorie clase categoría klasse "
    "kategorie категория класс"
)
_BEST = vocabulary("best closest correct dominant main primary likely appropriate prominent accurate suitable final")
_VERBS = vocabulary(
    "say choose chose pick picked select selected guess think believe classify conclude answer go going "
    "opt lean leaning settle"
)
_SUBJECTS = frozenset({"i", "we", "d", "ll", "m", "would", "will", "my"})
_DESCRIBED = vocabulary(
    "classified described categorized categorised labelled labeled identified recognized recognised summarized"
)
_DESCRIBES = frozenset({"describes", "matches", "fits", "represents", "captures", "characterizes", "suits"})
_RELATIVE = frozenset({"that", "which", "what", "class", "category", "option", "label"})
_CONCLUSIONS = vocabulary("therefore thus hence overall ultimately finally conclusion summary so")
_COPULAS = vocabulary("is was be s remains est es ist é è это 是 为")
_AFTER_COPULA = frozenset({"be", "likely", "therefore", "thus", "clearly", "probably", "simply", "definitely"})
_NOT_A_CUE = frozenset({"not", "no", "to", "which", "question"})
_MODALITIES = {
    **dict.fromkeys(vocabulary("visual visually video image frames see seen visible"), "visual"),
    **dict.fromkeys(vocabulary("audio audible sound heard hear soundtrack acoustic"), "audio"),
}
_MOST_READ = 100  # statements, from the end; only a model caught in a loop makes more
_WINDOW = 12  # words between "class" and "is": "The class that best describes the visual content of this video is"


def find_statements(reading: Reading) -> list[Statement]:
    """Return the last statements of a text that name an option or abstain, in order."""
    found = []
    for strength, place, start in deque(_payloads(reading), maxlen=_MOST_READ):
        if start < 0:
            verdict = _said_before(reading, place)
        else:
            verdict = reading.statement(start, reading.words.sentence_end(start))
        if verdict:
            found.append(Statement(strength, verdict, _modalities_before(reading.words, place, start)))
    return found


def announces_no_option(reading: Reading) -> bool:
    """Return whether a text announces a non-option: "A pencil writes. The class is: Accordion_bounce"."""
    for _, _, start in deque(_payloads(reading), maxlen=_MOST_READ):
        if 0 <= start < len(reading.words) and not reading.between(start, reading.words.sentence_end(start)):
            return True
    return False


def _payloads(reading: Reading) -> Iterator[tuple[Strength, int, int]]:
    """Yield strength, cue word, and first word of what is announced (-1: it stands before the cue)."""
    words = reading.words
    named = {place for mention in reading.mentions for place in range(mention.start, mention.end)}
    for place in range(reading.begin, len(words)):
        word = words.words[place]
        if place in named:
            continue
        if word in _ANSWER or (word == "final" and _is_heading(words, place)):
            yield from _noun(words, place, Strength.ANSWERS)
        elif word in _NOUNS:
            yield from _noun(words, place, _noun_strength(words, place))
        elif word in _BEST:
            yield from _best(words, place)
        elif word in _VERBS and _SUBJECTS.intersection(words.words[max(0, place - 3) : place]):
            yield (
                Strength.CHOOSES,
                place,
                place + 1 + (words.words[place + 1 : place + 2] in (["with"], ["on"], ["for"])),
            )
        elif word in _DESCRIBED and _names_the_class(words, place):
            yield Strength.CHOOSES, place, place + 2
        elif word in _CONCLUSIONS and _opens_clause(words, place):
            yield Strength.CHOOSES, place, place + 1


def _is_heading(words: Words, place: int) -> bool:
    """Tell "Final: Cat" from "the final class is"."""
    return words.is_stop(place) and ":" in words.gaps[place + 1]


def _names_the_class(words: Words, place: int) -> bool:
    """Tell "classified as X" and "best described by X" from "the animal described by the man"."""
    following = words.words[place + 1 : place + 2]
    return following == ["as"] or (following == ["by"] and "best" in words.words[max(0, place - 2) : place])


def _noun_strength(words: Words, place: int) -> Strength:
    before = words.words[max(words.sentence_start(place), place - 3) : place]
    return Strength.CHOOSES if _BEST.intersection(before) or "my" in before else Strength.DESCRIBES


def _opens_clause(words: Words, place: int) -> bool:
    return words.is_stop(place) or words.gaps[place] != " " or words.words[place - 1] in {"and", "in", "but"}


def _noun(words: Words, place: int, strength: Strength) -> Iterator[tuple[Strength, int, int]]:
    """Read "answer: X", "answer is X", "X is the answer", "Answer X" and a heading "Answer"."""
    before = words.words[max(0, place - 2) : place]
    if place + 1 < len(words):
        gap = words.gaps[place + 1]
        is_heading = "\n" in gap and (words.is_stop(place) or "final" in before) and strength is Strength.ANSWERS
        if any(char in gap for char in ":=") or is_heading:
            yield strength, place, place + 1
            return
    if _is_predicate(words, place):
        yield strength, place, -1
        return
    if _NOT_A_CUE.intersection(before[-1:]) or "not" in before:
        return
    start = _after_copula(words, place)
    if start is not None:
        yield strength, place, start
    elif (
        strength is Strength.ANSWERS
        and words.is_stop(place)
        and words.words[place + 1 : place + 2] not in (["with"], ["using"])
    ):
        yield strength, place, place + 1


def _best(words: Words, place: int) -> Iterator[tuple[Strength, int, int]]:
    """Read "most likely: X", "X is the most likely", "X best describes it".

    Where a noun follows that is a cue itself ("the best answer is"), it is read there.
    """
    before = words.words[max(0, place - 2) : place]
    behind = words.words[place + 1 : place + 4]
    if behind and behind[0] in _DESCRIBES and _RELATIVE.isdisjoint(before[-1:]):
        yield Strength.CHOOSES, place, -1
        return
    if (_ANSWER | _NOUNS).intersection(behind) or {"which", "less", "least"}.intersection(before):
        return
    if behind and ":" in words.gaps[place + 1]:
        yield Strength.CHOOSES, place, place + 1
        return
    if _is_predicate(words, place):
        yield Strength.CHOOSES, place, -1
        return
    start = _after_copula(words, place)
    if start is not None:
        yield Strength.CHOOSES, place, start


def _after_copula(words: Words, place: int) -> int | None:
    """Return the word behind the verb, or colon, of the sentence whose subject is word ``place``."""
    for index in range(place + 1, min(len(words), place + 1 + _WINDOW)):
        if words.is_stop(index):
            return None
        if ":" in words.gaps[index] and index > place + 1:
            return index
        word = words.words[index]
        if word in {"can", "could"} and index == place + 1:
            return index  # "The answer cannot be determined"
        if word in _COPULAS and not (word == "s" and words.gaps[index] != "'"):
            if words.words[index + 1 : index + 2] == ["being"]:
                return None  # "the category that is being described"
            return _after_adverbs(words, index + 1)
    return None


def _after_adverbs(words: Words, index: int) -> int:
    while index < len(words) and words.words[index] in _AFTER_COPULA and not words.is_stop(index):
        index += 1
    return index


def _is_predicate(words: Words, place: int) -> bool:
    """Return whether word ``place`` ends "... is the best answer"."""
    start = max(words.sentence_start(place), place - 5)
    front = words.words[start:place]
    return any(
        word in {"is", "s", "as", "be", "being"} and {"the", "my"}.intersection(front[at + 1 : at + 2])
        for at, word in enumerate(front)
    )


def _said_before(reading: Reading, place: int) -> Verdict:
    """Return the option that is the subject of "X is the best answer"."""
    start = max(reading.words.sentence_start(place), place - 12)
    asserted = reading.between(start, place)
    if not asserted or place - asserted[-1].end > 6:
        return Verdict()
    if len(reading.list_of(asserted[0])) == len(asserted):
        return verdict_of(asserted)
    return verdict_of(asserted[-1:])


def _modalities_before(words: Words, place: int, start: int) -> frozenset[str]:
    begin = max(words.sentence_start(place), place - 15)
    return modalities(words.words[begin : max(start, place + 1)])


def modalities(said: Sequence[str]) -> frozenset[str]:
    """Return the modalities that some words speak of."""
    return frozenset(_MODALITIES[word] for word in said if word in _MODALITIES)


def about(statements: list[Statement], asked: str | None) -> list[Statement]:
    """Return ``statements`` without those about the other modality only, if there is one about the ``asked`` one.

    "The visual class is Cat. The audio class is Dog." then answers either question.
    """
    if not any(asked in statement.modalities for statement in statements):
        return statements
    return [statement for statement in statements if not statement.modalities or asked in statement.modalities]


def settle(statements: list[Statement], strength: Strength) -> Verdict:
    """Return what the statements of at least ``strength`` settle on, if they do.

    The last one counts, because models correct themselves, unless it and an earlier one speak of
    different modalities: "The visual class is Cat. The audio class is Dog." names both.
    """
    found = [statement for statement in statements if statement.strength >= strength]
    if not found:
        return Verdict()
    last = found[-1]
    rivals = [other for other in found if other.verdict.options != last.verdict.options]
    split = [other for other in rivals if other.modalities and last.modalities.isdisjoint(other.modalities)]
    if last.modalities and any(split):
        return Verdict(last.verdict.options.union(*(other.verdict.options for other in split)))
    if rivals and strength is Strength.DESCRIBES:
        return Verdict()
    return last.verdict
