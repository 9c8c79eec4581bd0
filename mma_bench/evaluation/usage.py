"""What a run took: tokens, time, memory and money.

Totals and medians are computed from the stored answers, so they are the same however often a run was interrupted. What
no answer can tell (wall time, repeated requests, peak memory, prices) is in `usage.json`, added up over resumptions.
"""

import resource
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Any, Self

from pydantic import ConfigDict, Field, ValidationError

from mma_bench.errors import MMABenchError
from mma_bench.evaluation.store import AnswerStore, StoredAnswer
from mma_bench.files.atomic import write_json
from mma_bench.models.interface import Model
from mma_bench.schema import Checked

USAGE_FILE = "usage.json"

_KIB = 1 if sys.platform == "darwin" else 1024
"""Unit of `ru_maxrss`: bytes on macOS, KiB elsewhere."""


@dataclass(frozen=True)
class Price:
    """What a provider charges, per million tokens, in any currency."""

    input: float
    output: float


class _Session(Checked):
    """What no answer can tell, over all sessions of a run."""

    model_config = ConfigDict(frozen=True)

    wall_seconds: float | None = Field(None, ge=0)
    retries: int | None = Field(None, ge=0)
    peak_memory_bytes: int | None = Field(None, ge=0)
    peak_memory_of: str | None = None
    price_input: float | None = Field(None, ge=0)
    price_output: float | None = Field(None, ge=0)


@dataclass(frozen=True)
class Usage:
    """What a run took. None stands for what was not recorded.

    Attributes:
        answers: stored answers.
        counted: of those, answers with both token counts.
        input_tokens: total over the answers that have it.
        output_tokens: total over the answers that have it.
        seconds: total of the answers' times. Requests that run at the same time each count in full.
        median_input_tokens: per answer.
        median_output_tokens: per answer.
        median_seconds: per answer.
        cut_off: answers that ended at the maximum number of tokens; none if no answer says why it ended.
        served_by: versions that a server named, each with its number of answers.
        wall_seconds: time from first to last question, added up over resumed sessions.
        retries: repeated requests.
        peak_memory_bytes: highest use.
        peak_memory_of: ``GPU`` (memory that torch allocated) or ``process`` (resident memory).
        price_input: per million input tokens.
        price_output: per million output tokens.
        cost: of all counted tokens at these prices.
    """

    answers: int
    counted: int
    input_tokens: int | None
    output_tokens: int | None
    seconds: float | None
    median_input_tokens: float | None
    median_output_tokens: float | None
    median_seconds: float | None
    cut_off: int | None
    served_by: dict[str, int]
    wall_seconds: float | None = None
    retries: int | None = None
    peak_memory_bytes: int | None = None
    peak_memory_of: str | None = None
    price_input: float | None = None
    price_output: float | None = None

    @property
    def cost(self) -> float | None:
        """The price of all counted tokens, or none if prices or counts are not known."""
        if self.price_input is None or self.price_output is None:
            return None
        if self.input_tokens is None or self.output_tokens is None:
            return None
        return (self.input_tokens * self.price_input + self.output_tokens * self.price_output) / 1e6

    def to_json(self) -> dict[str, Any]:
        """Return everything, for `usage.json`."""
        return {**asdict(self), "cost": self.cost}


def read_usage(folder: Path, answers: Iterable[StoredAnswer]) -> Usage:
    """Return what the run in ``folder`` took.

    Args:
        folder: a run; runs of earlier versions have no `usage.json`.
        answers: its stored answers.

    Raises:
        MMABenchError: `usage.json` is damaged.
    """
    return _usage(list(answers), _read_session(folder))


