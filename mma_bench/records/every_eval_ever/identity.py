"""Who made a model and where it ran, as far as the name of the model tells."""

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

from mma_bench.errors import MMABenchError
from mma_bench.evaluation.judge.record import Judge
from mma_bench.evaluation.store import Run
from mma_bench.models.wrappers.naming import split_name
from mma_bench.records.columns import encodable

Deployment = Literal["self_deployed", "externally_managed", "unknown"]
Availability = Literal["open_weights", "closed_weights", "unknown"]

_HUB_NAME = re.compile(r"([A-Za-z0-9][\w.-]*)/([\w.-]+)")
_NOT_PORTABLE = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_RESERVED = frozenset(
    {"CON", "PRN", "AUX", "NUL", *(f"{port}{i}" for port in ("COM", "LPT") for i in range(1, 10)), "DATA", "UNKNOWN"}
)
"""Names that a file system, or the schema's data store, does not take for a folder."""

_LONGEST = 100


@dataclass(frozen=True)
class Identity:
    """A model as the schema names it.

    Attributes:
        developer: who made it, fit to be the name of a folder.
        name: its name, fit to be the name of a folder.
        deployment: who ran it.
        availability: whether its weights are public.
        title: its name as it was given, without the path or address that it was loaded from.
    """

    developer: str
    name: str
    deployment: Deployment
    availability: Availability
    title: str

    @property
    def id(self) -> str:
        """Developer and name, as on the Hugging Face hub."""
        return f"{self.developer}/{self.name}"

    def record(self, details: dict[str, str]) -> dict[str, Any]:
        """Return the schema's `model_info`."""
        axes = {"deployment_type": self.deployment, "model_availability": self.availability}
        return {
            "name": self.title,
            "id": self.id,
            "developer": self.developer,
            "additional_details": {**details, **axes},
        }


def identify(run: Run, developer: str | None = None, name: str | None = None) -> Identity:
    """Return the identity of the model of ``run``.

    Args:
        run: the run.
        developer: who made the model, where its name does not tell.
        name: what to call the model.

    Raises:
        MMABenchError: the developer is neither given nor told by the name, or a name cannot be the name of a folder.
    """
    return identity_of(run.model, developer, name)


def identity_of(model: str, developer: str | None = None, name: str | None = None) -> Identity:
    """Return the identity of a model by the name that `mma_bench.models.load` takes; see `identify`."""
    inner, wrappers = _unwrapped(model)
    family, _, rest = inner.partition(":")
    read = _FAMILIES.get(family)
    told = read(rest or family) if read else Told(*_split(inner), "unknown", "unknown")
    told = told._replace(name=f"{told.name}{wrappers}")
    maker = developer or told.developer
    if not maker:
        raise MMABenchError(f"the name of the model, {model[:80]!r}, does not say who made it; add --developer NAME")
    return Identity(
        developer=_component(maker, "--developer"),
        name=_component(name or told.name, "--model-name"),
        deployment=told.deployment,
        availability=told.availability,
        title=encodable(name or told.name),
    )


def identity_of_judge(judge: Judge) -> Identity:
    """Return the identity of a judge; its developer is ``unspecified`` if its name does not tell."""
    try:
        return identity_of(judge.model)
    except MMABenchError:
        return identity_of(judge.model, "unspecified")


class Told(NamedTuple):
    """What the name of a model tells; ``developer`` is empty if it does not name one."""

    developer: str
    name: str
    deployment: Deployment
    availability: Availability


def _unwrapped(model: str) -> tuple[str, str]:
    """Return the name of a model without its wrappers, and these, such as `+contrast+prompt`."""
    inner, wrappers = model, ""
    while (found := split_name(inner))[1]:
        inner, wrappers = found[0], f"+{found[1]}{wrappers}"
    return inner, wrappers


def _split(name: str) -> tuple[str, str]:
    """Return developer and name of `DEVELOPER/NAME`; of anything else no developer, and the name as it is."""
    found = _HUB_NAME.fullmatch(name)
    return (found[1], found[2]) if found else ("", name)


def _baseline(rest: str) -> Told:
    return Told("mma-bench", f"baseline-{rest}", "self_deployed", "unknown")


def _cascade(rest: str) -> Told:
    return Told("mma-bench", rest, "self_deployed", "open_weights")


def _transformers(rest: str) -> Told:
    if _HUB_NAME.fullmatch(rest) and not Path(rest).exists():
        return Told(*_split(rest), "self_deployed", "open_weights")
    return Told("", Path(rest).resolve().name, "self_deployed", "unknown")


def _gemini(rest: str) -> Told:
    return Told("google", rest.partition("@http")[0], "externally_managed", "closed_weights")


def _openai(rest: str) -> Told:
    model, at, url = rest.partition("@http")
    host = urlsplit(f"http{url}").hostname or "" if at else "api.openai.com"
    if host == "api.openai.com":
        return Told("openai", model, "externally_managed", "closed_weights")
    return Told(*_split(model), "self_deployed" if _is_local(host) else "unknown", "unknown")


_FAMILIES = {
    "baseline": _baseline,
    "cascade": _cascade,
    "fusion": _cascade,
    "transformers": _transformers,
    "gemini": _gemini,
    "openai": _openai,
}


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False


def _component(text: str, flag: str) -> str:
    """Return ``text`` as the name of a folder on every common file system.

    Raises:
        MMABenchError: nothing of it is left, or what is left is reserved.
    """
    plain = _NOT_PORTABLE.sub("_", encodable(text).strip()).strip()[:_LONGEST].rstrip(". ")
    if not plain.strip("_. ") or plain.partition(".")[0].upper() in _RESERVED:
        raise MMABenchError(f"{text[:80]!r} cannot be the name of a folder; say what to use with {flag} NAME")
    return plain
