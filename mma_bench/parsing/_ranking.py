"""Rankings: probabilities, "most likely A, possibly B", and a first and a second guess."""

from collections.abc import Sequence

from mma_bench.parsing._mentions import Mention
from mma_bench.parsing._normalise import Words
from mma_bench.parsing._reading import Reading, Verdict, verdict_of
from mma_bench.parsing._vocabulary import vocabulary

_ORDINALS = vocabulary("first 1st second 2nd third 3rd fourth 4th next other another alternative alternate")
_GUESSES = vocabulary(
    "guess guesses choice choices pick option candidate answer prediction possibility hypothesis label class"
)
_SURE = vocabulary(
    "probably likely certainly definitely clearly mainly primarily mostly predominantly surely undoubtedly best"
)
_MAYBE = vocabulary(
    "possibly maybe perhaps might could conceivably alternatively secondarily potentially may less second secondary "
    "runner next followed"
)
_BLOCKS = frozenset({"not", "un", "less", "equally", "least"})
_UNITS = vocabulary("s sec secs second seconds min minute minutes ms hz khz db x times fps meters m cm feet")
_WINDOW = 4

_Score = tuple[float, bool | None]
"""A number, and whether it is a percentage (True), a share of one (False), or a whole number of unknown unit (None)."""


def by_score(reading: Reading, own: Sequence[Mention]) -> Verdict:
    """Return the option with the highest probability if each named option has one; all of the best if tied."""
    words = reading.words
    if len({mention.option for mention in own}) < 2:
        return Verdict()
    before = [_score_before(words, mention) for mention in own]
    leads = before[0] is not None and all(score is not None for score in before)
    ends = [mention.start for mention in own[1:]] + [len(words)]
    found = before if leads else [_score_after(words, mention, end) for mention, end in zip(own, ends, strict=True)]
    scores = [score for score in found if score is not None]
    if len(scores) < len(own) or len({unit for _, unit in scores}) > 1:
        return Verdict()
    if scores[0][1] is None and sum(value for value, _ in scores) != 100:
        return Verdict()  # whole numbers are percentages only if they add up
    best = max(value for value, _ in scores)
    return verdict_of([mention for mention, (value, _) in zip(own, scores, strict=True) if value == best])


def _score_after(words: Words, mention: Mention, end: int) -> _Score | None:
    """Read "Cat: 10%", "Cat (0.9)", "Cat with 90 % confidence"; value, and whether it is a percentage."""
    for place in range(mention.end, min(end, mention.end + _WINDOW)):
        gap = words.gaps[place]
        if place > mention.end and any(char in gap for char in ".!?;"):
            return None
        if words.words[place][0].isdigit():
            return _number(words, place)
    return None


def _score_before(words: Words, mention: Mention) -> _Score | None:
    """Read "90% Cat", "90 % chance of a Cat"."""
    for place in range(mention.start - 1, max(-1, mention.start - 1 - _WINDOW), -1):
        if any(char in words.gaps[place + 1] for char in ",;\n!?:"):
            return None
        if words.words[place][0].isdigit():
            start = place - 1 if words.gaps[place] == "." and place and words.words[place - 1].isdigit() else place
            return _number(words, start)
    return None


def _number(words: Words, place: int) -> _Score | None:
    whole, end = words.words[place], place + 1
    if not (whole.isdecimal() and whole.isascii() and len(whole) <= 12):
        return None
    digits = whole
    if end < len(words) and words.gaps[end] == "." and words.words[end].isdecimal() and words.words[end].isascii():
        digits, end = f"{whole}.{words.words[end][:12]}", end + 1
    value = float(digits)
    if words.words[end : end + 1] and words.words[end] in _UNITS:
        return None  # "a cat at 0.5 seconds"
    is_percent = words.gaps[end].lstrip().startswith("%") or words.words[end : end + 1] in (["percent"], ["per"])
    if is_percent:
        return (value, True) if value <= 100 else None
    if "." in digits:
        return (value, False) if value <= 1 else None
    return (value, None) if value <= 100 else None


def by_rank(reading: Reading, own: Sequence[Mention]) -> Verdict:
    """Read "Most likely Applause, possibly Clapping": one option is called likely, all others only possible."""
    words = reading.words
    likely: list[Mention] = []
    rest: list[Mention] = []
    begin = reading.begin
    for mention in own:
        said = set(words.words[max(begin, mention.start - 6) : mention.start])
        begin = mention.end
        if _BLOCKS.isdisjoint(said) and not _SURE.isdisjoint(said) and _MAYBE.isdisjoint(said):
            likely.append(mention)
        elif not _MAYBE.isdisjoint(said):
            rest.append(mention)
        else:
            return Verdict()
    chosen = {mention.option for mention in likely}
    if len(chosen) != 1 or not rest or chosen & {mention.option for mention in rest}:
        return Verdict()
    return verdict_of(likely)


def by_guesses(reading: Reading, own: Sequence[Mention]) -> Verdict:
    """Read "My first guess is Rain, my second guess is Waterfall": several, unless something else is said later."""
    words = reading.words
    guesses: list[Mention] = []
    ordinals: set[str] = set()
    begin = reading.begin
    for mention in own:
        said = words.words[max(begin, mention.start - 6) : mention.start]
        begin = mention.end
        if ordinals and "answer" in said and ordinals.isdisjoint(said) and _ORDINALS.isdisjoint(said):
            return Verdict()
        for at, word in enumerate(said[:-1]):
            if word in _ORDINALS and said[at + 1] in _GUESSES:
                guesses.append(mention)
                ordinals.add(word)
    if len(ordinals) < 2 or len({mention.option for mention in guesses}) < 2:
        return Verdict()
    return verdict_of(guesses)
