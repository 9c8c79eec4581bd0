"""The modalities that an answer mentions: whether it names only the other modality and says the asked one is absent."""

from collections.abc import Iterator, Sequence

from mma_bench.parsing._mentions import Mention
from mma_bench.parsing._normalise import Words
from mma_bench.parsing._reading import Reading
from mma_bench.parsing._refusal import find_abstention
from mma_bench.parsing._refusal_phrases import Abstention
from mma_bench.parsing._vocabulary import vocabulary

VISUAL, AUDIO = "visual", "audio"
"""The names of the modalities, as in `mma_bench.schema.Modality`."""

_SOUND = vocabulary(
    "audio audible audibly sound sounds soundtrack hear hears heard hearing listen acoustic silent silence "
    "muted mute inaudible noise noises ear ears listening auditory aural acoustics"
)
_SIGHT = vocabulary(
    "visual visually visuals image images frame frames picture pictures see sees seen visible screen black "
    "blank dark show shows shown look looks looking sight vision seeing eye eyes depict depicts depicted "
    "display displays displayed watch"
)
# "The video has no sound" is about the audio; these words mean the visual content only if no sound is mentioned.
_HOLDERS = vocabulary("video videos clip footage")
_NOTHING = frozenset({Abstention.ABSENT, Abstention.UNKNOWN})
TURNS = frozenset({"but", "however", "although", "though", "while", "whereas"})


def _stems(words: frozenset[str]) -> tuple[str, ...]:
    """Return the ``words`` that contain no other one: whatever contains a word contains a stem."""
    return tuple(word for word in sorted(words) if not any(other in word for other in words - {word}))


_STEMS = (_stems(_SOUND), _stems(_SIGHT | _HOLDERS))


def speaks_of_both(text: str) -> bool:
    """Return whether ``text`` may mention both modalities: only then does the asked one matter."""
    folded = text.casefold()
    return not text.isascii() or all(any(stem in folded for stem in stems) for stems in _STEMS)


def names_only_the_other(reading: Reading, own: Sequence[Mention]) -> bool:
    """Return whether a text abstains about the asked modality and names all of ``own`` as the other one's.

    "There is no sound. The video shows a bird" is not an answer about the audio; "I hear little, but Bird" is one.

    Args:
        reading: the text.
        own: options that it asserts.
    """
    words, asked = reading.words, reading.asked
    if asked is None or not own:
        return False
    named = {place for mention in reading.mentions for place in range(mention.start, mention.end)}
    other = {AUDIO if asked == VISUAL else VISUAL}
    has_nothing = False
    for start, end in _clauses(words, reading.begin):
        inside = reading.between(start, end)
        if inside:
            found = spoken_of(words, start, end, named)
            if not found:  # "In the video, a bird sings": another clause names the modality
                place = inside[0].start
                found = spoken_of(words, words.sentence_start(place), words.sentence_end(place), named)
            if found != other:
                return False
        elif not has_nothing and spoken_of(words, start, end, named) == {asked}:
            here = named.intersection(range(start, end))
            has_nothing = find_abstention(words, start, end, here) in _NOTHING
    return has_nothing


def _clauses(words: Words, begin: int) -> Iterator[tuple[int, int]]:
    start = begin
    for index in range(begin + 1, len(words)):
        if "," in words.gaps[index] or words.words[index] in TURNS or words.is_stop(index):
            yield start, index
            start = index
    if start < len(words):
        yield start, len(words)


def spoken_of(words: Words, start: int, end: int, named: set[int]) -> set[str]:
    """Return the modalities that words ``start`` to ``end`` mention, not counting the names of options."""
    said = {words.words[place] for place in range(start, end) if place not in named}
    found = set() if _SOUND.isdisjoint(said) else {AUDIO}
    if not _SIGHT.isdisjoint(said) or (not found and not _HOLDERS.isdisjoint(said)):
        found.add(VISUAL)
    return found
