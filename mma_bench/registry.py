"""What users can add without editing our files: named things, registered by a decorator or by an entry point.

A package of a user's declares a Python entry point in the group `mma_bench.KIND`, such as `mma_bench.models`. The entry
point's name is the name to use on the command line; its object is the thing itself, or a decorated function. Entry
points are read from the metadata of the installed packages; none is imported before its name is looked up, or before
everything of its kind is listed.
"""

import functools
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from mma_bench.errors import MMABenchError, unknown

T = TypeVar("T")

BUILT_IN = "built in"
"""Origin of what this project brings itself."""

PREFIX = "mma_bench."
"""How the names of our groups of entry points begin."""

_OURS = ("mma_bench", "builder")
_loading: list[str] = []


@dataclass(frozen=True)
class Registered(Generic[T]):
    """Something that has a name.

    Attributes:
        name: how it is asked for.
        value: the thing.
        help: what it is, in one line.
        origin: `BUILT_IN`, or the package or module that brought it.
    """

    name: str
    value: T
    help: str
    origin: str


class Registry(Mapping[str, T]):
    """Everything of one kind by its name: ours in the order of registration, then all others by name.

    As a mapping, it has what can be loaded: an entry point that fails is skipped in iteration, with one line on
    standard error, and is an error where its own name is looked up.

    Args:
        what: what one thing is called in messages, such as `model`.
        group: the group of entry points, without the prefix; empty if there is none.
        adopt: turns the object of an entry point that no decorator registered into the thing, or raises TypeError.
        more: further things by name that are registered elsewhere.
    """

    def __init__(
        self,
        what: str,
        group: str = "",
        *,
        adopt: Callable[[Any], T] | None = None,
        more: Callable[[], Mapping[str, T]] = dict,
    ) -> None:
        self.what = what
        self.group = group
        self._adopt = adopt
        self._more = more
        self._known: dict[str, Registered[T]] = {}
        self._made_of: dict[str, tuple[object, object]] = {}
        self._failures: dict[str, str] = {}

    def add(self, name: str, value: T, source: object = None, help: str | None = None) -> None:
        """Register ``value`` as ``name``.

        Args:
            name: how it is asked for.
            value: the thing.
            source: what it was made of, such as the decorated function: it tells the module and the description.
            help: what it is, in one line; by default the first line of the source's docstring.

        Raises:
            MMABenchError: something else has that name.
        """
        source = value if source is None else source
        origin = _origin(source)
        made_of = (getattr(source, "__module__", None), getattr(source, "__qualname__", source))
        known = self._known.get(name)
        if known and made_of != self._made_of[name]:  # the same function again is a module that was reloaded
            brought = _brought(known.origin)
            raise MMABenchError(f"{origin} registers the {self.what} {name!r}, which is {brought}; rename it")
        self._made_of[name] = made_of
        line = (getattr(source, "__doc__", None) or "").strip().split("\n")[0] if help is None else help
        self._known[name] = Registered(name, value, line, origin)

    def find(self, name: str) -> T:
        """Return what is called ``name``.

        Raises:
            MMABenchError: nothing is, several packages declare it, or its package fails to load.
        """
        try:
            return self[name]
        except KeyError as error:
            raise MMABenchError(unknown(f"unknown {self.what}", name, self.names())) from error

    def names(self) -> list[str]:
        """Return all names, ours first; nothing is imported."""
        ours = [name for name, known in self._known.items() if known.origin == BUILT_IN]
        return [*ours, *sorted({*self._known, *self._declared(), *self._more()} - {*ours})]

    def entries(self) -> list[Registered[T]]:
        """Return everything that can be loaded; see `problems` for the rest."""
        return [self.entry(name) for name in self]

    def registered(self) -> list[Registered[T]]:
        """Return what is registered so far; nothing is imported."""
        return list(self._known.values())

    def problems(self) -> dict[str, str]:
        """Return in words, one line each, why names cannot be used."""
        found = {}
        for name in self.names():
            try:
                self[name]
            except MMABenchError as error:
                found[name] = str(error)
        return found

    def __getitem__(self, name: str) -> T:
        return self.entry(name).value

    def __iter__(self) -> Iterator[str]:
        for name in self.names():
            try:
                self[name]
            except MMABenchError as error:
                if name not in self._failures:
                    self._failures[name] = str(error)
                    print(f"note: {error}", file=sys.stderr, flush=True)
            else:
                yield name

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return name in self._known or name in self._declared() or name in self._more()

    def _declared(self) -> Mapping[str, list[EntryPoint]]:
        return _declared(PREFIX + self.group) if self.group else {}

    def entry(self, name: str) -> Registered[T]:
        """Return what is called ``name`` with its description and origin.

        Raises:
            KeyError: nothing is.
            MMABenchError: several packages declare it, or its package fails to load.
        """
        declared = self._declared().get(name, [])
        known = self._known.get(name)
        others = sorted({_package(point) for point in declared})
        if declared and (len(declared) > 1 or (known and known.origin not in others)):
            owners = [known.origin] if known and known.origin not in others else []
            raise MMABenchError(
                f"the {self.what} {name!r} is {_brought(*owners, *others)}; rename the entry point of one of them"
            )
        if known:
            return known
        if declared:
            return self._load(name, declared[0])
        value = self._more()[name]
        return Registered(name, value, (getattr(value, "__doc__", None) or "").split("\n")[0], _origin(value))

    def _load(self, name: str, point: EntryPoint) -> Registered[T]:
        package = _package(point)
        where = f"the {self.what} {name!r} of the package {package} ({point.value})"
        try:
            with _loads(package):
                loaded = point.load()
                if name not in self._known:
                    if self._adopt is None:
                        raise TypeError(f"its module registers no {self.what} of that name")
                    self.add(name, self._adopt(loaded), loaded)
        except (Exception, SystemExit) as error:
            raise MMABenchError(
                f"{where} cannot be loaded: {one_line(error)}; correct or uninstall the package"
            ) from error
        return self._known[name]


