"""The address of an endpoint and its key, kept separate so that no key is ever stored."""

import ipaddress
import os
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from mma_bench.errors import MMABenchError
from mma_bench.files.text import one_line
from mma_bench.models.endpoint.key_scrubber import KeyScrubber

_NAME = re.compile(r"(?P<model>.+?)(?:@(?P<url>https?://.*))?", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True)
class Address:
    """A model and its server.

    Attributes:
        model: the server's name for the model.
        url: base URL without a slash at its end.
        is_default: whether it is the protocol's own server.
    """

    model: str
    url: str
    is_default: bool

    @property
    def keeps_secrets(self) -> bool:
        """Whether the connection cannot be read by others: HTTPS, or this machine."""
        parts = urlsplit(self.url)
        return parts.scheme == "https" or _is_loopback(parts.hostname or "")


def parse_address(family: str, rest: str, default_url: str) -> Address:
    """Read `MODEL` or `MODEL@URL`.

    Raises:
        MMABenchError: there is no model, or the URL contains a secret or is invalid. The message omits the URL then.
    """
    match = _NAME.fullmatch(rest)
    if not match or not match["model"].strip() or not rest.isprintable():
        raise MMABenchError(
            f"{family} needs the name of a model: {family}:MODEL or {family}:MODEL@http://HOST:PORT/..."
        )
    if match["url"] is None:
        return Address(rest, default_url, is_default=True)
    try:
        parts = urlsplit(match["url"])
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host:
        raise MMABenchError(f"{family}: the URL after @ has no host or a wrong port; write http://HOST:PORT/...")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise MMABenchError(
            f"{family}: the URL of {host} contains a user name, a password or a query such as ?key=...; it is stored "
            "with the answers, so leave them out and give the key in the environment"
        )
    return Address(match["model"], match["url"].rstrip("/"), is_default=False)


def find_key(address: Address, variables: tuple[str, ...], *, is_chosen: bool) -> str | None:
    """Return the key from the environment, or None for a server that may not need one.

    A key is not sent in clear text over a network unless its variable was given for this server.

    Args:
        address: the server to which it is sent.
        variables: environment variables to check, in this order.
        is_chosen: whether the user chose the variable.

    Raises:
        MMABenchError: a key is needed and there is none.
    """
    key = next((value for name in variables if (value := os.environ.get(name, "").strip())), None)
    if key is None and (address.is_default or is_chosen):
        raise MMABenchError(f"{address.url} needs a key; put it into the environment variable {variables[0]}")
    if key is not None and not (key.isascii() and key.isprintable()):
        raise MMABenchError(
            f"the key in {variables[0]} contains characters that are not allowed in a key; copy it again"
        )
    return key if address.keeps_secrets or is_chosen else None


def quoted(text: object, scrubber: KeyScrubber, limit: int = 300) -> str:
    """Return text from a server for an error message: one line, printable, short, without the key."""
    return one_line(scrubber.message(str(text)), limit, hidden="?")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
