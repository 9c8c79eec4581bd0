"""Abstention: "None of the above", "I cannot tell", "there is no sound", and refusals to answer."""

from collections.abc import Collection
from enum import Enum

from mma_bench.parsing._normalise import Words
from mma_bench.parsing._vocabulary import vocabulary


class Abstention(Enum):
    """What an output says instead of an option."""

    NONE = "none of the options applies"
    UNKNOWN = "the model cannot tell"
    ABSENT = "there is nothing to see or hear"


# Phrases that abstain wherever they stand, by their first word. Contractions are already undone.
_PHRASES: dict[Abstention, str] = {
    Abstention.NONE: """
        none of the | none of these | none of those | none of them | none of above | none above
        none applies | none apply | none match | none matches | none fit | none fits | none is correct
        not any of the | not any of these | nothing matches | no match | no valid | not listed
        not in the list | no answer | options do not | no option | no class | no category | no label
        no suitable | no appropriate | no matching | aucune des | aucun des | aucune de ces
        ninguna de las | ninguno de los | keine der | nessuna delle | ничего из | 以 上 都 不 是 | 以 上 都 不
        都 不 是""",
    Abstention.UNKNOWN: """
        not sure | not certain | not clear | not entirely sure | not entirely clear | not completely sure
        not possible to | not enough | not known | not specified | insufficient | no idea | impossible to
        hard to tell | hard to say | difficult to tell | difficult to say | difficult to determine
        unable to | not able to | not capable of | n a | not applicable | inconclusive | unclear what
        is unclear | is unknown | am unsure | is uncertain | as an ai | as a language model
        as a text based | do not have access | do not have the ability | do not have the capability
        i decline | i refuse | must decline | will not answer | je ne sais pas | je ne peux pas
        impossible de | no sé | no puedo | no se puede | no es posible | weiss nicht
        kann nicht | non lo so | non posso | não sei | não posso | не знаю | не могу | невозможно | 无 法
        不 知 道 | 不 确 定 | 不 清 楚 | 分 か り ま せ ん | わ か り ま せ ん""",
    Abstention.ABSENT: """
        complete silence | total silence | only silence | just silence | pure silence | is silence
        is silent | was silent | are silent | completely silent | entirely silent | no sound | no sounds
        no audio | no visual | no visuals | no video | no image | no images | no picture | no audible
        no discernible | no visible content | nothing audible | nothing visible | nothing is audible
        nothing is visible | nothing to see | nothing to hear | nothing can be heard | nothing can be seen
        nothing is heard | nothing is seen | nothing heard | nothing seen | without sound | without audio
        without any sound | without any audio | black screen | blank screen | black frames | black frame
        black video | blank video | silent video | silent audio | silent clip | lack of audio
        absence of sound | aucun son | pas de son | sin sonido | no hay sonido | kein ton
        keine geräusche | nessun suono | 没 有 声 音 | 没 有 画 面 | 黑 屏 | 静 音 | 无 声 | нет звука""",
}
# A sentence of these words alone abstains; inside a longer sentence they say nothing ("breaks the silence").
_ALONE: dict[Abstention, frozenset[str]] = {
    Abstention.NONE: vocabulary("none neither ninguno ninguna aucun aucune keine keiner keines nessuno nessuna"),
    Abstention.UNKNOWN: vocabulary(
        "unknown unclear unsure uncertain undetermined indeterminate unidentifiable unidentified "
        "inconclusive unspecified idk abstain undefined null nan unrecognizable unrecognisable"
    ),
    Abstention.ABSENT: vocabulary("nothing silence silent inaudible muted mute blank empty"),
}
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


def _phrases() -> dict[tuple[str, ...], Abstention]:
    return {
        tuple(phrase.split()): kind
        for kind, block in _PHRASES.items()
        for line in block.strip().splitlines()
        for phrase in line.split("|")
    }


_KIND_OF = _phrases()
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
            only, so it is no abstention where "cat" is an option.
    """
    stop = len(words) if end is None else end
    for index in range(start, stop):
        word = words.words[index]
        kind = None
        if word in _LENGTHS and words.words[max(0, index - 1)] not in _CONDITIONS:
            kind = _phrase_at(words, index, stop)
        if kind is None and word == "not":
            kind = _cannot_at(words, index, stop, mentioned)
        elif kind is None and word in _MEDIA and index not in mentioned:
            kind = _gone_at(words, index, stop)
        if kind is not None:
            return kind
    return _alone(words, start, stop)


def _phrase_at(words: Words, index: int, stop: int) -> Abstention | None:
    for length in _LENGTHS[words.words[index]]:
        end = index + length
        kind = _KIND_OF.get(tuple(words.words[index:end])) if end <= stop else None
        if kind is None:
            continue
        if words.words[index:end] == ["n", "a"] and words.gaps[index + 1] not in ("/", "."):
            continue
        if kind is Abstention.ABSENT and list(words.words[end : end + 1]) in (["of"], ["from"]):
            continue  # "no sound of a dog" rejects the dog
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
    """Return the kind of the first sentence that holds nothing but one word that abstains."""
    index = start
    while index < stop:
        end = min(words.sentence_end(index), stop)
        content = [word for word in words.words[index : min(end, index + 6)] if word not in _FILLERS]
        if end - index <= 5 and len(content) == 1:
            for kind, alone in _ALONE.items():
                if content[0] in alone:
                    return kind
        index = end
    return None


def option_abstention(words: Words) -> Abstention | None:
    """Tell whether an option is a way to abstain, such as "None of the above" or "Cannot tell".

    "Silence" and "Black screen" are not: somebody may well offer them as classes.
    """
    if len(words) > 8:
        return None
    kind = find_abstention(words)
    if kind is Abstention.ABSENT and (not words.words or words.words[0] != "no"):
        return None
    return kind
