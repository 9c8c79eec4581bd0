"""The stage `release`: drop what may not be published before partners are chosen from the rest."""

from collections.abc import Sequence

from builder.licences import is_creative_commons
from builder.manifest import ManifestRow
from builder.package.settings import LicenceMode


def release_rows(rows: Sequence[ManifestRow], mode: LicenceMode) -> list[ManifestRow]:
    """Return ``rows`` with the clips dropped whose licence ``mode`` does not allow."""
    return [
        row.drop("release", "licence", f"{row.licence!r} does not allow altered copies to be published")
        if row.kept and mode == "cc-only" and not is_creative_commons(row.licence)
        else row
        for row in rows
    ]
