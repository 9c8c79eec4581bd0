"""Where a model corrects itself: "Cat. Scratch that, Pig", "Wait, the sound is Pig"."""

import re
from dataclasses import dataclass

# A correction begins a clause: "Cat. Actually, Pig", but not "the video actually shows a cat".
_CLAUSE_BEGINS = (
    r"(?:^|(?<=[.!?;:,()…\n*_—–-])|(?<=[.!?;:,)…*] )|(?<=[—–-] )|(?<=\bbut )|(?<=\bhmm ))[ \t*_\"'(]{0,4}"
    r"(?:(?:hmm|oh|ah|ok|okay|well|but|and)[, …—–.-]{1,3}){0,2}"
)
# What revokes the text before it, whatever follows.
_FIRM_WORDS = (
    r"(?:scratch|strike|disregard|ignore|forget) (?:that|this|my (?:previous|first|last)[ \w]{0,20})",
    r"(?:on|upon) second thoughts?",
    r"(?:on|upon) (?:further |closer |careful )?"
    r"(?:reflection|consideration|inspection|review|examination|listening|look(?:ing)?|analysis)",
    r"(?:that is|that's|that was|it was) (?:wrong|incorrect|a mistake|not right)",
    r"my (?:mistake|bad|error)",
    r"i (?:take (?:that|it) back|stand corrected|was (?:wrong|mistaken)|made (?:a mistake|an error)|meant(?: to say)?"
    r"|mis(?:spoke|heard|read|saw|judged|identified)|(?:have )?changed? my (?:mind|answer)"
    r"|(?:would|want|need|have) (?:like )?to (?:correct|change|revise) (?:that|myself|my answer))",
    r"(?:let me|i(?:'ll| will| should| need to| must)) "
    r"(?:re-?(?:consider|think|phrase|do|evaluate|assess|vise)|correct|change)"
    r"(?: that| this| it| myself| my (?:answer|choice|response))?",
    r"correction|edit|or rather|make that|better yet",
    r"(?:revised|corrected|updated|new) (?:answer|choice|class|guess|label)",
)
_FIRM = re.compile(
    _CLAUSE_BEGINS + r"(?:(?:no|wait|sorry|actually|oops)[, …—–.-]{1,3}){0,3}"
    rf"({'|'.join(_FIRM_WORDS)})\b(?: (?:is|would be|it is|it's))?[ \t:,.;!—–…*_-]{{0,6}}",
    re.IGNORECASE | re.MULTILINE,
)
# What revokes it if a plain claim follows: "Actually, it is a pig", but not "Actually, the video is short".
_LOOSE = re.compile(
    _CLAUSE_BEGINS + r"(wait|hold on|hang on|actually|no|nope|not quite|hmm+|oops|whoops|sorry|my apologies|apologies"
    r"|i mean|rather|in fact|in reality|come to think of it|er+|erm|uh+|um+"
    r"|(?:looking|listening)(?: again| (?:more )?(?:closely|closer|carefully)| at it again| to it again)?"
    r"|after (?:further |closer |more |careful |some )(?:\w+))\b"
    r"(?:[ ,.!…—–:;-]{1,4}"
    r"(?:wait|no|actually|sorry|hold on|hmm+|a minute|a moment|a second|that's not right|i think)\b){0,3}"
    r"[ \t,.:;!—–…*_-]{1,6}",
    re.IGNORECASE | re.MULTILINE,
)
_ABSTAINS = frozenset({"wait", "hold on", "hang on", "actually"})
# Every correction contains one of these words; most answers contain none and are not searched further.
_WORDS = re.compile(
    r"\b(?:scratch|strike|disregard|ignore|forget|second|reflection|consideration|inspection|review|examination|analysis"
    r"|listening|look|looking|mistake|bad|error|wrong|incorrect|right|back|correct|corrected|mistaken|meant|mis\w+"
    r"|changed?|revise|re-?\w+|correction|edit|rather|make|better|updated|new|wait|hold|hang|actually|no|nope|not|hmm+"
    r"|oops|whoops|sorry|apologies|mean|fact|reality|think|er+|erm|uh+|um+|after)\b",
    re.IGNORECASE,
)
_LAST = 20_000  # characters from the end that are searched
_MOST = 4  # corrections that are tried, from the end


@dataclass(frozen=True, slots=True)
class Correction:
    """A correction.

    Attributes:
        before: the revoked text.
        after: what follows.
        is_firm: whether the words leave no doubt.
        may_abstain: whether "I cannot tell" may follow; after "sorry" it is a courtesy.
    """

    before: str
    after: str
    is_firm: bool
    may_abstain: bool


def corrections(text: str) -> list[Correction]:
    """Return the last few corrections of ``text``, the last one first."""
    begin = max(0, len(text) - _LAST)
    if not _WORDS.search(text, begin):
        return []
    found = [(match, True) for match in _FIRM.finditer(text, begin)]
    found += [(match, False) for match in _LOOSE.finditer(text, begin)]
    found.sort(key=lambda item: (item[0].end(), item[1]))
    return [
        Correction(text[: match.start()], text[match.end() :], is_firm, is_firm or match[1].casefold() in _ABSTAINS)
        for match, is_firm in found[: -_MOST - 1 : -1]
        if text[: match.start()].strip()
    ]
