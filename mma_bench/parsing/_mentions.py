"""Where the options are named in a text, whole words only, the longest name first."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mma_bench.parsing._normalise import Words
from mma_bench.parsing._options import Name, OptionSet
from mma_bench.parsing._vocabulary import vocabulary

# Gaps that may occur between the words of one name: "bowed-string_instrument", "Brass\\_instrument".
_JOINED = re.compile(r"(?:[ \t]+|[ \t]?[_\\'-]+)?\Z")
LABEL_WORDS = frozenset({"class", "label", "option", "answer", "category"})
# Words that may occur between two items of one list.
_LINKS = vocabulary(
    "and or nor a an the also then maybe possibly perhaps as well plus both either even some another "
    "und oder y o et ou e и или 和 或 与 者"
)
_OPENERS = vocabulary(
    "if what do does is are how can could would please let the this that these there it i in you we why "
    "which where when who thank thanks hope based feel here my note for explanation reason"
)
# "No the dog is not visible", "the answer is no because": what follows is not a noun.
_CLAUSE_OPENERS = vocabulary("because since as but and or the it there i this that these they he she we you")
# "No idea" or "no doubt" does not answer a yes/no question; "no sound of a dog" does.
_NOT_A_NO = vocabulary(
    "doubt question idea problem matter worries longer one wonder audio sound sounds video visual "
    "visuals image images information content option options"
)


@dataclass(frozen=True, slots=True)
class Mention:
    """Words ``start`` to ``end`` (exclusive) of a text name option number ``option``."""

    start: int
    end: int
    option: int
    is_alias: bool


def find_mentions(words: Words, options: OptionSet) -> list[Mention]:
    """Return the options named in ``words``, in order and without overlap, including those inside compounds."""
    found: list[Mention] = []
    free = 0
    lengths = options.lengths
    for index, word in enumerate(words.words):
        if word not in lengths or index < free:
            continue
        spelled = (options.inside.get(tuple(words.words[index : index + length])) for length in lengths[word])
        name = next((name for name in spelled if name and _is_joined(words, index, name)), None)
        if name is None:
            continue
        free = index + len(name.words)
        if name.option not in options.lonely or _stands_alone(words, index, options.polar):
            found.append(Mention(index, free, name.option, name.is_alias))
    return found


def _is_joined(words: Words, index: int, name: Name) -> bool:
    """Return whether the gaps between the words of a name from word ``index`` on are allowed."""
    gaps = words.gaps[index + 1 : index + len(name.words)]
    # AudioSet writes "Keyboard (musical)" where the published name is Keyboard_musical.
    in_parentheses = words.gaps[index + len(name.words)].startswith(")")
    return all(
        gap == " " or _JOINED.match(gap) or gap.strip() == own.strip() or (in_parentheses and gap in (" (", "("))
        for gap, own in zip(gaps, name.gaps, strict=True)
    )


def _stands_alone(words: Words, index: int, polar: bool) -> bool:
    """Return whether a function word is used as an answer rather than inside a sentence."""
    following = words.gaps[index + 1]
    if following.strip(" ") or index + 1 == len(words):
        return following != "'" and not following.startswith("-")
    after = words.words[index + 1]
    if opens_chatter(words, index + 1):
        return True
    if not polar:
        return False
    if after in _CLAUSE_OPENERS or list(words.words[index - 1 : index]) == ["a"]:
        return True
    if after in _NOT_A_NO and words.words[index + 2 : index + 3] not in (["of"], ["from"]):
        return False
    # "No dog is visible", "There is no dog": the usual long form of "No".
    return words.is_stop(index) or list(words.words[max(0, index - 2) : index]) in (
        ["there", "is"],
        ["there", "are"],
        ["there", "s"],
        ["there", "was"],
    )


def opens_chatter(words: Words, index: int) -> bool:
    """Return whether word ``index`` begins a new sentence that no full stop announces.

    Models fine-tuned on short answers continue like this: "Bird If you have any other questions".
    """
    return words.raw[index][:1].isupper() and words.words[index] in _OPENERS


def are_linked(words: Words, first: Mention, second: Mention) -> bool:
    """Return whether two mentions are neighbours in one list: "Cat, Dog", "a cat and a dog", "Cat/Dog"."""
    if second.start - first.end > 4 or any(c in ".!?;:()\n" for c in "".join(words.gaps[first.end : second.start + 1])):
        return False
    return all(word in _LINKS for word in words.words[first.end : second.start])


def runs(words: Words, mentions: Sequence[Mention]) -> list[range]:
    """Group mentions into lists; each range holds the indices of the mentions of one list."""
    found: list[range] = []
    begin = 0
    for index in range(1, len(mentions) + 1):
        if index == len(mentions) or not are_linked(words, mentions[index - 1], mentions[index]):
            found.append(range(begin, index))
            begin = index
    return found