@contextmanager
def left_out(entry: Registered[Any], what: str) -> Iterator[None]:
    """Leave out what fails in the block, with one line on standard error, if ``entry`` is a user's.

    Args:
        entry: what the block computes, or what it computes something of.
        what: what it computes, for the message.
    """
    try:
        yield
    except Exception as error:
        if entry.origin == BUILT_IN:
            raise
        note = f"note: the {what} {entry.name!r} of {entry.origin} failed and is left out: {one_line(error)}"
        print(note, file=sys.stderr, flush=True)


def one_line(error: BaseException) -> str:
    """Return the type and the message of ``error`` on one line."""
    message = " ".join(str(error).split())
    return f"{type(error).__name__}: {message}"[:500] if message else type(error).__name__


@functools.cache
def _declared(group: str) -> Mapping[str, list[EntryPoint]]:
    """Return the entry points of a group by name: reading the metadata of all packages takes some milliseconds."""
    found: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=group):
        found.setdefault(point.name, []).append(point)
    return found


@contextmanager
def _loads(package: str) -> Iterator[None]:
    """Name ``package`` as the origin of what is registered in the block."""
    _loading.append(package)
    try:
        yield
    finally:
        _loading.pop()


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist else point.module


def _origin(source: object) -> str:
    module = str(getattr(source, "__module__", None) or type(source).__module__)
    if module.partition(".")[0] in _OURS:  # also where a package of a user's is what imports our module
        return BUILT_IN
    return _loading[-1] if _loading else module


def _brought(*origins: str) -> str:
    """Return `built in and brought by A and B`."""
    packages = [origin for origin in origins if origin != BUILT_IN]
    brought = f"brought by {' and '.join(packages)}" if packages else ""
    return " and ".join([*(["built in"] if BUILT_IN in origins else []), *([brought] if brought else [])])
