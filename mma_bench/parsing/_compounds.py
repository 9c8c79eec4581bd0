"""Compounds that name something else: "rain jacket" is not Rain, and "guinea pig" is not Pig."""

from collections.abc import Iterator, Sequence

from mma_bench.parsing._mentions import LABEL_WORDS, Mention
from mma_bench.parsing._normalise import Words
from mma_bench.parsing._vocabulary import vocabulary

# "bird-like" and "bird-free" are not birds; "bird song" may be.
_NOT_THE_THING = frozenset({"like", "free", "less", "proof", "shaped", "ish"})
# Nouns that turn any name before them into a different thing.
_HEADS = vocabulary(
    "jacket jackets coat coats boot boots umbrella umbrellas poncho gear gauge barrel forest forests bow "
    "harmonica harmonicas harmonium harp armonica ceiling house houses fiber fibre slipper slippers food foods "
    "litter toy toys bed lover lovers scan burglar flap collar shelter farm farms farmer pen sty iron meat skin "
    "leather hide racing shoe shoes radish whisperer trailer trainer box cage cages bath feeder feeders watcher "
    "watchers seed flu nest brain truck trucks engine extinguisher extinguishers fighter fighters station "
    "department hydrant ant ants alarm alarms bell bells knob knobs mat mats way tower towers radio wise "
    "repellent cartridge cartridges paper ink driver lesson lessons news point board shed kit bar belt belts "
    "jaw desk pad game games breed costume costumes mask masks poster sticker stickers emoji logo statue "
    "statues sculpture drawing painting tattoo plush figurine cartoon theme park shop store market drill escape "
    "place cream cracker crackers"
)
# Words that turn the name after them into a different thing.
_BEFORE = {
    "pig": vocabulary("guinea"),
    "horse": vocabulary("sea rocking hobby trojan clothes pommel"),
    "glass": vocabulary("stained magnifying looking hour spun"),
    "fire": vocabulary("gun gunshot machine cease open under friendly"),
    "cat": vocabulary("bob pole"),
    "dog": vocabulary("hot corn prairie"),
    "dogs": vocabulary("hot corn prairie"),
    "clock": vocabulary("o"),
    "bird": vocabulary("jail big"),
    "rain": vocabulary("purple acid"),
    "fowl": vocabulary("foul"),
}
# After a name in an answer of a few words: words that do not change its meaning. Any other noun makes a compound.
_MAY_FOLLOW = vocabulary(
    "is was are were be being been has have had can could may might would will does do did in on at of from by "
    "with and or but to for near next over under behind inside outside through during while when as that which "
    "who where if because since so then than not nor also only too very there here s t it its this the a an i "
    "you we sound sounds noise noises audio music call calls song songs cry cries voice voices vocal vocals "
    "vocalization vocalizations vocalisation clip video recording effect effects class category label option "
    "content scene image meow meows purr purrs hiss growl bark barks chirp chirps tweet tweets squawk caw coo "
    "crow crows cluck quack gobble neigh neighs whinny snort oink oinks grunt squeal squeals bleat bleats baa "
    "croak croaks ribbit buzz hum whir whirr click clicks clack tick ticks tock ticktock chime chimes ring "
    "rings beep beeps slam slams knock knocks creak creaks squeak squeaks crackle crackles roar roars whoosh "
    "swoosh splash splashes drip drop drops patter pour storm storms shower showers fall falls water flow "
    "stream crack cracks lash snap pop pops bang bangs blast blasts boom booms burst shatter shatters clink "
    "clinks clang clatter jangle jingle rattle rattles chink break breaks crash crashes tap taps engine motor "
    "traffic movement motion action operation activity gallop trot hooves hoof ran flew sat fell sang came went "
    "began made ate stood rang blew lay hits hit cut cuts cutter shut open closed close player players solo "
    "performance melody tune chord chords note notes track tracks band orchestra section blade blades machine "
    "machinery people person man woman child baby audience crowd group burning flame flames pit up down out off "
    "away again loudly softly quietly one two three most likely probably maybe perhaps possibly system systems "
    "mechanism mechanisms swarm flock chorus herd ensemble quartet choir bottle bottles window jar vase cup "
    "pane lock latch hinge paint object ride rides riding rider musician singer singers artist concert quintet "
    "accelerate pass honk rev idle drive run move start stop chatter flutter vocalize sing play spin turn"
)
_DETERMINERS = vocabulary("a an the some this that its his her their my it is s of sound sounds option answer")
_SHORT = 4  # maximum number of words of an answer that is read as a name


def without_compounds(words: Words, mentions: Sequence[Mention]) -> Iterator[Mention]:
    """Drop names inside a longer name: "bird-like", "Dog_house", "rain jacket", "guinea pig"."""
    starts = {mention.start for mention in mentions}
    ends = {mention.end for mention in mentions}
    for mention in mentions:
        before, after = words.gaps[mention.start], words.gaps[mention.end]
        if before in ("_", "\\_") and mention.start not in ends:
            is_compound = words.words[mention.start - 1] not in LABEL_WORDS
        elif after in ("_", "\\_") and mention.end not in starts:
            is_compound = mention.end < len(words)
        elif mention.start and before in (" ", "-") and _is_part(words, mention):
            is_compound = True
        else:
            is_compound = after in ("-", " ") and mention.end < len(words) and _makes_another(words, mention, starts)
        if not is_compound:
            yield mention


def _is_part(words: Words, mention: Mention) -> bool:
    found = _BEFORE.get(words.words[mention.start])
    return mention.end - mention.start == 1 and found is not None and words.words[mention.start - 1] in found


def _makes_another(words: Words, mention: Mention, starts: set[int]) -> bool:
    """Return whether the word after a mention turns it into a different thing."""
    following = words.words[mention.end]
    if following in _NOT_THE_THING:
        return True
    if mention.end in starts:
        return False
    last = words.words[mention.end - 1]
    if following in _HEADS:
        return not (last.endswith("s") and following.endswith("s"))
    if last.endswith("s") and not last.endswith("ss"):
        return False  # "keys jangle": what follows a plural is a verb
    if last.endswith("ing") or not words.raw[mention.end][:1].islower():
        # "Typing text": a verb may take any object. A capital begins a sentence or another name, except in a title.
        return not last.endswith("ing") and _is_title(words, mention) and _is_short_name(words, mention)
    return _is_short_name(words, mention)


def _is_title(words: Words, mention: Mention) -> bool:
    return words.raw[mention.start][:1].isupper() and words.words[mention.end] not in _MAY_FOLLOW


def _is_short_name(words: Words, mention: Mention) -> bool:
    """Return whether the sentence is a name of a few words that continues after the option with an unknown noun."""
    start, end = words.sentence_start(mention.start), words.sentence_end(mention.start)
    following = words.words[mention.end]
    if end - start > _SHORT or mention.end + 2 < end or not following.isascii() or not following.isalpha():
        return False
    if any(word not in _DETERMINERS for word in words.words[start : mention.start]):
        return False
    return following not in _MAY_FOLLOW and not following.endswith(("ing", "ed", "ly", "s"))
