"""The list of demo clips: their photos and audio, where these are, and who made them."""

from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from mma_bench.errors import MMABenchError
from mma_bench.files.documents import parse_yaml
from mma_bench.files.faults import first_fault

CATALOGUE = Path(__file__).with_name("catalogue.yaml")
"""The list that ships with the builder."""

SECONDS = 10
"""Length of every demo clip."""


def _inside(path: str) -> str:
    parts = path.split("/")
    if not all(parts) or ".." in parts or "." in parts:
        raise ValueError(f"{path!r} must be a plain relative path")
    return path


RelativePath = Annotated[str, AfterValidator(_inside)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MediaFile(_Strict):
    """A photo or a sound inside a Debian package."""

    package: str = Field(pattern=r"^[a-z0-9][a-z0-9+.-]+$", description="name of the Debian package")
    path: RelativePath = Field(description="path of the file in the unpacked package")
    member: RelativePath | None = Field(default=None, description="path within, where `path` is a Qt resource archive")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="of the file, or of the member")
    licence: str = Field(min_length=1, description="SPDX identifier, or `public domain`")
    attribution: str = Field(min_length=1, description="author, and where the original was published")

    def location(self, cache: Path) -> Path:
        """Return the place of the checked copy below ``cache``: named by its hash, so never stale."""
        return cache / "demo-media" / f"{self.sha256}{PurePosixPath(self.member or self.path).suffix.lower()}"

    def __str__(self) -> str:
        return f"{self.package}: {self.path}" + (f" [{self.member}]" if self.member else "")


def _ordered(crop: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    left, top, right, bottom = crop
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise ValueError("a crop is left, top, right, bottom, as fractions of the photo")
    return crop


Crop = Annotated[tuple[float, float, float, float], AfterValidator(_ordered)]
"""The part of a photo that shows the class: left, top, right, bottom, as fractions of width and height."""


class _ClipEntry(_Strict):
    """A clip as the YAML file lists it; `photo` and `sound` name entries of the other two lists."""

    name: str = Field(pattern=r"^[a-z0-9_-]+$", description="no dot: WebDataset cuts a key at the first dot")
    label: str = Field(pattern=r"^[A-Za-z][A-Za-z_]*$", description="class name")
    photo: str
    crop: Crop = (0, 0, 1, 1)
    sound: str
    start_seconds: float = Field(default=0.0, ge=0, description="start of the excerpt of a long recording")
    loop: bool = Field(default=True, description="repeat the sound; otherwise take one excerpt")
    pause_seconds: float = Field(default=0.4, ge=0, le=5, description="silence between two repetitions")
    remark: str = Field(default="", description="what a user should know of this pair")


class _Collection(_Strict):
    """A folder of files: of a package, or of a Qt resource archive inside a package."""

    package: str
    archive: RelativePath | None = None
    folder: RelativePath
    licence: str | None = Field(default=None, description="of all its files")
    attribution: str | None = Field(default=None, description="of all its files")


class _FileEntry(_Strict):
    """A file as the YAML file lists it."""

    file: RelativePath = Field(description="name of a collection, a slash, path below the folder of the collection")
    sha256: str
    licence: str | None = None
    attribution: str | None = None


class _CatalogueFile(_Strict):
    collections: dict[str, _Collection]
    photos: dict[str, _FileEntry]
    sounds: dict[str, _FileEntry]
    clips: list[_ClipEntry]


class DemoClip(_Strict):
    """One clip to be rendered."""

    name: str
    label: str
    image: MediaFile
    crop: Crop
    audio: MediaFile
    start_seconds: float
    loop: bool
    pause_seconds: float
    remark: str

    @property
    def licence(self) -> str:
        """The licences of both streams."""
        if self.image.licence == self.audio.licence:
            return self.image.licence
        return f"video: {self.image.licence}; audio: {self.audio.licence}"

    @property
    def attribution(self) -> str:
        """The authors of both streams and what was changed, as the licences require."""
        return (
            f"Photograph by {self.image.attribution}, cropped and set in motion. "
            f"Sound by {self.audio.attribution}, {'repeated' if self.loop else 'excerpt'}, level changed."
        )

    @property
    def notes(self) -> str:
        """What the clip is not."""
        sound = "the sound repeats" if self.loop else "the sound is one excerpt of a recording"
        notes = (
            f"A photograph with synthetic pan and zoom; {sound}. "
            "Photograph and sound are of different occasions: no true synchrony."
        )
        return f"{notes} {self.remark}".strip()


class Catalogue(_Strict):
    """All demo clips, the first of each class before the second of any."""

    clips: list[DemoClip]

    @cached_property
    def media(self) -> list[MediaFile]:
        """Each photo and sound once, in a fixed order."""
        return sorted({file for clip in self.clips for file in (clip.image, clip.audio)}, key=str)


def load_catalogue(path: Path = CATALOGUE) -> Catalogue:
    """Read and check the list of clips.

    Raises:
        MMABenchError: the file is missing or wrong; names the entry.
    """
    try:
        listed = _CatalogueFile.model_validate(parse_yaml(path.read_text(encoding="utf-8")))
        photos = {name: _media_file(entry, listed) for name, entry in listed.photos.items()}
        sounds = {name: _media_file(entry, listed) for name, entry in listed.sounds.items()}
        _check_unique(listed.clips)
        return Catalogue(clips=[_clip(entry, photos, sounds) for entry in listed.clips])
    except OSError as error:
        raise MMABenchError(f"cannot read the list of demo clips {path}: {error.strerror}") from error
    except ValidationError as error:
        raise MMABenchError(f"{path}: {first_fault(error)}; correct the entry") from error
    except ValueError as error:
        raise MMABenchError(f"{path}: {' '.join(str(error).split())}; correct the file") from error


def _media_file(entry: _FileEntry, listed: _CatalogueFile) -> MediaFile:
    name, _, file = entry.file.partition("/")
    collection = listed.collections.get(name)
    if collection is None:
        raise ValueError(f"{entry.file}: no collection is called {name!r}")
    inner = f"{collection.folder}/{file}"
    return MediaFile(
        package=collection.package,
        path=collection.archive or inner,
        member=inner if collection.archive else None,
        sha256=entry.sha256,
        licence=entry.licence or collection.licence or "",
        attribution=entry.attribution or collection.attribution or "",
    )


def _clip(entry: _ClipEntry, photos: dict[str, MediaFile], sounds: dict[str, MediaFile]) -> DemoClip:
    for kind, name, known in (("photo", entry.photo, photos), ("sound", entry.sound, sounds)):
        if name not in known:
            raise ValueError(f"clip {entry.name}: no {kind} is called {name!r}")
    fields = entry.model_dump(exclude={"photo", "sound"})
    return DemoClip(**fields, image=photos[entry.photo], audio=sounds[entry.sound])


def _check_unique(entries: list[_ClipEntry]) -> None:
    """Reject two clips with the same name, the same audio or overlapping excerpts."""
    names: set[str] = set()
    starts: dict[str, list[float]] = {}
    for entry in entries:
        if entry.name in names:
            raise ValueError(f"clip {entry.name} is listed twice")
        others = starts.setdefault(entry.sound, [])
        if others and (entry.loop or any(abs(entry.start_seconds - other) < SECONDS for other in others)):
            raise ValueError(f"clip {entry.name}: another clip has the sound {entry.sound!r}, or part of this excerpt")
        names.add(entry.name)
        others.append(entry.start_seconds)
