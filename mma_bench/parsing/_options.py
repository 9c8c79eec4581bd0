"""The options of a question, compiled once into tables that find their names among words."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from mma_bench.errors import MMABenchError
from mma_bench.parsing._forms import class_forms
from mma_bench.parsing._normalise import Words, clean, split
from mma_bench.parsing._refusal import option_abstention
from mma_bench.parsing._refusal_phrases import Abstention
from mma_bench.parsing._vocabulary import vocabulary

# Option names that are also everyday function words. In a sentence, they name the option only if they are
# isolated: "No." but not "with no sound", "A)" but not "A dog".
_FUNCTION_WORDS = vocabulary("a an the i no not none any all both either neither other or and is it in on off")


@dataclass(frozen=True, slots=True)
class Name:
    """One way to write an option: its words, the gaps within, and the option."""

    words: tuple[str, ...]
    gaps: tuple[str, ...]
    option: int
    is_alias: bool


@dataclass(frozen=True, eq=False, slots=True)
class OptionSet:
    """A compiled tuple of options.

    Attributes:
        labels: the options as given.
        exact: whole names, plurals and aliases by their words.
        inside: names that may be found inside a sentence, by their words.
        lengths: how many words the names of ``inside`` have that begin with a word, longest first.
        abstentions: options that say "None of the above" or "Cannot tell", by kind.
        lonely: options that are function words (`_FUNCTION_WORDS`) or single letters.
        polar: whether the options are Yes and No, with or without a way to abstain.
        longest: characters of the longest name.
    """

    labels: tuple[str, ...]
    exact: Mapping[tuple[str, ...], Name]
    inside: Mapping[tuple[str, ...], Name]
    lengths: Mapping[str, Sequence[int]]
    abstentions: Mapping[Abstention, int]
    lonely: frozenset[int]
    polar: bool
    longest: int


def key(text: str) -> tuple[str, ...]:
    """Return the words by which ``text`` is compared; text of symbols alone is compared as written."""
    words = tuple(split(clean(text)).words)
    return words or ("\0", text.strip().casefold())


def compile_options(
    options: Sequence[str], aliases: Mapping[str, Sequence[str]] | None, *, forms: bool = False
) -> OptionSet:
    """Check the options and compile them, or return the tables compiled earlier for the same ones.

    Args:
        options: the class names.
        aliases: further names of an option.
        forms: whether other forms of the published class names are among the names (see `_forms`).

    Raises:
        MMABenchError: there is no option, one is blank, two parse identically, or an alias belongs to no option or
            parses like another option.
    """
    for label, phrases in (aliases or {}).items():
        if isinstance(phrases, str):
            raise MMABenchError(f"aliases: {label!r} has one string {phrases!r:.80}; pass a list of strings")
    frozen = tuple(sorted((label, tuple(phrases)) for label, phrases in (aliases or {}).items()))
    try:
        if not isinstance(options, str):
            return _with_forms(tuple(options), frozen) if forms else _compile(tuple(options), frozen)
    except TypeError:  # not strings, and not hashable
        pass
    raise MMABenchError(f"options: expected a list of strings, got {options!r:.80}; pass the class names")


@lru_cache(maxsize=256)
def _compile(labels: tuple[str, ...], aliases: tuple[tuple[str, tuple[str, ...]], ...]) -> OptionSet:
    if not all(isinstance(label, str) for label in labels):
        raise TypeError("an option is no string")
    names = _names(labels)
    keys = {name.words: name for name in names}
    for name in _alias_names(labels, aliases):
        holder = keys.setdefault(name.words, name)
        if holder.option != name.option:
            raise MMABenchError(
                f"aliases: {' '.join(name.words)!r} is given for {labels[name.option]!r} but also means "
                f"{labels[holder.option]!r}; keep one of them"
            )
    exact = {**_variants(keys), **keys}
    kinds = [(option_abstention(split(clean(label))), index) for index, label in enumerate(labels)]
    abstentions = {kind: index for kind, index in reversed(kinds) if kind is not None}
    abstaining = {index for kind, index in kinds if kind is not None}
    inside = {words: name for words, name in exact.items() if name.option not in abstaining and words[0] != "\0"}
    return OptionSet(
        labels=labels,
        exact=exact,
        inside=inside,
        lengths=_lengths(inside),
        abstentions=abstentions,
        lonely=frozenset(name.option for name in names if _is_lonely(name.words)),
        polar={name.words for name in names if name.option not in abstaining} == {("yes",), ("no",)},
        longest=max(map(len, (*labels, *(phrase for _, phrases in aliases for phrase in phrases)))),
    )


@lru_cache(maxsize=256)
def _with_forms(labels: tuple[str, ...], aliases: tuple[tuple[str, tuple[str, ...]], ...]) -> OptionSet:
    """Return the tables with those forms of published class names that are not the name of an option or alias."""
    table = _compile(labels, aliases)
    known = class_forms()
    inside: dict[tuple[str, ...], Name] = {}
    alone: dict[tuple[str, ...], Name] = {}
    shared: set[tuple[str, ...]] = set()
    for index, label in enumerate(labels):
        forms = known.get(key(label))
        for target, phrases in ((inside, forms.inside), (alone, forms.alone)) if forms else ():
            for words in phrases:
                if words in table.exact:
                    continue
                name = Name(words, (" ",) * (len(words) - 1), index, True)
                if alone.setdefault(words, name).option != index:
                    shared.add(words)
                target[words] = name
    if not alone:
        return table
    inside = {words: name for words, name in inside.items() if words not in shared} | dict(table.inside)
    alone = {words: name for words, name in alone.items() if words not in shared}
    return replace(table, exact=alone | dict(table.exact), inside=inside, lengths=_lengths(inside))


def _lengths(inside: Mapping[tuple[str, ...], Name]) -> dict[str, Sequence[int]]:
    lengths: defaultdict[str, set[int]] = defaultdict(set)
    for words in inside:
        lengths[words[0]].add(len(words))
    return {first: sorted(found, reverse=True) for first, found in lengths.items()}


def check_labels(labels: Sequence[str], where: str, places: Mapping[str, str] | None = None) -> None:
    """Reject class names that no answer could tell apart, by the rules with which `parse_answer` reads options.

    Args:
        labels: the class names, each once.
        where: what they were read from, for the message.
        places: where in it each label is, such as "row 2".

    Raises:
        MMABenchError: two names parse identically ("Dog" and "dog", "Singing bowl" and "Singing_bowl", two Unicode
            forms of one name), or one has no letter or digit.
    """
    keys: dict[tuple[str, ...], str] = {}
    shown = {label: f"{label!r} ({places[label]})" if places and label in places else repr(label) for label in labels}
    for label in labels:
        words = key(label)
        if words[0] == "\0":
            raise MMABenchError(
                f"{where}: the label {shown[label]} has no letter or digit, so no answer could name it; rename it"
            )
        if words in keys:
            raise MMABenchError(
                f"{where}: the labels {shown[keys[words]]} and {shown[label]} read the same in an answer (case, "
                "punctuation, spaces, underscores and Unicode forms do not count); merge them or rename one"
            )
        keys[words] = label


def _names(labels: tuple[str, ...]) -> list[Name]:
    if not labels:
        raise MMABenchError("options: the list is empty; pass the class names the model could choose from")
    names: dict[tuple[str, ...], Name] = {}
    for index, label in enumerate(labels):
        if not label.strip():
            raise MMABenchError(f"options: number {index + 1} is blank; remove it or name it")
        words = key(label)
        if words in names:
            raise MMABenchError(
                f"options: {labels[names[words].option]!r} and {label!r} read the same in an answer (case, "
                "punctuation, spaces and underscores do not count); rename one"
            )
        names[words] = Name(words, tuple(split(clean(label)).gaps[1:-1]), index, False)
    return list(names.values())


def _alias_names(labels: tuple[str, ...], aliases: tuple[tuple[str, tuple[str, ...]], ...]) -> Iterator[Name]:
    for label, phrases in aliases:
        if label not in labels:
            raise MMABenchError(f"aliases: {label!r} is not one of the options; use the exact option name")
        for phrase in phrases:
            if not phrase.strip():
                raise MMABenchError(f"aliases: {label!r} has a blank alias; remove it")
            yield Name(key(phrase), tuple(split(clean(phrase)).gaps[1:-1]), labels.index(label), True)


def _variants(keys: Mapping[tuple[str, ...], Name]) -> dict[tuple[str, ...], Name]:
    """Return plurals, singulars and names written as one word, except those that two options share."""
    found: dict[tuple[str, ...], Name] = {}
    shared = set(keys)
    for name in keys.values():
        *front, last = name.words
        variants = {(*front, form) for form in _number_forms(last)} if not _is_lonely(name.words) else set()
        if len(name.words) > 1:
            variants.add(("".join(name.words),))
        for words in variants:
            if words in shared:
                continue
            if words in found and found[words].option != name.option:
                shared.add(words)
                del found[words]
                continue
            gaps = name.gaps if len(words) == len(name.words) else ()
            found[words] = Name(words, gaps, name.option, name.is_alias)
    return found


def _number_forms(word: str) -> set[str]:
    """Return the English plural of ``word``, and its singular if it looks like a plural."""
    if len(word) < 3 or not (word.isascii() and word.isalpha()) or word in {"yes", "not"}:
        return set()
    forms = set()
    if word.endswith(("s", "x", "z", "ch", "sh")):
        forms.add(word + "es")
    elif word.endswith("y") and word[-2] not in "aeiou":
        forms.add(word[:-1] + "ies")
    else:
        forms.add(word + "s")
    if len(word) >= 5:
        if word.endswith("ies"):
            forms.add(word[:-3] + "y")
        elif word.endswith(("sses", "xes", "ches", "shes")):
            forms.add(word[:-2])
        elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
            forms.add(word[:-1])
    return forms


def _is_lonely(words: tuple[str, ...]) -> bool:
    return len(words) == 1 and (
        words[0] in _FUNCTION_WORDS or (len(words[0]) == 1 and words[0].isalpha() and words[0].isascii())
    )


def find_exact(words: Words, options: OptionSet, start: int = 0, end: int | None = None) -> Name | None:
    """Return the option that words ``start`` to ``end`` spell in full, if any."""
    return options.exact.get(tuple(words.words[start : len(words) if end is None else end]))
