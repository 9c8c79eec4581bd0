"""Lists of options that an output repeats from its prompt, which assert nothing."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from mma_bench.parsing._mentions import Mention
from mma_bench.parsing._negation import Status
from mma_bench.parsing._normalise import Words
from mma_bench.parsing._vocabulary import vocabulary

_LIST_NAMES = vocabulary("options choices candidates alternatives")
_LOOSE_LIST_NAMES = vocabulary("classes categories labels list following these")
_NAMING = vocabulary("include includes contain contains offer offers")
_INSTRUCTIONS = vocabulary("answer respond reply choose select pick please use provide")
_CHOOSING = frozenset({"choose", "select", "pick", "between"})
_MIXED = frozenset({"mix", "mixture", "combination", "blend", "both"})
_BETWEEN_ITEMS = vocabulary("and or a an the option")


def mark_echoes(words: Words, mentions: Sequence[Mention], statuses: list[Status], count: int) -> int:
    """Mark repeated option lists in ``statuses`` and return the word at which the model's own text begins.

    A list is an echo if it follows "Options:" or an instruction ("Answer with Yes or No"), or if it
    names all ``count`` options while something else is named outside it. The result is 0 unless the
    output begins with the prompt.
    """
    for index, mention in enumerate(mentions):
        before = words.words[max(words.sentence_start(mention.start), mention.start - 5) : mention.start]
        if _NAMING.intersection(before) and _LIST_NAMES.intersection(before):
            statuses[index] = Status.LISTED  # "The options include Cat"
    begin = checked = 0
    opens = True
    for run in _lists(words, mentions):
        if _is_echo(words, mentions, run, count):
            opens = opens and Status.ASSERTED not in statuses[checked : run.start]
            checked = run.stop
            statuses[run.start : run.stop] = [Status.LISTED] * len(run)
            if opens:
                begin = words.sentence_end(mentions[run[-1]].start)
                if ":" in words.gaps[mentions[run[-1]].end]:
                    begin = mentions[run[-1]].end  # "Yes or No: Yes"
    return _skip_instructions(words, mentions, statuses, begin) if begin else 0


def _lists(words: Words, mentions: Sequence[Mention]) -> Iterator[range]:
    """Yield runs of two or more different options; an option named again belongs to the answer."""
    begin = 0
    seen: set[int] = set()
    for index, mention in enumerate(mentions):
        if index > begin and (mention.option in seen or not _is_next_item(words, mentions, begin, index)):
            if index - begin > 1:
                yield range(begin, index)
            begin, seen = index, set()
        seen.add(mention.option)
    if len(mentions) - begin > 1:
        yield range(begin, len(mentions))


def _is_next_item(words: Words, mentions: Sequence[Mention], begin: int, index: int) -> bool:
    first, second = mentions[index - 1].end, mentions[index].start
    if second - first > 3:
        return False
    between = words.words[first:second]
    numbers = [word for word in between if len(word) == 1 or word.isdigit()]
    if any(word not in _BETWEEN_ITEMS and word not in numbers for word in between):
        return False
    gaps = "".join(words.gaps[first : second + 1])
    if "%" in gaps or (between and between[0] in numbers and any(char in words.gaps[first] for char in ":=(")):
        return False  # "Cat: 0.1, Dog: 0.9": scores, and not the numbers of a list
    if any(char in "!?" for char in gaps) or ("." in gaps and not numbers):
        return False
    # One item a line, or all items in one line: a new line ends a list of the second kind.
    one_a_line = "\n" in "".join(words.gaps[mentions[begin].end : mentions[begin + 1].start + 1])
    return index == begin + 1 or one_a_line == ("\n" in gaps)


def _is_echo(words: Words, mentions: Sequence[Mention], run: range, count: int) -> bool:
    start, end = mentions[run.start].start, mentions[run[-1]].end
    # Not past another option: the "Options" of one list says nothing about what stands behind that list.
    earlier = mentions[run.start - 1].end if run.start else 0
    before = words.words[max(earlier, start - 5) : start]
    if _MIXED.intersection(words.words[max(words.sentence_start(start), start - 15) : start]):
        return False  # "a mix of the following classes: ..." is the model's own list
    names_all = len(run) >= count
    if _LIST_NAMES.intersection(before):
        return True
    if _LOOSE_LIST_NAMES.intersection(before) and len(run) >= 3 and 2 * len(run) >= count:
        return True
    if not names_all:
        return False
    asked = any(char in ":?" for char in words.gaps[end]) or bool(_CHOOSING.intersection(before))
    # "Answer with Yes or No", but "Answer: Cat, Dog" is an answer.
    instructed = bool(_INSTRUCTIONS.intersection(before)) and ":" not in words.gaps[start]
    return asked or instructed or (count >= 3 and len(mentions) > len(run))


def _skip_instructions(words: Words, mentions: Sequence[Mention], statuses: Sequence[Status], begin: int) -> int:
    """Skip "Answer using a single class name." after the list."""
    own = [mention.start for mention, status in zip(mentions, statuses, strict=True) if status is not Status.LISTED]
    while begin < len(words) and words.words[begin] in _INSTRUCTIONS:
        end = words.sentence_end(begin)
        if end - begin < 2 or ":" in words.gaps[begin + 1] or bisect_left(own, begin) < bisect_left(own, end):
            break
        begin = end
    return begin if begin < len(words) else 0
