"""Retries requests after temporary failures: overload, time-outs, broken connections, garbled replies."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from email.utils import parsedate_to_datetime
from typing import TypeVar

from mma_bench.errors import MMABenchError

Result = TypeVar("Result")

LONGEST_WAIT = 600.0
"""If a server asks for a longer wait, a quota is exhausted, and the user should know."""

_LONGEST_BACKOFF = 60.0

RESUME = ". All answers so far are kept; run the same command again to resume"
"""How an error ends that more patience might have avoided; a test of a server keeps nothing, and leaves it out."""

_NEVER = frozenset({501, 505, 511})
"""Not implemented, HTTP version not supported, network login required: statuses above 500 that are permanent."""


class ServerError(MMABenchError):
    """A server did not answer a request.

    Attributes:
        status: HTTP status of its last reply, or none. The message quotes the server, which may name other statuses.
    """

    def __init__(self, message: object = "", status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class TemporaryError(Exception):
    """A request failed in a way that may be temporary.

    Attributes:
        reason: the reason in words, for the user.
        status: HTTP status of the reply, or none.
        retry_after: seconds to wait, if the server says so.
        recurring: the server's message, if the same message twice for the same request means that it will never
            succeed; None if retries may help.
        advice: what to try if it is permanent, as the end of a sentence.
    """

    def __init__(
        self,
        reason: str,
        retry_after: float | None = None,
        *,
        status: int | None = None,
        recurring: bytes | None = None,
        advice: str = "",
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.retry_after = retry_after
        self.recurring = recurring
        self.advice = advice


class Patience:
    """Retries requests with exponential back-off and full jitter; a server's `Retry-After` applies to all requests.

    Args:
        place: name of the server, for error messages.
        retries: maximum number of retries of a request.
        backoff: longest wait before the first retry, seconds; it doubles each time.
        timeout: seconds for one attempt.
    """

    def __init__(self, place: str, *, retries: int, backoff: float, timeout: float) -> None:
        self._place = place
        self._retries = retries
        self._backoff = backoff
        self._timeout = timeout
        self._not_before = 0.0
        self._given_up = asyncio.Event()

    @property
    def has_given_up(self) -> bool:
        """Whether the run is ending: nothing new is sent."""
        return self._given_up.is_set()

    def give_up(self) -> None:
        """Send nothing more; requests in flight may still finish."""
        self._given_up.set()

    async def run(self, attempt: Callable[[], Awaitable[Result]]) -> Result:
        """Return what ``attempt`` returns, with retries.

        Raises:
            MMABenchError: all attempts failed, or the run ends for another reason.
        """
        from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt
        from tenacity.wait import wait_random_exponential

        jittered = wait_random_exponential(multiplier=self._backoff, max=_LONGEST_BACKOFF)

        def wait(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            asked = error.retry_after if isinstance(error, TemporaryError) else None
            if asked is not None:
                # Plus jitter: sixteen requests that return at the same moment would be rejected again.
                self._not_before = max(self._not_before, time.monotonic() + asked)
                return asked + jittered(state)
            return jittered(state)

        said: bytes | None = None

        async def patient() -> Result:
            nonlocal said
            while (delay := self._not_before - time.monotonic()) > 0:
                await self._sleep(delay)
            if self.has_given_up:
                raise MMABenchError(f"{self._place}: not asked, because the run ended")
            try:
                return await self._once(attempt)
            except TemporaryError as error:
                if error.recurring is not None and error.recurring == said:
                    raise ServerError(
                        f"{self._place} failed twice with the same words, so it is not asked again: {error.reason}"
                        f"{error.advice}{RESUME}",
                        error.status,
                    ) from error
                said = error.recurring
                raise

        try:
            return await AsyncRetrying(
                wait=wait,
                stop=stop_after_attempt(self._retries + 1),
                retry=retry_if_exception_type(TemporaryError),
                sleep=self._sleep,
                reraise=True,
            )(patient)
        except TemporaryError as error:
            raise ServerError(
                f"{self._place} failed {self._retries + 1} times in a row, last with: {error.reason}{error.advice}"
                f"{RESUME}",
                error.status,
            ) from error

    async def _once(self, attempt: Callable[[], Awaitable[Result]]) -> Result:
        try:
            async with asyncio.timeout(self._timeout):
                return await attempt()
        except TimeoutError as error:
            raise TemporaryError(f"no reply within {self._timeout:g} s") from error
        except TemporaryError as error:
            if error.retry_after is not None and error.retry_after > LONGEST_WAIT:
                raise ServerError(
                    f"{self._place} asks to wait {error.retry_after:.0f} s ({error.reason}); all answers so far are "
                    "kept, run the same command again then",
                    error.status,
                ) from error
            raise

    async def _sleep(self, seconds: float) -> None:
        """Sleep, but not past the end of the run."""
        try:
            async with asyncio.timeout(seconds):
                await self._given_up.wait()
        except TimeoutError:
            return


def retry_after(value: str | None) -> float | None:
    """Return a `Retry-After` header as seconds from now: a number or a date (RFC 9110, 10.2.3)."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def is_temporary(status: int) -> bool:
    """Return whether a request with this HTTP status is worth retrying."""
    return status in (408, 409, 425, 429) or (status >= 500 and status not in _NEVER)
