"""Which mentions of an option are assertions.

A model often names an option to reject it ("not a cat but a dog"), to say that it cannot tell, to ask
about it, or to quote the caption. Each cue has a scope that ends with its clause, and a plain "not"
reaches only the first option, or list of options, after it.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from enum import Enum

from mma_bench.parsing._mentions import Mention, runs
from mma_bench.parsing._normalise import Words
from mma_bench.parsing._vocabulary import vocabulary


class Status(Enum):
    """The meaning of a mention."""

    ASSERTED = "asserted"
    NEGATED = "negated"
    UNCERTAIN = "uncertain"
    ASKED = "asked"
    QUOTED = "quoted from the caption"
    LISTED = "listed from the prompt"


_REACH = 10  # words between a negation and the option: "I do not think that this is the sound of a cat"

_NEGATORS = vocabulary(
    "not no never neither nor without nothing none isnt arent wasnt dont doesnt didnt cant cannot wont "
    "unlike lacks lacking absence pas kein keine keinen keinem keiner nicht non не нет aucun aucune ni "
    "hardly doubtful"
)
_NEGATING_PAIRS = frozenset(
    tuple(pair.split())
    for pair in [
        "rather than",
        "instead of",
        "opposed to",
        "unlikely to",
        "rule out",
        "rules out",
        "ruled out",
        "ruling out",
        "far from",
        "different from",
        "mistaken for",
        "confused with",
        "不 是",
        "没 有",
        "並 非",
        "并 非",
        "не является",
    ]
)
# After a negator: words that cancel the negation of what follows.
_NO_NEGATION = vocabulary(
    "only just merely simply solely surprisingly doubt question problem wonder matter until mistaking "
    "mistake miss deny denying ignore help seulement nur solo sólo solamente soltanto только"
)
# "No it is a cat": an interjection, not a determiner.
_PRONOUNS = vocabulary("it this that there i its they he she we you")
_UNCERTAIN_WORDS = vocabulary("unsure uncertain unclear unable impossible")
_HARD = frozenset({("hard", "to"), ("difficult", "to")})
_EPISTEMIC = vocabulary(
    "sure certain clear confident know tell determine identify say decide confirm distinguish discern "
    "possible idea enough able classify recognize recognise"
)
_CONDITIONS = frozenset({"if", "whether", "unless"})
_CHOOSING = frozenset({"choose", "guess", "pick", "say", "decide", "select", "answer"})
_BOUNDARIES = vocabulary(
    "but however although though yet because since so therefore thus hence while whereas still "
    "nevertheless nonetheless otherwise instead rather mais sondern aber sino pero ma а но donc 而"
)
_EXCEPT_WORDS = frozenset({"except", "excluding", "than"})
_EXCEPT_PAIRS = frozenset({("other", "than"), ("apart", "from"), ("aside", "from")})
_TOTALS = vocabulary("nothing anything none no not never everything else all")
_AUXILIARIES = vocabulary("is are was were be been can could do does did has have s seems appears")
_PRESENCE = vocabulary(
    "present visible audible heard seen shown appear appears correct right answer best match fit "
    "applicable detected evident likely exist featured included depicted case"
)
_REJECTED = vocabulary("absent missing unlikely incorrect wrong excluded eliminated implausible inapplicable")
_ASKING = vocabulary(
    "what which who where when why how is are was were do does did can could would should will has have"
)
_ASKING_ANYWHERE = frozenset({"which", "what"})  # "Based on the sound, which class is it?"
_NOTE = re.compile(r"[(:=]|\s-\s")
_NOTED = _REJECTED | {"no", "not", "false", "rejected", "nope", "negative"}
_CAPTION = vocabulary("caption captions subtitle subtitles title captioned")
_CAPTION_SAYS = vocabulary(
    "say says said state states stated read reads suggest suggests suggested mention mentions mentioned "
    "claim claims claimed indicate indicates indicated describe describes described label labels "
    "labelled labeled of calls called as"
)


def assess(words: Words, mentions: Sequence[Mention], *, polar: bool) -> list[Status]:
    """Return the status of each mention, except `Status.LISTED` (see ``_echo``).

    If the options are ``polar`` (Yes and No), "is not visible" refers to no option before it.
    """
    return _Assessment(words, mentions, polar).statuses if mentions else []


class _Assessment:
    """One pass over the cues of a text; every cue affects a bounded part, so the pass is linear."""

    def __init__(self, words: Words, mentions: Sequence[Mention], polar: bool) -> None:
        self.words = words
        self.mentions = mentions
        self.polar = polar
        self.statuses = [Status.ASSERTED] * len(mentions)
        self._starts = [mention.start for mention in mentions]
        self._run_of = [run for run in runs(words, mentions) for _ in run]
        self._inside = {place for mention in mentions for place in range(mention.start, mention.end)}
        self._ask()
        self._scan()
        if not polar:
            self._reject_by_mark()

    def _ask(self) -> None:
        """Mark questions: "Is it a cat?" asserts nothing, "A cat?" is a hesitant answer, "A cat? No." is none."""
        for index, mention in enumerate(self.mentions):
            start, end = self.words.sentence_start(mention.start), self.words.sentence_end(mention.start)
            if "?" not in self.words.gaps[end]:
                continue
            if self.words.words[end : end + 1] == ["no"] and self._ends_clause_or_text(end + 1):
                self.statuses[index] = Status.NEGATED
            elif self.words.words[start] in _ASKING or not _ASKING_ANYWHERE.isdisjoint(
                self.words.words[max(start, mention.start - 15) : mention.start]
            ):
                self.statuses[index] = Status.ASKED

    def _scan(self) -> None:
        listed = self.words.words
        excepted: list[int] = []
        for place, word in enumerate(listed):
            if place in self._inside:
                continue
            pair = (word, listed[place + 1]) if place + 1 < len(listed) else (word, "")
            if word in _EXCEPT_WORDS or pair in _EXCEPT_PAIRS or (word == "but" and self._is_exception(place)):
                excepted.append(place)
            elif pair in _NEGATING_PAIRS:
                if not self._negate(place + 1) and pair == ("ruled", "out"):
                    self._negate_backwards(place)
            elif word in _NEGATORS or (word == "doubt" and listed[max(0, place - 1)] in {"i", "we"}):
                self._negator(place, pair[1])
            elif word in _UNCERTAIN_WORDS or pair in _HARD or (word in _CONDITIONS and self._is_condition(place)):
                self._mark_clause(place, Status.UNCERTAIN)
            elif word in _CAPTION:
                self._quote(place)
            elif word in _REJECTED:
                self._negate_backwards(place)
        for place in excepted:
            self._except(place)

    def _reject_by_mark(self) -> None:
        """Reject what a note right after it rejects: "Cat: no", "Cat (incorrect)", "Cat - 0%"."""
        for index, mention in enumerate(self.mentions):
            place = mention.end
            if place == len(self.words) or not _NOTE.search(self.words.gaps[place]) or place in self._inside:
                continue
            word, after = self.words.words[place], self.words.gaps[place + 1]
            is_zero = word == "0" and after.lstrip().startswith("%")
            if is_zero or (word in _NOTED and (place + 1 == len(self.words) or after.strip(" ")) and after[:1] != "'"):
                self.statuses[index] = Status.NEGATED

    def _is_condition(self, place: int) -> bool:
        """Distinguish "if it is a cat" from "sounds as if a cat" and "if I had to choose"."""
        if self.words.words[max(0, place - 1)] == "as":
            return False
        return _CHOOSING.isdisjoint(self.words.words[place + 1 : place + 7])

    def _is_exception(self, place: int) -> bool:
        return place > 0 and self.words.words[place - 1] in _TOTALS

    def _negator(self, place: int, following: str) -> None:
        word, gap = self.words.words[place], self.words.gaps[place + 1]
        is_idiom = following in _NO_NEGATION or (word, following) == ("not", "to")
        is_interjection = word == "no" and following in _PRONOUNS
        if (is_idiom or is_interjection) and place + 1 not in self._inside:  # an option may be called "Wonder"
            return
        if word == "without" and "doubt" in self.words.words[place + 1 : place + 3]:
            return
        if word in {"not", "no"} and _EPISTEMIC.intersection(self._clause(place, 4)) and gap.isspace():
            self._mark_clause(place, Status.UNCERTAIN)
            return
        self._negate(place)
        if word in {"not", "never", "nicht", "pas"} and place and self.words.words[place - 1] in _AUXILIARIES:
            after = self._clause(place, 5)
            if not _PRESENCE.isdisjoint(after) and not self._is_made_good(place):
                self._negate_backwards(place)

    def _clause(self, place: int, reach: int) -> list[str]:
        """Return up to ``reach`` words after ``place``, up to the end of the clause."""
        found = []
        for index in range(place + 1, min(len(self.words), place + 1 + reach)):
            if self._ends_clause(index):
                break
            found.append(self.words.words[index])
        return found

    def _ends_clause(self, index: int) -> bool:
        """Return whether a clause ends before word ``index``."""
        gap = self.words.gaps[index]
        if gap != " " and any(char in ",;:!?()\n." for char in gap):
            return True
        if gap.strip() == "-" and gap != "-":
            return True
        word = self.words.words[index]
        if word not in _BOUNDARIES or index in self._inside:
            return False
        following = self.words.words[index + 1] if index + 1 < len(self.words) else ""
        return (word, following) not in _NEGATING_PAIRS

    def _first_behind(self, place: int, reach: int) -> int | None:
        """Return the number of the first mention after word ``place`` in its clause."""
        number = bisect_left(self._starts, place + 1)
        if number == len(self._starts) or self._starts[number] - place > reach:
            return None
        for index in range(place + 1, self._starts[number] + 1):
            word = self.words.words[index]
            is_exception = word in _EXCEPT_WORDS and self.words.words[index - 1] != "rather"
            if self._ends_clause(index) or (is_exception and index not in self._inside):
                return None
        return number

    def _ends_clause_or_text(self, index: int) -> bool:
        return index == len(self.words) or self._ends_clause(index)

    def _negate(self, place: int) -> bool:
        """Reject the first mention, or list of mentions, after ``place``; return whether there is one."""
        first = self._first_behind(place, _REACH)
        if first is None:
            return False
        if self.statuses[first] is not Status.NEGATED:  # "neither a cat nor a dog" was read at "neither"
            for number in range(first, self._list_end(first, self._run_of[first])):
                self.statuses[number] = Status.NEGATED
        return True

    def _list_end(self, first: int, run: range) -> int:
        """Return where the list that a negation covers ends.

        "No cat, dog or bird" and "no cats and dogs" cover all; "not a cat, a dog" and "there is no cat and the dog
        barks" cover only the cat.
        """
        end = first + 1
        for number in range(first + 1, run.stop):
            begin, stop = self.mentions[number - 1].end, self.mentions[number].start
            between = self.words.words[begin:stop]
            has_or = bool({"or", "nor", "oder", "o", "ou", "или", "或"}.intersection(between))
            if has_or or list(between) in (["and"], ["und"], ["y"], ["et"], ["и"], ["和"]):
                end = number + 1
        return end

    def _negate_backwards(self, place: int) -> None:
        """Read "Cat is not present": reject the mention, or list, that the verb before ``place`` is about."""
        number = bisect_left(self._starts, place) - 1
        if self.polar or number < 0 or place - self.mentions[number].end > 5:
            return
        if any(self._ends_clause(index) for index in range(self.mentions[number].end, place + 1)):
            return
        if not _AUXILIARIES.intersection(self.words.words[self.mentions[number].end : place]):
            return
        for member in range(self._run_of[number].start, number + 1):
            self.statuses[member] = Status.NEGATED

    def _is_made_good(self, place: int) -> bool:
        """Return whether "Cat is not visible" continues with "but it can be heard"."""
        behind = self.words.words[place + 1 : min(self.words.sentence_end(place), place + 16)]
        turn = next((at for at, word in enumerate(behind) if word in _BOUNDARIES), None)
        if turn is None:
            return False
        rest = range(place + 2 + turn, min(len(self.words), place + 10 + turn))
        if any(index in self._inside for index in rest):
            return False
        said = {self.words.words[index] for index in rest}
        return not said.isdisjoint({"heard", "audible", "visible", "seen", "present"}) and "not" not in said

    def _mark_clause(self, place: int, status: Status) -> None:
        """Give every mention of the rest of the clause a status; a list of options is not broken by commas."""
        limit = place + 40
        number = self._first_behind(place, 40)
        while number is not None and self._starts[number] < limit and self.statuses[number] is not status:
            stop = self._run_of[number].stop
            for member in range(number, stop):
                self.statuses[member] = status
            number = self._first_behind(self.mentions[stop - 1].end - 1, 40)

    def _quote(self, place: int) -> None:
        """Read "the caption says Fowl"; "based on the caption, Fowl" is the model's own answer."""
        number = bisect_left(self._starts, place + 1)
        if number == len(self._starts) or self._starts[number] - place > 6:
            return
        start = self._starts[number]
        gaps = "".join(self.words.gaps[place + 1 : start + 1])
        if any(char in gaps for char in ".;\n!?,"):
            return
        if _CAPTION_SAYS.intersection(self.words.words[place + 1 : start]) or (start == place + 1 and gaps.strip()):
            self.statuses[number] = Status.QUOTED

    def _except(self, place: int) -> None:
        """Read "other than a cat": rejects the cat, unless the sentence denies everything else."""
        words = self.words.words
        if words[place] == "than" and words[place - 1] in {"rather", "other"}:
            return  # read with the word before it
        number = bisect_left(self._starts, place + 1)
        if number == len(self._starts) or self._starts[number] - place > 5:
            return
        if any(self._ends_clause(index) for index in range(place + 1, self._starts[number] + 1)):
            return
        begin = max(self.words.sentence_start(place), place - 12)
        end = min(self.words.sentence_end(place), place + 16)
        denied = any(words[index] in _NEGATORS and index not in self._inside for index in range(begin, end))
        if denied:
            status = Status.ASSERTED
        elif (words[place], words[min(place + 1, len(words) - 1)]) in {("apart", "from"), ("aside", "from")}:
            return
        else:
            status = Status.NEGATED
        for member in range(number, self._run_of[number].stop):
            self.statuses[member] = status
