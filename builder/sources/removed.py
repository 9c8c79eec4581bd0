"""Leave out clips that were removed for good, before anything of them is fetched."""

from collections.abc import Iterable, Iterator

from builder.manifest import ManifestRow
from mma_bench.dataset.removed import RemovedIds


def leave_out_removed(rows: Iterable[ManifestRow], removed: RemovedIds) -> Iterator[ManifestRow]:
    """Yield ``rows`` with the removed ones dropped, with the reason."""
    for row in rows:
        if row.kept and (row.clip_id in removed or (row.youtube_id or "") in removed):
            yield row.drop("select", "removed", "it is in removed_ids.txt")
        else:
            yield row
