"""Abstention: "None of the above", "I cannot tell", "there is no sound", and refusals to answer."""

from collections.abc import Collection

from mma_bench.parsing._normalise import Words
from mma_bench.parsing._refusal_phrases import ALONE, OTHER_LANGUAGES, PHRASES, Abstention, phrases
from mma_bench.parsing._vocabulary import vocabulary

_FILLERS = vocabulary("the a an it is s this i am there just only answer class audio video sound quite")
# "cannot" and "do not" abstain when one of these verbs follows within four words.
_AUXILIARIES = vocabulary("can ca could do did does")
_KNOWING = vocabulary(
    "determine determined tell identify identified answer answered know process access analyze analyse "
    "analyzed analysed recognize recognise recognized classify classified decide assist help make "
    "distinguish distinguished confirm assess infer inferred interpret"
)
# These reject an option when one is their object ("I do not hear a cat") and abstain otherwise.
_PERCEIVING = vocabulary(
    "hear heard see seen detect detected view watch listen perceive perceived find discern discerned observe"
)
_CONDITIONS = frozenset({"if", "when", "unless"})  # "If none fits, choose the closest": an instruction
_MEDIA = vocabulary(
    "audio sound sounds video videos screen frame frames image images visual visuals picture pictures "
    "clip track recording footage"
)
_CONTENT = _MEDIA | {"content", "information", "anything"}
_FITTING = frozenset({"match", "fit", "correspond", "belong", "apply", "resemble"})
_HAVING = frozenset({"contain", "have", "include", "provide", "show", "feature"})
_GONE = vocabulary("black blank dark silent muted mute empty missing absent inaudible unavailable corrupted")
_ADVERBS = vocabulary("completely entirely totally fully just only all mostly pitch simply content track")
_COPULAS = vocabulary("is are was were s appears seems remains be being")


_ANYWHERE = phrases(PHRASES)
_GUARDED = {phrase: kind for phrase, kind in phrases(OTHER_LANGUAGES).items() if phrase not in _ANYWHERE}
_KIND_OF = {**_GUARDED, **_ANYWHERE}
_LENGTHS: dict[str, list[int]] = {}
for _phrase in _KIND_OF:
    _LENGTHS.setdefault(_phrase[0], []).append(len(_phrase))
_LENGTHS = {first: sorted(set(lengths), reverse=True) for first, lengths in _LENGTHS.items()}


def find_abstention(
    words: Words, start: int = 0, end: int | None = None, mentioned: Collection[int] = ()
) -> Abstention | None:
    """Return the first kind of abstention said between words ``start`` and ``end``, if any.

    Args:
        words: the text.
        start: first word to look at.
        end: word to stop before; the end of the text by default.
        mentioned: words that belong to an option's name. "I cannot hear a cat" speaks of the cat
            only, so it is not an abstention if "cat" is an option.
    """
    stop = len(words) if end is None else end
    for index in range(start, stop):
        word = words.words[index]
        kind = None
        if word in _LENGTHS and words.words[max(0, index - 1)] not in _CONDITIONS:
            kind = _phrase_at(words, index, stop, mentioned)
        if kind is None and word == "not":
            kind = _cannot_at(words, index, stop, mentioned)
        elif kind is None and word in _MEDIA and index not in mentioned:
            kind = _gone_at(words, index, stop)
        if kind is not None:
            return kind
    return _alone(words, start, stop)


def _phrase_at(words: Words, index: int, stop: int, mentioned: Collection[int]) -> Abstention | None:
    for length in _LENGTHS[words.words[index]]:
        end = index + length
        kind = _KIND_OF.get(tuple(words.words[index:end])) if end <= stop else None
        if kind is None:
            continue
        if words.words[index:end] == ["n", "a"] and words.gaps[index + 1] not in ("/", "."):
            continue
        if kind is Abstention.ABSENT and list(words.words[end : end + 1]) in (["of"], ["from"]):
            continue  # "no sound of a dog" rejects the dog
        if tuple(words.words[index:end]) in _GUARDED and any(at in mentioned for at in range(index - 4, end + 4)):
            continue  # "no puedo ver nada" abstains, "no oigo un cat" is only about the cat
        return kind
    return None


def _cannot_at(words: Words, index: int, stop: int, mentioned: Collection[int]) -> Abstention | None:
    """Read "can not tell": an auxiliary, the "not" at ``index``, and a verb of knowing soon after."""
    if index == 0 or words.words[index - 1] not in _AUXILIARIES:
        return None
    if words.words[index - 1] in {"can", "ca"} and words.is_stop(index + 1):
        return Abstention.UNKNOWN  # "I can't."
    following = words.words[index + 1 : min(stop, index + 7)]
    if _KNOWING.intersection(following[:4]):
        return Abstention.UNKNOWN
    if _FITTING.intersection(following[:4]) and "any" in following:
        return Abstention.NONE
    if _HAVING.intersection(following[:4]) and _CONTENT.intersection(following):
        return Abstention.ABSENT
    names_object = any(place in mentioned for place in range(index - 4, index + 10))
    return Abstention.UNKNOWN if _PERCEIVING.intersection(following[:4]) and not names_object else None


def _gone_at(words: Words, index: int, stop: int) -> Abstention | None:
    """Read "the screen is completely black", "audio track appears to be missing"."""
    end = min(stop, words.sentence_end(index), index + 7)
    listed = words.words[index + 1 : end]
    has_copula = False
    for word in listed:
        if word in _GONE:
            return Abstention.ABSENT if has_copula else None
        if word in _COPULAS:
            has_copula = True
        elif word not in _ADVERBS and word not in _MEDIA and word not in {"to", "and", "or"}:
            return None
    return None


def _alone(words: Words, start: int, stop: int) -> Abstention | None:
    """Return the kind of the first sentence that consists of one abstaining word."""
    index = start
    while index < stop:
        end = min(words.sentence_end(index), stop)
        content = [word for word in words.words[index : min(end, index + 6)] if word not in _FILLERS]
        if end - index <= 5 and len(content) == 1:
            for kind, alone in ALONE.items():
                if content[0] in alone:
                    return kind
        index = end
    return None


def option_abstention(words: Words) -> Abstention | None:
    """Return whether an option is a way to abstain, such as "None of the above" or "Cannot tell".

    "Silence" and "Black screen" are not: they may be offered as classes.
    """
    if len(words) > 8:
        return None
    kind = find_abstention(words)
    if kind is Abstention.ABSENT and (not words.words or words.words[0] != "no"):
        return None
    return kind
