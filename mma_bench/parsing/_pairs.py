"""Answers that name one class for each modality: "Visual: Cat / Audio: Pig", JSON, tables, and plain sentences."""

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mma_bench.parsing._modalities import AUDIO, TURNS, VISUAL, spoken_of
from mma_bench.parsing._normalise import Words
from mma_bench.parsing._reading import Reading, Verdict, verdict_of

_NAMES = {
    VISUAL: r"visuals?|visually|video|images?|pictures?|frames?|sight|vision|seen|see|screen|eyes?|seeing|looks?",
    AUDIO: r"audio|audibly|sounds?|hearing|heard|hear|soundtrack|ears?|listening|acoustics?|auditory|aural",
}
_LABEL = re.compile(
    r"(?:^|[\n|;,{(/]|\.[ \t])[ \t>#*_\"'`•\d.)-]{0,12}"
    r"(?:(?:the|my|from|for|in|by|based on|what|i|can|is|be|of|content) ){0,4}"
    rf"(?:(?P<visual>{_NAMES[VISUAL]})|(?P<audio>{_NAMES[AUDIO]}))"
    r"(?:[ _-](?:content|class|label|answer|category|modality|prediction|track|stream|part|side|only|element|source"
    r"|event|description|analysis|information|evidence|cue|cues|alone)){0,2}"
    r"[ \t*_\"'`)]{0,6}(?::|=|->|=>|→|\||[–—]|[ ]-[ ]|(?=\n))",
    re.IGNORECASE,
)
_RULE = re.compile(r"[|:\s-]{3,}")
_MOST = 40  # labels that are looked at


@dataclass(frozen=True, slots=True)
class Labelled:
    """The text after the label of each modality, and around both.

    Attributes:
        of: the text of each modality.
        around: the text before the first label and after the text of the last one.
    """

    of: Mapping[str, str]
    around: tuple[str, str] = ("", "")


def labelled(text: str) -> Labelled | None:
    """Return the text after the label of each modality, if both have exactly one label.

    Table rows, and tables with one column per modality, also count.
    """
    if "\n" not in text and ":" not in text and "|" not in text and not any(sign in text for sign in "=-→–—"):
        return None
    columns = _columns(text)
    if columns:
        return Labelled(columns)
    labels = [match for _, match in zip(range(_MOST), _LABEL.finditer(text), strict=False)]
    found: dict[str, str] = {}
    for number, match in enumerate(labels):
        modality = VISUAL if match["visual"] else AUDIO
        end = labels[number + 1].start() if number + 1 < len(labels) else len(text)
        if modality in found:
            return None
        found[modality] = _payload(text[match.end() : end], is_last=number + 1 == len(labels))
    if len(found) < 2 or not all(content.strip() for content in found.values()):
        return None
    rest = text[labels[-1].end() :].lstrip(" \t*_").lstrip("\n").partition("\n")[2]
    return Labelled(found, (text[: labels[0].start()], rest))


def _payload(text: str, *, is_last: bool) -> str:
    """Return what belongs to a label: up to the blank line, or the line's end for the last label."""
    text = text.lstrip(" \t*_")
    if is_last:
        return text.lstrip("\n").split("\n", 1)[0]
    return text.split("\n\n", 1)[0] if text.strip() and not text.startswith("\n\n") else text


def _columns(text: str) -> dict[str, str] | None:
    """Return the cells below the headings of a table with one column per modality."""
    if "|" not in text:
        return None
    rows = [line.strip().strip("|").split("|") for line in text.splitlines() if line.count("|") >= 1][:20]
    rows = [row for row in rows if not _RULE.fullmatch("|".join(row))]
    for head, row in itertools.pairwise(rows):
        found = {}
        for name, cell in zip(head, row, strict=False):
            for modality, names in _NAMES.items():
                if re.fullmatch(rf"[\W_]*(?:{names})(?: (?:content|class|label|answer))?[\W_]*", name, re.IGNORECASE):
                    found[modality] = cell
        if len(found) == 2 and all(cell.strip() for cell in found.values()):
            return found
    return None


def by_clause(reading: Reading) -> Verdict:
    """Return what a text names for the asked modality, if each class belongs to one modality.

    "The video shows a cat while the audio is a pig": each class is in a clause about one modality, and both modalities
    are mentioned.
    """
    if reading.asked is None:
        return Verdict()
    own = reading.between(reading.begin, len(reading.words))
    if len({mention.option for mention in own}) < 2:
        return Verdict()
    named = {place for mention in reading.mentions for place in range(mention.start, mention.end)}
    of: dict[int, str] = {}
    held: str | None = None
    for start, end, carries in _segments(reading.words, reading.begin, named):
        found = spoken_of(reading.words, start, end, named)
        inside = reading.between(start, end)
        if len(found) > 1 and inside:
            return Verdict()
        current = next(iter(found)) if len(found) == 1 else held if carries and not found else None
        for mention in inside:
            if current is None:
                return Verdict()
            of[mention.start] = current
        held = current
    if set(of.values()) != {VISUAL, AUDIO}:
        return Verdict()
    verdict = verdict_of([mention for mention in own if of[mention.start] == reading.asked])
    return verdict if len(verdict.options) == 1 else Verdict()


def _segments(words: Words, begin: int, named: set[int]) -> Iterator[tuple[int, int, bool]]:
    """Yield clauses, and whether each continues with the modality of the previous one."""
    start, carries = begin, False
    for index in range(begin + 1, len(words) + 1):
        gap = words.gaps[index]
        is_end = index == len(words)
        word = "" if is_end else words.words[index]
        breaks = gap != " " and any(char in ".!?;:,/|\n{}[]" for char in gap)
        if is_end or ((breaks or word in TURNS or word == "and") and index not in named):
            yield start, index, carries
            start = index
            carries = word not in TURNS and not any(char in gap for char in ".!?;\n")
        elif breaks:
            yield start, index, carries
            start = index
            carries = not any(char in gap for char in ".!?;\n")
