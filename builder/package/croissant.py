"""The parts of `croissant.json` that follow from the files: the distribution and the records in it."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel

from builder.package.seal import FileHashes
from mma_bench.dataset.columns import documentation
from mma_bench.schema import MEMBERS, Clip, Stimulus

_TYPES = {"string": "sc:Text", "double": "sc:Float", "int64": "sc:Integer", "bool": "sc:Boolean"}
_MEDIA = {
    "flac": ("audio/flac", "sc:AudioObject"),
    "json": ("application/json", "sc:Text"),
    "mp4": ("video/mp4", "sc:VideoObject"),
}
_TABLES: dict[str, type[BaseModel]] = {"clips": Clip, "stimuli": Stimulus}


def distribution(folder: Path, hashes: FileHashes) -> list[dict[str, Any]]:
    """Return the tables, the shards and their members."""
    shards = sorted(path.relative_to(folder).as_posix() for path in (folder / "data").rglob("*.tar"))
    tables = [(f"metadata/{name}.parquet", "application/x-parquet") for name in _TABLES]
    named = [*tables, *((name, "application/x-tar") for name in shards)]
    files = [
        {
            "@type": "cr:FileObject",
            "@id": name,
            "name": name,
            "contentUrl": name,
            "encodingFormat": encoding,
            "sha256": sha256,
        }
        for (name, encoding), sha256 in zip(named, hashes.of(name for name, _ in named), strict=True)
    ]
    members = [
        {
            "@type": "cr:FileSet",
            "@id": f"{member}-files",
            "name": f"{member}-files",
            "containedIn": [{"@id": name} for name in shards],
            "encodingFormat": _MEDIA[member][0],
            "includes": f"*.{member}",
        }
        for member in MEMBERS
    ]
    return [*files, *members] if shards else files


def record_sets(*, ids_only: bool) -> list[dict[str, Any]]:
    """Return the records of the tables (except columns that are lists) and of the members of the shards."""
    sets = [_table(name) for name in _TABLES]
    return sets if ids_only else sets + [_members(member) for member in MEMBERS]


def _table(name: str) -> dict[str, Any]:
    fields = []
    for column, kind, meaning in documentation(_TABLES[name]):
        top, _, inner = column.partition(".")
        if kind not in _TYPES or "[]" in column:
            continue
        source: dict[str, Any] = {"fileObject": {"@id": f"metadata/{name}.parquet"}, "extract": {"column": top}}
        if inner:
            source["transform"] = {"jsonPath": inner}
        fields.append(_field(f"{name}/{column.replace('.', '_')}", _TYPES[kind], meaning, source))
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "key": {"@id": fields[0]["@id"]}, "field": fields}


def _members(member: str) -> dict[str, Any]:
    files = {"fileSet": {"@id": f"{member}-files"}}
    key = {**files, "extract": {"fileProperty": "filename"}, "transform": {"regex": f"^(.+)\\.{member}$"}}
    content = {**files, "extract": {"fileProperty": "content"}}
    fields = [
        _field(f"{member}/key", "sc:Text", "name of the sample in its shard", key),
        _field(f"{member}/content", _MEDIA[member][1], f"the `{member}` member", content),
    ]
    return {"@type": "cr:RecordSet", "@id": member, "name": member, "key": {"@id": f"{member}/key"}, "field": fields}


def _field(name: str, kind: str, meaning: str, source: dict[str, Any]) -> dict[str, Any]:
    return {"@type": "cr:Field", "@id": name, "name": name, "description": meaning, "dataType": kind, "source": source}
