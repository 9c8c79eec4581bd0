"""The stage `release`: drop what may not be published before partners are chosen from the rest."""

from collections.abc import Sequence

from builder.licences import is_creative_commons
from builder.manifest import ManifestRow
from builder.package.settings import LicenceMode
from mma_bench.dataset.removed import RemovedIds


def leave_out_removed(rows: Sequence[ManifestRow], removed: RemovedIds) -> list[ManifestRow]:
    """Return ``rows`` with the removed clips dropped, before any of their media is fetched again."""
    return [
        row.drop("select", "removed", "it is in removed_ids.txt")
        if row.kept and (row.clip_id in removed or (row.youtube_id or "") in removed)
        else row
        for row in rows
    ]


def release_rows(rows: Sequence[ManifestRow], mode: LicenceMode) -> list[ManifestRow]:
    """Return ``rows`` with the clips dropped whose licence ``mode`` does not allow."""
    return [
        row.drop("release", "licence", f"{row.licence!r} does not allow altered copies to be published")
        if row.kept and mode == "cc-only" and not is_creative_commons(row.licence)
        else row
        for row in rows
    ]
