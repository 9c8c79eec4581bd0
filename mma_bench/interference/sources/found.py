"""What a source finds, and the order in which items are taken."""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from mma_bench.files.hashing import sha256_bytes
from mma_bench.interference.items import Item, Media
from mma_bench.interference.skipped import Skipped

T = TypeVar("T")
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass
class Found:
    """The items of some data.

    Attributes:
        form: what the data were taken for, in words.
        fingerprint: hash of all the data, whatever the limit.
        items: what can be asked.
        skipped: what cannot.
        columns: which column of a table is what; none where the data need none.
        pictures: pictures or videos that can be unrelated ones for other items.
        sounds: the same for sounds.
    """

    form: str
    fingerprint: str
    items: list[Item] = field(default_factory=list)
    skipped: Skipped = field(default_factory=Skipped)
    columns: dict[str, Any] | None = None
    pictures: list[Media] = field(default_factory=list)
    sounds: list[Media] = field(default_factory=list)


def in_turns(groups: Mapping[str, Sequence[T]], seed: int) -> Iterator[tuple[str, T]]:
    """Yield one of each group in turn, in an order that the seed decides: the first N are the start of the first M > N.

    Args:
        groups: things by the name of their group.
        seed: of both orders.
    """
    names = sorted(groups)
    random.Random(f"{seed}/groups").shuffle(names)  # noqa: S311
    queues = {}
    for name in names:
        queues[name] = list(groups[name])
        random.Random(f"{seed}/{name}").shuffle(queues[name])  # noqa: S311
    for turn in range(max((len(queue) for queue in queues.values()), default=0)):
        yield from ((name, queues[name][turn]) for name in names if turn < len(queues[name]))


def safe_id(name: str) -> str:
    """Return ``name`` as part of an id: readable, and unique by its hash."""
    digest = sha256_bytes(name.encode("utf-8", errors="surrogateescape"))[:8]
    return f"{_UNSAFE.sub('_', name)[-44:].strip('_')}_{digest}"
