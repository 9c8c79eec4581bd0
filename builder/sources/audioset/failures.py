"""Why a video is not available: yt-dlp's exceptions and YouTube's messages, sorted into kinds.

The sentences are those of YouTube's player and of yt-dlp 2026.10 (`yt_dlp/extractor/youtube/_video.py`).
"""

import re
from collections.abc import Iterator
from enum import StrEnum

_DETAIL_LENGTH = 200


class FailureKind(StrEnum):
    """Why a video could not be downloaded."""

    UNAVAILABLE = "unavailable"
    PRIVATE = "private"
    REMOVED = "removed"
    TERMINATED = "terminated"
    AGE_RESTRICTED = "age_restricted"
    GEO_BLOCKED = "geo_blocked"
    BOT_CHECK = "bot_check"
    REFUSED = "refused"
    NO_FORMAT = "no_format"
    NETWORK = "network"
    TRUNCATED = "truncated"
    NOT_IN_MIRROR = "not_in_mirror"

    @property
    def permanent(self) -> bool:
        """Whether retrying is useless: the video is gone, or not accessible to anyone."""
        return self in (self.UNAVAILABLE, self.PRIVATE, self.REMOVED, self.TERMINATED)

    @property
    def passing(self) -> bool:
        """Whether the same request may succeed soon. Others need cookies, another location, or more time."""
        return self in (self.NETWORK, self.TRUNCATED, self.REFUSED)


class FetchFailed(Exception):  # noqa: N818  (an outcome of a download, not an error of the program)
    """A download did not succeed.

    Attributes:
        kind: why it failed.
        detail: yt-dlp's or YouTube's message, without addresses and paths.
        retry_after: seconds to wait, if the server says so.
    """

    def __init__(self, kind: FailureKind, detail: str, retry_after: float | None = None) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail
        self.retry_after = retry_after


_SENTENCES: tuple[tuple[FailureKind, str], ...] = (
    # The first match counts: "Video unavailable. This content isn't available, try again later" is a rate limit.
    (
        FailureKind.BOT_CHECK,
        r"not a bot|captcha|unusual traffic|rate.?limited|try again later|too many requests|are you a (?:human|robot)",
    ),
    (FailureKind.TERMINATED, r"account\b.{0,60}\bterminated|closed their (?:youtube )?account|account.{0,40}suspended"),
    (FailureKind.AGE_RESTRICTED, r"confirm your age|age.?restricted|inappropriate for some users|verify your age"),
    (FailureKind.GEO_BLOCKED, r"(?:in|from) your (?:country|region|location)|geo.?restrict"),
    (FailureKind.PRIVATE, r"private video|video is private|members.only|join this channel|requires payment|rental"),
    (
        FailureKind.REMOVED,
        r"removed by the uploader|has been removed|been removed|copyright|no longer available|for violating",
    ),
    (FailureKind.NO_FORMAT, r"requested format|no video formats|only images are available|drm protected"),
    (
        FailureKind.UNAVAILABLE,
        r"video (?:is )?unavailable|does not exist|(?:is not|isn.t) available|live event|premieres in|truncated id",
    ),
)
_WORDS: tuple[tuple[FailureKind, str], ...] = (
    (FailureKind.TRUNCATED, r"too short|bytes, expected|more expected|ends prematurely"),
    (FailureKind.NO_FORMAT, r"unsupported url|no suitable"),
    (
        FailureKind.NETWORK,
        r"timed out|connection|name resolution|network|data blocks|unable to download|\bssl\b",
    ),
)
_STATUSES = {
    401: FailureKind.PRIVATE,
    403: FailureKind.REFUSED,
    404: FailureKind.UNAVAILABLE,
    410: FailureKind.REMOVED,
    429: FailureKind.BOT_CHECK,
    451: FailureKind.GEO_BLOCKED,
}


def classify(error: BaseException) -> FetchFailed:
    """Return what ``error``, raised by yt-dlp, means."""
    chain = list(_causes(error))
    text = str(error)
    status = next((found for cause in chain if isinstance(found := getattr(cause, "status", None), int)), None)
    if status is None and (said := re.search(r"HTTP Error (\d{3})", text)):
        status = int(said[1])
    names = {type(cause).__name__ for cause in chain}
    kind = kind_of_message(text, _SENTENCES)
    if kind is None and "GeoRestrictedError" in names:
        kind = FailureKind.GEO_BLOCKED
    if kind is None and status is not None:
        kind = _STATUSES.get(status, FailureKind.NETWORK)
    if kind is None and names & {"ContentTooShortError", "IncompleteRead"}:
        kind = FailureKind.TRUNCATED
    kind = kind or kind_of_message(text, _WORDS) or FailureKind.NO_FORMAT
    return FetchFailed(kind, detail_of(text), _retry_after(chain))


def kind_of_message(
    text: str, sentences: tuple[tuple[FailureKind, str], ...] = _SENTENCES + _WORDS
) -> FailureKind | None:
    """Return the kind of failure that ``text`` describes, or None."""
    return next((kind for kind, pattern in sentences if re.search(pattern, text, re.IGNORECASE | re.DOTALL)), None)


def detail_of(text: str) -> str:
    """Return yt-dlp's message without prefix, advice, addresses and paths, which differ between machines."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    text = re.sub(r"^\s*ERROR:\s*", "", text).strip()
    text = re.sub(r"^\[[\w:+-]+\]\s*(?:Got error:\s*|[\w-]+:\s+)?", "", text)
    text = re.split(r"\(caused by|\. Use --cookies|\. It is recommended|; please report|See https?:", text)[0]
    words = [word for word in text.split() if "/" not in word and "\\" not in word]
    return " ".join(words)[:_DETAIL_LENGTH] or "no message"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield ``error`` and its causes; yt-dlp keeps causes in `exc_info` and `cause`."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        found = waiting.pop(0)
        if not isinstance(found, BaseException) or id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        info = getattr(found, "exc_info", None)
        waiting += [info[1] if info else None, getattr(found, "cause", None), found.__cause__]


def _retry_after(chain: list[BaseException]) -> float | None:
    for cause in chain:
        headers = getattr(getattr(cause, "response", None), "headers", None)
        value = headers.get("Retry-After", "") if headers else ""
        if value and value.isdigit():
            return float(value)
    return None
