"""Remove a key from everything that a server may repeat: answers, messages and exceptions.

Servers echo what they receive in errors, answers or headers, sometimes shortened or encoded. One scrubber knows all
forms of a key; everything that comes from a server passes through it before it is stored or displayed.
"""

import base64
import builtins
import html
import json
import re
from collections.abc import Iterable
from urllib.parse import quote

from mma_bench.errors import MMABenchError
from mma_bench.models.endpoint.patience import ServerError

MASK = "***"

SHORTEST_PART = 8
"""Number of consecutive characters that count as a part of a key; services show 4 to distinguish keys."""

_LONG = 16
_WORD = re.compile(r"[a-z]?[a-z]+|[A-Z]+|[A-Z][a-z]+")


class KeyScrubber:
    """Replaces a key, its parts and its encodings by ``***``.

    Covered in upper and lower case and reversed: the key itself, escaped for JSON, HTML and URLs, in hexadecimal and in
    Base64 at any offset; and any part of these with 8 or more characters of the key.

    Placeholders such as ``EMPTY`` or ``anything`` for servers without keys are not secret and may be words of an
    answer: a key of fewer than 16 characters without a digit, or of fewer than 8 characters, is replaced only where it
    occurs exactly, and only in messages.

    Args:
        key: the key, or None to leave texts unchanged.
    """

    def __init__(self, key: str | None) -> None:
        self._key = key or ""
        long_enough = len(self._key) >= SHORTEST_PART
        self.is_secret = long_enough and (len(self._key) >= _LONG or any(char.isdigit() for char in self._key))
        self._pieces: dict[int, set[str]] = {}
        if self.is_secret:
            for form, length in _forms(self._key):
                pieces = (form[at : at + length] for at in range(len(form) - length + 1))
                self._pieces.setdefault(length, set()).update(piece.casefold() for piece in pieces)

    def text(self, text: str) -> str:
        """Return an answer, or anything else that is stored, without the key."""
        if not self.is_secret or len(text) < SHORTEST_PART:
            return text
        hidden = self._found(text)
        if not hidden:
            return text
        parts, end = [], 0
        for start, stop in hidden:
            parts += [text[end:start], MASK]
            end = stop
        return "".join([*parts, text[end:]])

    def message(self, text: str) -> str:
        """Return an error text without the key, even if the key is a placeholder."""
        scrubbed = self.text(text)
        return scrubbed if self.is_secret or not self._key else scrubbed.replace(self._key, MASK)

    def _found(self, text: str) -> list[tuple[int, int]]:
        """Return the ranges of ``text`` with pieces of the key, merged and in order."""
        folded = [char.casefold() if len(char.casefold()) == 1 else char for char in text]
        plain = "".join(folded)  # as long as the text, unlike the result of casefold
        spans = sorted(
            (at, at + length)
            for length, pieces in self._pieces.items()
            for at in range(len(plain) - length + 1)
            if plain[at : at + length] in pieces
        )
        joined: list[tuple[int, int]] = []
        for start, stop in spans:
            if joined and start <= joined[-1][1]:
                joined[-1] = joined[-1][0], max(stop, joined[-1][1])
            else:
                joined.append((start, stop))
        # A key may contain a word ("production"); the word alone reveals nothing and stays in an answer.
        return [span for span in joined if span[1] - span[0] >= _LONG or not _WORD.fullmatch(text, *span)]

    def error(self, error: BaseException) -> BaseException:
        """Return ``error`` without the key, also in its causes.

        Exceptions of client libraries contain the request with its headers and the reply. They are replaced by their
        scrubbed text, so that no traceback, debugger or log of the chain shows the key.
        """
        chain = _chain(error)
        if all(_is_plain(one) for one in chain) and not any(self._tells(one) for one in chain):
            return error
        cleaned: BaseException | None = None
        for one in reversed(chain):
            following, cleaned = cleaned, self._clean(one)
            cleaned.__cause__ = following
        return cleaned or error

    def _tells(self, error: BaseException) -> bool:
        said = "\n".join([str(error), repr(error.args), *getattr(error, "__notes__", ())])
        return self.message(said) != said

    def _clean(self, error: BaseException) -> BaseException:
        text = self.message(str(error))
        if isinstance(error, ServerError):
            return ServerError(text, error.status)
        if isinstance(error, MMABenchError):
            return MMABenchError(text)
        if isinstance(error, OSError) or not _is_plain(error):
            return RuntimeError(f"{type(error).__name__}: {text}")
        try:
            return type(error)(text).with_traceback(error.__traceback__)
        except TypeError:  # such as UnicodeDecodeError, which takes five arguments
            return RuntimeError(f"{type(error).__name__}: {text}")


def _forms(key: str) -> Iterable[tuple[str, int]]:
    """Yield encodings of ``key``, each with the number of its characters that represent a part of the key."""
    content = key.encode("utf-8")
    for form in (key, quote(key, safe=""), json.dumps(key)[1:-1], key.replace("/", "\\/"), html.escape(key)):
        yield form, SHORTEST_PART
        yield form[::-1], SHORTEST_PART
    yield content.hex(), 2 * SHORTEST_PART
    for separator in " :-":
        yield content.hex(separator), 3 * SHORTEST_PART - 1
    yield "".join(f"%{byte:02x}" for byte in content), 3 * SHORTEST_PART
    yield "".join(f"\\x{byte:02x}" for byte in content), 4 * SHORTEST_PART
    yield "".join(f"\\u{byte:04x}" for byte in content), 6 * SHORTEST_PART
    for offset in range(3):
        # Text before the key shares the first encoded character with it, text after it the last.
        encoded = base64.b64encode(b"\0" * offset + content).decode("ascii")
        inner = encoded[-(-8 * offset // 6) : 8 * (offset + len(content)) // 6]
        for form in (inner, inner.translate(str.maketrans("+/", "-_"))):
            yield form, 4 * SHORTEST_PART // 3


def _chain(error: BaseException) -> list[BaseException]:
    """Return ``error`` and its causes, the nearest first."""
    chain: list[BaseException] = []
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if all(one is not known for known in chain):
            chain.append(one)
            waiting += [origin for origin in (one.__cause__, one.__context__) if origin is not None]
    return chain


def _is_plain(error: BaseException) -> bool:
    """Return whether ``error`` is Python's or ours, and contains only its arguments."""
    if isinstance(error, BaseExceptionGroup):
        return False
    return isinstance(error, MMABenchError) or getattr(builtins, type(error).__name__, None) is type(error)
