"""Keep the key out of client libraries' logs: at DEBUG they log reply headers, in which a server may echo it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from mma_bench.models.endpoint.key_scrubber import KeyScrubber

_LIBRARIES = ("openai", "google_genai", "httpx2", "httpcore2", "httpx", "httpcore")
_LATE = ("connection", "http11", "http2", "http_proxy", "socks", "proxy")
"""Loggers of httpcore that are created with the first request."""


@contextmanager
def scrubbed_logs(scrubber: KeyScrubber) -> Iterator[None]:
    """Remove the key from records of client libraries during the block."""
    names = {name for name in logging.root.manager.loggerDict if name.partition(".")[0] in _LIBRARIES}
    names |= {*_LIBRARIES, *(f"{library}.{part}" for library in ("httpcore2", "httpcore") for part in _LATE)}
    loggers = [logging.getLogger(name) for name in sorted(names)] if scrubber.is_secret else []

    def scrub(record: logging.LogRecord) -> bool:
        said = record.getMessage()
        if (clean := scrubber.message(said)) != said:
            record.msg, record.args = clean, None
        if record.exc_info and record.exc_info[1]:
            clean_error = scrubber.error(record.exc_info[1])
            record.exc_info = type(clean_error), clean_error, clean_error.__traceback__
        return True

    for logger in loggers:  # filters of a logger do not see the records of its children
        logger.addFilter(scrub)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(scrub)
