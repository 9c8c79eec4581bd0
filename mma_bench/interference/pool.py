"""Unrelated pictures and sounds: from a folder, from the other clips of a dataset, or made from formulas."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mma_bench.console.progress import activity
from mma_bench.errors import MMABenchError
from mma_bench.files.hashing import sha256_json
from mma_bench.interference import pictures, sounds
from mma_bench.interference.items import Item, Media
from mma_bench.interference.protocol import Protocol
from mma_bench.interference.sentences import words_of
from mma_bench.interference.sources.files import file_reader, heard_sound_of, picture_of
from mma_bench.interference.sources.found import Found, in_turns, safe_id
from mma_bench.questions.likeness import reads_alike

_MOST = 200
"""Files that are taken of a folder; more would only make the start longer."""


@dataclass(frozen=True)
class Pool:
    """What unrelated pictures and sounds are drawn from.

    Attributes:
        pictures: pictures or videos.
        sounds: sounds.
        described: where they come from, in words.
    """

    pictures: Sequence[Media]
    sounds: Sequence[Media]
    described: str

    @property
    def sha256(self) -> str:
        """Hash of all of them, in order."""
        return sha256_json([[media.name for media in self.pictures], [media.name for media in self.sounds]])

    def picture(self, item: Item, generator: random.Random) -> Media | None:
        """Return a picture of a class that reads like none of ``item``, see `reads_alike`; none if there is none."""
        return _drawn(self.pictures, item, item.picture, generator)

    def sound(self, item: Item, generator: random.Random) -> Media | None:
        """Return a sound of a class that reads like none of ``item``, see `reads_alike`; none if there is none."""
        return _drawn(self.sounds, item, item.sound, generator)


def make_pool(
    found: Found, protocol: Protocol, pictures_from: Path | None, sounds_from: Path | None, *, progress: bool
) -> Pool:
    """Return the pool for the items of some data.

    Args:
        found: the items, and media of the data itself that can be unrelated to other items.
        protocol: how pictures and sounds are prepared.
        pictures_from: folder of pictures, with or without a subfolder per class.
        sounds_from: the same for sounds.
        progress: say that files are read.

    Raises:
        MMABenchError: a folder has no usable file.
    """
    with activity("reading unrelated pictures and sounds", show=progress):
        shown = _pictures(pictures_from, protocol) if pictures_from else found.pictures or _drawings()
        heard = _sounds(sounds_from, protocol) if sounds_from else found.sounds or _tones()
    words = [
        f"{len(shown)} {_origin(pictures_from, found.pictures, 'pictures')}",
        f"{len(heard)} {_origin(sounds_from, found.sounds, 'sounds')}",
    ]
    return Pool(shown, heard, " and ".join(words))


def _origin(folder: Path | None, own: Sequence[Media], what: str) -> str:
    if folder:
        return f"{what} of {folder.name}"
    return f"{what} of other clips of the data" if own else f"{what} made from formulas"


def _drawn(pool: Sequence[Media], item: Item, own: Media, generator: random.Random) -> Media | None:
    taken = {*item.labels, item.answer}
    # A question of a table has no class, so what its words name is not unrelated.
    told = f"{item.parts.question} {' '.join(item.options)}" if not item.labels else ""
    told_words = words_of(told)
    free = [
        media
        for media in pool
        if not (media.label and any(reads_alike(media.label, name) for name in taken))
        and (media.source is None or media.source != own.source)
        and media.name != own.name
        and not (told and media.label and _is_named(media.label, told, told_words))
        and media.fits(item.seconds)
    ]
    return generator.choice(free) if free else None


def _is_named(label: str, text: str, told: set[str]) -> bool:
    """Return whether a text with the words ``told`` has all words of a label; one without words, as it is."""
    if words := words_of(label):
        return words <= told
    return re.search(rf"(?<!\w){re.escape(label.casefold())}(?!\w)", text.casefold()) is not None


def _pictures(folder: Path, protocol: Protocol) -> list[Media]:
    found = []
    for label, name in _files(folder, pictures.SUFFIXES, protocol):
        read = file_reader(folder, name, pictures.MAX_BYTES)
        try:
            found.append(picture_of(read(), read, protocol, label, safe_id(name)))
        except (OSError, MMABenchError):
            continue
        if len(found) == _MOST:
            break
    if not found:
        raise MMABenchError(f"--pictures {folder}: there is no picture that can be decoded; give a folder of pictures")
    return found


def _sounds(folder: Path, protocol: Protocol) -> list[Media]:
    found = []
    for label, name in _files(folder, sounds.SUFFIXES, protocol):
        read = file_reader(folder, name, sounds.MAX_BYTES)
        try:
            found.append(heard_sound_of(read(), read, protocol, label, safe_id(name)))
        except (OSError, MMABenchError):
            continue
        if len(found) == _MOST:
            break
    if not found:
        raise MMABenchError(f"--sounds {folder}: there is no sound that can be decoded; give a folder of sounds")
    return found


def _files(folder: Path, suffixes: tuple[str, ...], protocol: Protocol) -> list[tuple[str | None, str]]:
    """Return class, as prompts call it, and name of each file; a file that is in no subfolder has no class."""
    if not folder.is_dir():
        raise MMABenchError(f"{folder} is not a folder; give a folder of files, with or without a subfolder per class")
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix.casefold() in suffixes]
    readable = sorted(name for name in names if name.isprintable() and not Path(name).name.startswith("."))
    groups: dict[str, list[str]] = {}
    for name in readable:
        groups.setdefault(name.split("/")[0] if "/" in name else "", []).append(name)
    return [(protocol.class_names.get(label, label) or None, name) for label, name in in_turns(groups, 0)]


def _drawings() -> list[Media]:
    """Return pictures of the probe, apart from the black one."""
    from mma_bench.probe.signals import PICTURE_NAMES

    return [
        Media(sha256_json(["drawing", name]), _Drawing(name), name, source=f"drawing_{name}")
        for name in PICTURE_NAMES
        if name != "Black_screen"
    ]


def _tones() -> list[Media]:
    """Return sounds of the probe, apart from silence and noise."""
    from mma_bench.probe.signals import SOUND_NAMES

    return [
        Media(sha256_json(["tone", name]), _Tone(name), name, source=f"tone_{name}")
        for name in SOUND_NAMES
        if name not in ("Silence", "Hissing_noise")
    ]


@dataclass(frozen=True)
class _Drawing:
    name: str

    def __call__(self, seconds: float) -> bytes:
        from mma_bench.probe.signals import picture

        return pictures.still_video(picture(self.name, 0), seconds)


@dataclass(frozen=True)
class _Tone:
    name: str

    def __call__(self, seconds: float) -> bytes:
        from mma_bench.probe.signals import sound

        return sounds.looped(sound(self.name, max(seconds, 1.0)), seconds)
