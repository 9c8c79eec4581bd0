"""What the verification of clips costs: counted in each process, added up at the end of the stage."""

import functools
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from builder.verify.settings import Prices
from mma_bench.files.atomic import write_json
from mma_bench.files.documents import parse_json
from mma_bench.models import CheckAnswer, Model

_KEEP_SECONDS = 5.0


class Cost(BaseModel):
    """What was asked. Numbers that nobody counted are None.

    Attributes:
        clips: clips whose checks were all answered.
        checks: answered checks.
        seconds: wall time of the tasks, added up.
        requests: requests to a server, retried ones included.
        retries: of these, the retried ones.
        sent_bytes: bytes of these requests.
        input_tokens: tokens of prompts and media, as far as the model counts them.
        output_tokens: generated tokens, as far as the model counts them.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    clips: int = 0
    checks: int = 0
    seconds: float = 0.0
    requests: int | None = None
    retries: int | None = None
    sent_bytes: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None

    def add(self, other: "Cost") -> None:
        """Add what ``other`` counted."""
        for name in type(self).model_fields:
            if (more := getattr(other, name)) is not None:
                setattr(self, name, (getattr(self, name) or 0) + more)

    def money(self, prices: Prices) -> float | None:
        """Return the price of everything, or None if no price is given."""
        if not any((prices.input_tokens, prices.output_tokens, prices.requests, prices.hours)):
            return None
        tokens = (self.input_tokens or 0) * prices.input_tokens + (self.output_tokens or 0) * prices.output_tokens
        return tokens / 1e6 + (self.requests or 0) * prices.requests / 1e3 + self.seconds / 3600 * prices.hours


class Meter:
    """Counts what one process asks and keeps it in a file, so that little of it is lost when the process is killed.

    Args:
        folder: where each process has its file.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / f"{secrets.token_hex(8)}.json"
        self._cost = Cost()
        self._since = 0.0
        self._traffic: dict[str, int | None] = {}

    @contextmanager
    def running(self, model: Model) -> Iterator[None]:
        """Count time and traffic of ``model`` until the block ends."""
        self._since, self._traffic = time.perf_counter(), _traffic(model)
        try:
            yield
        finally:
            self._keep(model)

    def answered(self, model: Model, answers: Sequence[CheckAnswer]) -> None:
        """Count answers of ``model``."""
        for answer in answers:
            one = Cost(checks=1, input_tokens=answer.input_tokens, output_tokens=answer.output_tokens)
            self._cost.add(one)
        if time.perf_counter() - self._since > _KEEP_SECONDS:
            self._keep(model)

    def finished_clip(self) -> None:
        """Count a clip."""
        self._cost.clips += 1

    def _keep(self, model: Model) -> None:
        now, traffic = time.perf_counter(), _traffic(model)
        used = {name: value - (self._traffic[name] or 0) for name, value in traffic.items() if value is not None}
        self._cost.add(Cost.model_validate({"seconds": now - self._since, **used}))
        self._since, self._traffic = now, traffic
        write_json(self._path, self._cost.model_dump())


@functools.cache
def meter(folder: Path) -> Meter:
    """Return the meter of this process for ``folder``."""
    return Meter(folder)


def _traffic(model: Model) -> dict[str, int | None]:
    return {"requests": model.requests, "retries": model.retries, "sent_bytes": model.sent_bytes}


def total(folder: Path) -> Cost:
    """Return what all processes counted in ``folder``, those of killed runs included."""
    found = Cost()
    for path in sorted(folder.glob("[!.]*.json")):
        try:
            found.add(Cost.model_validate(parse_json(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, ValidationError):
            continue  # it decides nothing
    return found


def record(folder: Path, path: Path, model: str, prices: Prices) -> str:
    """Add up what ``folder`` has, write it to ``path`` as JSON, and return it as a line.

    Args:
        folder: of the processes' files.
        path: file to write.
        model: public name of the model.
        prices: of the server.
    """
    cost = total(folder)
    money = cost.money(prices)
    counted = {**cost.model_dump(), **({} if money is None else {"money": money, "currency": prices.currency})}
    numbers = {name: value for name, value in counted.items() if name != "clips" and isinstance(value, int | float)}
    each = {name: round(1000 * value / cost.clips, 6) for name, value in numbers.items()} if cost.clips else {}
    write_json(path, {"model": model, "total": counted, "per_thousand_clips": each, "prices": prices.model_dump()})
    if not cost.clips:
        return f"verify: {model} finished no clip"
    said = [f"{each['seconds']:,.0f} s"]
    if cost.requests is not None:
        said.append(f"{each['requests']:,.0f} requests ({cost.retries or 0} retried in all)")
    if cost.input_tokens is not None:
        said.append(f"{each['input_tokens']:,.0f} tokens in, {each.get('output_tokens', 0):,.0f} out")
    if cost.sent_bytes is not None:
        said.append(f"{each['sent_bytes'] / 1e6:,.1f} MB sent")
    if money is not None:
        said.append(f"{each['money']:,.2f} {prices.currency}")
    return f"verify: {model} per thousand clips: {', '.join(said)}; counted over {cost.clips:,} clips"
