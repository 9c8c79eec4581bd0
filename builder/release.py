"""The stage `release`: leave out what may not be published, before partners are chosen among the rest."""

import re
from collections.abc import Sequence

from builder.manifest import ManifestRow
from builder.package.settings import LicenceMode
from mma_bench.removed import RemovedIds

_FREE = re.compile(
    r"(cc0|cc-by|cc-by-sa|cc-by-nc|cc-by-nc-sa|cc-pddc)(-[0-9.]+)?(-[a-z]{2,3})?"
    r"|public domain|pddl-1\.0"
    r"|creative commons attribution licen[cs]e \(reuse allowed\)",  # as YouTube names CC-BY 3.0
    re.IGNORECASE,
)


def leave_out_removed(rows: Sequence[ManifestRow], removed: RemovedIds) -> list[ManifestRow]:
    """Return ``rows`` with the removed ones dropped, before anything of them is fetched again."""
    return [
        row.drop("select", "removed", "it is in removed_ids.txt")
        if row.kept and (row.clip_id in removed or (row.youtube_id or "") in removed)
        else row
        for row in rows
    ]


def release_rows(rows: Sequence[ManifestRow], mode: LicenceMode) -> list[ManifestRow]:
    """Return ``rows`` with those dropped whose licence ``mode`` does not admit."""
    return [
        row.drop("release", "licence", f"{row.licence!r} does not allow altered copies to be published")
        if row.kept and mode == "cc-only" and not is_creative_commons(row.licence)
        else row
        for row in rows
    ]


def is_creative_commons(licence: str) -> bool:
    """Return whether all parts of a licence, such as `video: CC0-1.0; audio: CC-BY-4.0`, allow altered copies.

    Licences without derivatives (ND) do not: clips are cut, cropped and encoded again.
    """
    parts = [re.sub(r"^\s*(video|audio)\s*:", "", part).strip() for part in licence.split(";")]
    return all(_FREE.fullmatch(part) for part in parts)
