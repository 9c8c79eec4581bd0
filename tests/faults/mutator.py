"""Damages media files in the ways that disks, networks, programs and people damage them; the same for the same seed."""

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

_BOX = re.compile(rb"moov|mdat|stbl|stsz|stco|stts|stsc|ctts|mvhd|tkhd|mdhd|trak|elst|avcC|esds|hdlr|stsd")
_LENGTHS = (0, 1, 7, 8, 0x7FFFFFFF, 0xFFFFFFFF)


@dataclass(frozen=True)
class Seed:
    """A whole file to damage: its name and its bytes."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Mutant:
    """A damaged file: its name, its bytes, and how it was damaged."""

    name: str
    content: bytes
    damage: str


Damage = Callable[[bytes, random.Random, Sequence[Seed]], bytes]


def _truncate(data: bytes, draw: random.Random, others: Sequence[Seed]) -> bytes:
    return data[: draw.randrange(len(data))]


def _decapitate(data: bytes, draw: random.Random, others: Sequence[Seed]) -> bytes:
    return data[draw.randrange(1, len(data)) :]


def _flip(data: bytes, draw: random.Random, others: Sequence[Seed]) -> bytes:
    found = bytearray(data)
    for _ in range(draw.choice((1, 10, 200))):
        found[draw.randrange(len(found))] ^= 1 << draw.randrange(8)
    return bytes(found)


def _flip_head(data: bytes, draw: random.Random, others: Sequence[Seed]) -> bytes:
    return _flip(data[:600], draw, others) + data[600:]


def _flip_tail(data: bytes, draw: random.Random, others: Sequence[Seed]) -> bytes:
    return data[:-1500] + _flip(data[-1500:], draw, others)


def _zero(data: bytes, draw: random.Random, others: Sequence[Seed]) -> bytes:
    begin = draw.randrange(len(data))
    length = min(draw.choice((16, 512, 8192)), len(data) - begin)
    return data[:begin] + bytes(length) + data[begin + length :]


def _repeat(data: bytes, draw: random.Random, others: Sequence[Seed]) -> bytes:
    begin = draw.randrange(len(data))
    return data[:begin] + data[begin : begin + 4096] * draw.choice((2, 50)) + data[begin + 4096 :]


def _exchange(data: bytes, draw: random.Random, others: Sequence[Seed]) -> bytes:
    first, second, third = sorted(draw.sample(range(1, len(data)), 3))
    return data[:first] + data[second:third] + data[first:second] + data[third:]


def _insert(data: bytes, draw: random.Random, others: Sequence[Seed]) -> bytes:
    begin = draw.randrange(len(data))
    return data[:begin] + draw.randbytes(draw.choice((1, 100, 5000))) + data[begin:]


def _splice(data: bytes, draw: random.Random, others: Sequence[Seed]) -> bytes:
    other = draw.choice(others).content
    return data[: draw.randrange(len(data))] + other[draw.randrange(len(other)) :]


def _lie_about_length(data: bytes, draw: random.Random, others: Sequence[Seed]) -> bytes:
    """Give a box of an mp4 an impossible length; in other formats four bytes anywhere."""
    places = [match.start() - 4 for match in _BOX.finditer(data) if match.start() >= 4]
    place = draw.choice(places) if places else draw.randrange(len(data) - 4)
    return data[:place] + draw.choice(_LENGTHS).to_bytes(4, "big") + data[place + 4 :]


def _lie_in_table(data: bytes, draw: random.Random, others: Sequence[Seed]) -> bytes:
    """Write a huge number into the entries of a table of an mp4; in other formats anywhere."""
    places = [match.end() + 4 for match in _BOX.finditer(data)]
    place = min(draw.choice(places) + 4 * draw.randrange(8) if places else draw.randrange(len(data)), len(data) - 4)
    return data[:place] + draw.choice(_LENGTHS).to_bytes(4, "big") + data[place + 4 :]


def _rename_box(data: bytes, draw: random.Random, others: Sequence[Seed]) -> bytes:
    places = [match.start() for match in _BOX.finditer(data)]
    place = draw.choice(places) if places else draw.randrange(len(data) - 4)
    return data[:place] + b"free" + data[place + 4 :]


DAMAGES: dict[str, Damage] = {
    "truncated": _truncate,
    "without its beginning": _decapitate,
    "bits flipped": _flip,
    "bits flipped in the header": _flip_head,
    "bits flipped in the trailer": _flip_tail,
    "a block zeroed": _zero,
    "a block repeated": _repeat,
    "blocks exchanged": _exchange,
    "bytes inserted": _insert,
    "spliced with another file": _splice,
    "an impossible length": _lie_about_length,
    "an impossible table": _lie_in_table,
    "a box renamed": _rename_box,
}


def mutants(seeds: Sequence[Seed], count: int, seed: int) -> Iterator[Mutant]:
    """Yield ``count`` damaged files, all damages and seeds in turn; some are damaged twice, some misnamed."""
    draw = random.Random(seed)
    names = list(DAMAGES)
    for number in range(count):
        whole = seeds[number % len(seeds)]
        chosen = [names[number % len(names)]]
        if draw.random() < 0.2:
            chosen.append(draw.choice(names))
        content = whole.content
        for name in chosen:
            if len(content) > 100:
                content = DAMAGES[name](content, draw, seeds)
        suffix = whole.name.rpartition(".")[2] if draw.random() < 0.9 else draw.choice(("mp4", "ogg", "mkv", "ts"))
        yield Mutant(f"{number:05d}.{suffix}", content, f"{whole.name}: {' and '.join(chosen)}")