class UsageMeter:
    """Measures one session of a run and adds it to `usage.json` when the session ends, also by an error."""

    def __init__(self, folder: Path, model: Model, store: AnswerStore, price: Price | None = None) -> None:
        self._folder = folder
        self._model = model
        self._store = store
        self._price = price
        self._earlier = _read_session(folder)

    def __enter__(self) -> Self:
        self._began, self._retries = time.monotonic(), self._model.retries or 0
        self._answered = len(self._store.read())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        answers = list(self._store.read().values())
        session = self._earlier
        if len(answers) > self._answered:  # a session that asked nothing leaves the record as it is
            session = self._added(time.monotonic() - self._began)
        if self._price:
            session = session.changed(price_input=self._price.input, price_output=self._price.output)
        write_json(self._folder / USAGE_FILE, _usage(answers, session).to_json())

    def _added(self, seconds: float) -> _Session:
        earlier, model = self._earlier, self._model
        update: dict[str, Any] = {"wall_seconds": round((earlier.wall_seconds or 0) + seconds, 3)}
        if model.retries is not None:
            update["retries"] = (earlier.retries or 0) + model.retries - self._retries
        if model.runs_here:
            size, of = _peak_memory()
            if earlier.peak_memory_of != of or size > (earlier.peak_memory_bytes or 0):
                update |= {"peak_memory_bytes": size, "peak_memory_of": of}
        return earlier.changed(**update)


def add_usage(
    folder: Path,
    parts: Sequence[Path],
    answers: Iterable[StoredAnswer],
    *,
    at_once: bool,
    price: Price | None = None,
    to: Path | None = None,
) -> None:
    """Add what was recorded in ``parts`` to the record of the run in ``folder``.

    Args:
        folder: a run.
        parts: folders with records of their own; those without add nothing.
        answers: all stored answers of the run.
        at_once: the parts were asked at the same time, so the longest one counts; otherwise their times add up.
        price: what the provider charges. Without, what all parts that name a price agree on.
        to: the file to write, if not the record of the run itself.
    """
    earlier, found = _read_session(folder), [_read_session(part) for part in parts]
    times = [session.wall_seconds for session in found if session.wall_seconds is not None]
    sessions = [earlier, *found]
    prices = {(session.price_input, session.price_output) for session in sessions} - {(None, None)}
    agreed = prices.pop() if len(prices) == 1 else (None, None)
    retries = [session.retries for session in sessions if session.retries is not None]
    highest = max(sessions, key=lambda session: (session.peak_memory_of == "GPU", session.peak_memory_bytes or 0))
    wall = earlier.wall_seconds
    if times:
        wall = round((wall or 0) + (max(times) if at_once else sum(times)), 3)
    total = _Session(
        wall_seconds=wall,
        retries=sum(retries) if retries else None,
        peak_memory_bytes=highest.peak_memory_bytes,
        peak_memory_of=highest.peak_memory_of,
        price_input=price.input if price else agreed[0],
        price_output=price.output if price else agreed[1],
    )
    write_json(to or folder / USAGE_FILE, _usage(list(answers), total).to_json())


def _peak_memory() -> tuple[int, str]:
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and (used := torch.cuda.max_memory_allocated()):
        return int(used), "GPU"
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB, "process"


def _read_session(folder: Path) -> _Session:
    path = folder / USAGE_FILE
    if not path.is_file():
        return _Session()
    try:
        return _Session.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise MMABenchError(
            f"{path} is damaged; delete it, only times, memory and prices of earlier sessions are lost"
        ) from error


def _usage(answers: Sequence[StoredAnswer], session: _Session) -> Usage:
    given = [a.input_tokens for a in answers if a.input_tokens is not None]
    written = [a.output_tokens for a in answers if a.output_tokens is not None]
    seconds = [a.seconds for a in answers if a.seconds is not None]
    reasons = [a.finish_reason for a in answers if a.finish_reason is not None]
    servers = [a.served_by for a in answers if a.served_by is not None]
    return Usage(
        answers=len(answers),
        counted=sum(a.input_tokens is not None and a.output_tokens is not None for a in answers),
        input_tokens=sum(given) if given else None,
        output_tokens=sum(written) if written else None,
        seconds=round(sum(seconds), 6) if seconds else None,
        median_input_tokens=median(given) if given else None,
        median_output_tokens=median(written) if written else None,
        median_seconds=median(seconds) if seconds else None,
        cut_off=reasons.count("length") if reasons else None,
        served_by={name: servers.count(name) for name in sorted(set(servers))},
        **session.model_dump(),
    )
