"""Splits text into words: the form in which options and outputs are compared.

A text becomes its words and the gaps between them. Case, underscores, hyphens and exotic characters no longer matter,
while the gaps keep the punctuation that separates sentences and list items.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

# Scripts written without spaces between words: every character becomes a separate word, so that
# an English option name next to one has a boundary, and an option in such a script can be found.
_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x3005, 0x3007),
    (0x3040, 0x30FF),  # Hiragana, Katakana
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
_SPECIAL = {
    **dict.fromkeys("‘’ʼ´", "'"),
    **dict.fromkeys("“”„‟«»「」『』《》〈〉", '"'),
    **dict.fromkeys("。｡।॥", "."),
    **dict.fromkeys("、،", ","),
    **dict.fromkeys("→⇒➡⟶", ":"),
    **dict.fromkeys("‐‑", "-"),
    "؟": "?",
    "؛": ";",
    "\t": " ",
    "\n": "\n",
    "\v": "\n",
    "\f": "\n",
    "\u0085": "\n",
}
_BY_CATEGORY = {"Pd": " - ", "Ps": "(", "Pe": ")", "Pi": '"', "Pf": '"', "Zs": " ", "Zl": "\n", "Zp": "\n"}
_DROPPED = {"Cc", "Cf", "Me"}

_ANSI_COLOUR = re.compile(r"\x1b\[[0-9;]{0,20}[A-Za-z]")
# A Latin letter or digit next to a letter of another script: "정답은Cat", "это Cat-ом".
_LATIN, _OTHER = "[0-9A-Za-z\u00c0-\u024f]", "[\u0370-\u1dff\u2c00-\uabff\uac00-\ud7ff]"
_SCRIPT_CHANGE = re.compile(f"(?<={_LATIN})(?={_OTHER})|(?<={_OTHER})(?={_LATIN})")
_NOT_CONTRACTED = re.compile(r"n't\b|(?<=\bcan)not\b", re.IGNORECASE)
# Everything but white space and ASCII punctuation; the underscore counts as punctuation.
_WORD = re.compile(r"([^\s!-/:-@\[-`{-~]+)")
_STOP = re.compile(r"[.!?;\n]")


class _CharacterTable(dict[int, str]):
    """The replacement of each character for `str.translate`, computed when a character first occurs."""

    def __missing__(self, code: int) -> str:
        self[code] = value = _replacement(chr(code))
        return value


def _replacement(char: str) -> str:
    if char in _SPECIAL:
        return _SPECIAL[char]
    compatible = unicodedata.normalize("NFKC", char)
    if compatible != char:
        # A ligature may become a few letters; signs for a whole phrase stay one character, because a long text of
        # them would grow by a factor of eighteen.
        return "".join(map(_replacement, compatible)) if len(compatible) <= 4 else char
    code, category = ord(char), unicodedata.category(char)
    if any(first <= code <= last for first, last in _UNSPACED):
        return f" {char} " if category[0] in "LMN" else " "
    is_loose_mark = 0x300 <= code <= 0x36F or 0xFE00 <= code <= 0xFE0F or code >= 0xE0100
    if category in _DROPPED or is_loose_mark:
        return ""
    if code < 0x80 or category[0] in "LMN":
        return char
    return _BY_CATEGORY.get(category, " ")  # emoji, symbols, unassigned characters, lone surrogates


_CHARACTERS = _CharacterTable()


def clean(text: str) -> str:
    """Return ``text`` in compatibility form with ASCII punctuation, without invisible characters.

    Full-width letters become ordinary ones; zero-width, direction and control characters vanish;
    emoji and symbols become spaces; quotes, dashes and stops of all scripts become ASCII ones.
    """
    text = _ANSI_COLOUR.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii():
        return text.translate(_CHARACTERS) if not text.isprintable() else text
    text = unicodedata.normalize("NFC", text).translate(_CHARACTERS)
    return _SCRIPT_CHANGE.sub(" ", text)


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a text and the gaps between them.

    Attributes:
        words: the words, case folded.
        raw: the same words as written.
        gaps: ``gaps[i]`` is the gap before word ``i``; the last one follows the last word, so there is one more gap
            than words.
        stops: indices ``i``, ascending, such that a sentence or line ends before word ``i``; starts
            with 0 and ends with ``len(words)``.
    """

    words: Sequence[str]
    raw: Sequence[str]
    gaps: Sequence[str]
    stops: Sequence[int]

    def __len__(self) -> int:
        return len(self.words)

    def sentence_start(self, index: int) -> int:
        """Return the index of the first word of the sentence that contains word ``index``."""
        return self.stops[bisect_right(self.stops, index) - 1]

    def sentence_end(self, index: int) -> int:
        """Return the index after the last word of the sentence that contains word ``index``."""
        place = bisect_right(self.stops, index)
        return self.stops[place] if place < len(self.stops) else len(self.words)

    def is_stop(self, index: int) -> bool:
        """Return whether a sentence or line ends before word ``index``."""
        place = bisect_right(self.stops, index) - 1
        return place >= 0 and self.stops[place] == index


def split(cleaned: str) -> Words:
    """Split what `clean` returned into words. "isn't" and "cannot" become two words ending in "not"."""
    parts = _WORD.split(_NOT_CONTRACTED.sub(" not", cleaned))
    raw, gaps = parts[1::2], parts[0::2]
    words = [word.casefold() for word in raw]
    stops = [0]
    for index in range(1, len(words)):
        gap = gaps[index]
        if gap != " " and _STOP.search(gap) and not _is_decimal_point(gap, words, index):
            stops.append(index)
    if words:
        stops.append(len(words))
    return Words(words, raw, gaps, stops)


def _is_decimal_point(gap: str, words: Sequence[str], index: int) -> bool:
    return gap == "." and words[index - 1].isdigit() and words[index].isdigit()
