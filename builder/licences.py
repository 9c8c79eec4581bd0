"""What licences of media allow."""

import re

_FREE = re.compile(
    r"(cc0|cc-by|cc-by-sa|cc-by-nc|cc-by-nc-sa|cc-pddc)(-[0-9.]+)?(-[a-z]{2,3})?"
    r"|public domain|pddl-1\.0"
    r"|creative commons attribution licen[cs]e \(reuse allowed\)",  # as YouTube names CC-BY 3.0
    re.IGNORECASE,
)
_SHARE_ALIKE = re.compile(r"(cc-by-sa|cc-by-nc-sa|[al]?gpl|fal)\b", re.IGNORECASE)
_UNALTERED = re.compile(r"cc-by(-nc)?-nd\b", re.IGNORECASE)


def is_creative_commons(licence: str) -> bool:
    """Return whether all parts of a licence, such as `video: CC0-1.0; audio: CC-BY-4.0`, allow altered copies.

    Licences without derivatives (ND) do not: clips are cut, cropped and encoded again.
    """
    return all(_FREE.fullmatch(re.sub(r"^\s*(video|audio)\s*:", "", part).strip()) for part in licence.split(";"))


def may_be_joined(part: str, *licences: str) -> bool:
    """Return whether one stream may be made of the ``part`` (`video` or `audio`) of clips under ``licences``.

    Such a stream is a derived work of each: two share-alike licences would both claim it, and a licence without
    derivatives forbids it. Unknown licences are the responsibility of the person who builds, as for the clips
    themselves.
    """
    found = [licence for whole in licences for licence in _licences_of(part, whole)]
    families = {match[1].lower() for licence in found if (match := _SHARE_ALIKE.match(licence))}
    return len(families) <= 1 and not any(_UNALTERED.match(licence) for licence in found)


def _licences_of(part: str, whole: str) -> list[str]:
    """Return the licences in `video: A; audio: B` that apply to ``part``; one without a name applies to both."""
    named = [re.fullmatch(r"\s*(?:(video|audio)\s*:)?\s*(.*)", piece, re.DOTALL) for piece in whole.split(";")]
    return [match[2].strip() for match in named if match and match[1] in (None, part)]
