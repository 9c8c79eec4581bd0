"""One text with everything that the rules use: its words, the options named in it, and their meaning."""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from mma_bench.parsing._compounds import without_compounds
from mma_bench.parsing._echo import mark_echoes
from mma_bench.parsing._mentions import Mention, are_linked, find_mentions
from mma_bench.parsing._negation import Status, assess
from mma_bench.parsing._normalise import Words, clean, split
from mma_bench.parsing._options import OptionSet, find_exact
from mma_bench.parsing._refusal import find_abstention
from mma_bench.parsing._refusal_phrases import Abstention
from mma_bench.parsing._vocabulary import vocabulary

_ARTICLES = frozenset({"a", "an", "the"})
_LEAD_INS = _ARTICLES | vocabulary(
    "it is s this that of be to class category option label answer sound sounds most likely probably "
    "definitely clearly simply either both also i think believe as un une le la el der die das ein eine "
    "один"
)
# "The class is an animal that is heard, while a Door ..." does not announce Door.
_SUBORDINATORS = vocabulary("while whereas although though because since which who")
_ENUMERATED = frozenset({"option", "choice", "answer", "class", "number", "no"})
_REACH = 40  # words of a statement that are looked at: "Answer: Cat, because ..."
# Characters read from either end of an output, five times the text of 8,192 tokens. A model caught in a loop repeats
# itself in between.
_LONGEST = 100_000
_SENTENCE_END = re.compile(r"[.!?]\s|\n")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a part of a text says: options, an abstention, or nothing (both empty)."""

    options: frozenset[int] = frozenset()
    abstention: Abstention | None = None
    is_alias: bool = False

    def __bool__(self) -> bool:
        return bool(self.options) or self.abstention is not None


@dataclass(frozen=True, slots=True)
class Reading:
    """A text with a set of options.

    Attributes:
        words: the text.
        options: the compiled options.
        letters: whether a lone letter names an option.
        mentions: options named, in order.
        statuses: the meaning of each mention.
        begin: first word that is not part of a repeated prompt.
        asked: the modality that the question is about, ``visual`` or ``audio``, if known.
    """

    words: Words
    options: OptionSet
    letters: bool
    mentions: Sequence[Mention]
    statuses: Sequence[Status]
    begin: int
    asked: str | None = None

    def between(self, start: int, end: int) -> list[Mention]:
        """Return the asserted mentions that start in words ``start`` to ``end``."""
        first = bisect_left(self.mentions, start, key=lambda mention: mention.start)
        last = bisect_left(self.mentions, end, key=lambda mention: mention.start)
        return [self.mentions[i] for i in range(first, last) if self.statuses[i] is Status.ASSERTED]

    def whole(self, start: int, end: int) -> Verdict:
        """Return the one option, or the abstention, that words ``start`` to ``end`` consist of."""
        start = self.after_enumerator(start, end)
        while start < end - 1 and self.words.words[start] in _ARTICLES:
            start += 1
        if self._is_unasserted(start, end):
            return Verdict()
        name = find_exact(self.words, self.options, start, end)
        if name is not None:
            return Verdict(frozenset({name.option}), None, name.is_alias)
        letter = self.letter(start, end)
        if letter is not None:
            return Verdict(frozenset({letter}))
        if end - start == 2 and self.words.words[start] in _ENUMERATED:
            letter = self.letter(start + 1, end)
            if letter is not None:
                return Verdict(frozenset({letter}))
        is_short = end - start <= 8 and not self.between(start, end)
        return Verdict(abstention=find_abstention(self.words, start, end)) if is_short else Verdict()

    def letter(self, start: int, end: int) -> int | None:
        """Return the option that a lone letter names, if the caller lettered the options."""
        if not self.letters or end - start != 1 or len(self.words.words[start]) != 1:
            return None
        place = ord(self.words.words[start]) - ord("a")
        return place if 0 <= place < min(26, len(self.options.labels)) else None

    def leading_letter(self, start: int, end: int) -> int | None:
        """Return the option named by a letter at the beginning of a statement: "B, because", "B since"."""
        if start + 1 >= end:
            return self.letter(start, end)
        gap = self.words.gaps[start + 1]
        is_word = self.words.raw[start] in {"A", "I"} or not self.words.raw[start].isupper()
        return None if is_word and not gap.strip("' ") else self.letter(start, start + 1)

    def after_enumerator(self, start: int, end: int) -> int:
        """Skip "(C)", "C.", "3)" or "Option 3:" before a name; only the name decides."""
        place = start
        if end - place > 2 and self.words.words[place] in _ENUMERATED:
            place += 1
        if end - place < 2:
            return start
        word, gap = self.words.words[place], self.words.gaps[place + 1]
        is_mark = (len(word) == 1 and word.isalpha()) or (word.isdigit() and len(word) <= 3)
        return place + 1 if is_mark and any(char in ").:]-" for char in gap) else start

    def statement(self, start: int, end: int) -> Verdict:
        """Return what a statement says whose payload begins at word ``start``.

        The option it begins with counts, with those in one list with it ("Cat, because the dog is
        not heard" is Cat, "Cat or Dog" is both); otherwise every option asserted before it ends.
        """
        end = min(end, start + _REACH)
        if start >= end:
            return Verdict()
        whole = self.whole(start, end)
        if whole:
            return whole
        begin = self.after_enumerator(start, end)
        while begin < end and self.words.words[begin] in _LEAD_INS and not self._starts_here(begin):
            begin += 1
        asserted = self.between(begin, end)
        if asserted and asserted[0].start == begin:
            if "either" not in self.words.words[start:begin]:
                asserted = self.list_of(asserted[0])
        elif (letter := self.leading_letter(begin, end)) is not None:
            return Verdict(frozenset({letter}))
        elif not asserted and not self._unasserted(begin, end):
            return Verdict(abstention=find_abstention(self.words, start, end))
        else:
            asserted = self.between(begin, self._main_clause_end(begin, end))
        return verdict_of(asserted)

    def _main_clause_end(self, start: int, end: int) -> int:
        return next((i for i in range(start, end) if self.words.words[i] in _SUBORDINATORS), end)

    def _is_unasserted(self, start: int, end: int) -> bool:
        first = bisect_left(self.mentions, start, key=lambda mention: mention.start)
        inside = first < len(self.mentions) and self.mentions[first].start < end
        return inside and self.statuses[first] is not Status.ASSERTED

    def _starts_here(self, place: int) -> bool:
        return any(mention.start == place for mention in self.between(place, place + 1))

    def _unasserted(self, start: int, end: int) -> bool:
        first = bisect_left(self.mentions, start, key=lambda mention: mention.start)
        return first < len(self.mentions) and self.mentions[first].start < end

    def list_of(self, mention: Mention) -> list[Mention]:
        """Return the asserted mentions in one list with ``mention``, from it on."""
        found: list[Mention] = []
        first = bisect_left(self.mentions, mention.start, key=lambda other: other.start)
        for index in range(first, min(len(self.mentions), first + _REACH)):
            if index > first and not are_linked(self.words, self.mentions[index - 1], self.mentions[index]):
                break
            if self.statuses[index] is Status.ASSERTED:
                found.append(self.mentions[index])
        return found


def verdict_of(mentions: Sequence[Mention]) -> Verdict:
    """Return the options of ``mentions``; an alias decides only if no real name is used."""
    return Verdict(
        frozenset(mention.option for mention in mentions),
        None,
        bool(mentions) and all(mention.is_alias for mention in mentions),
    )


def _ends(text: str) -> str:
    """Return ``text`` without its middle if it is very long, cut between sentences if possible, otherwise words.

    The "Cat" of "Catalogue" must not be left at a cut, nor that of "not a Cat".
    """
    if len(text) <= 2 * _LONGEST:
        return text
    head, tail = text[:_LONGEST], text[-_LONGEST:]
    stop = _SENTENCE_END.search(tail, 0, _LONGEST // 10)
    tail = tail[stop.end() :] if stop else (tail.split(None, 1) or [""])[-1]
    return (head.rsplit(None, 1) or [""])[0] + "\n" + tail


def read(text: str, options: OptionSet, *, letters: bool, asked: str | None = None) -> Reading:
    """Split ``text`` and find the options in it; the middle of a text over 200,000 characters is left out."""
    words = split(clean(_ends(text)))
    mentions = list(without_compounds(words, find_mentions(words, options)))
    statuses = assess(words, mentions, polar=options.polar)
    begin = mark_echoes(words, mentions, statuses, len(options.labels) - len(options.abstentions))
    return Reading(words, options, letters, mentions, statuses, begin, asked)
