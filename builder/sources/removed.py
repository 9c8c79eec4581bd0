"""Leave out clips that were removed for good, before anything of them is fetched."""

from collections.abc import Sequence

from builder.manifest import ManifestRow
from mma_bench.dataset.removed import RemovedIds


def leave_out_removed(rows: Sequence[ManifestRow], removed: RemovedIds) -> list[ManifestRow]:
    """Return ``rows`` with the removed ones dropped, with the reason."""
    return [
        row.drop("select", "removed", "it is in removed_ids.txt")
        if row.kept and (row.clip_id in removed or (row.youtube_id or "") in removed)
        else row
        for row in rows
    ]
