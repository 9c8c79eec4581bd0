"""How many clips each stage kept, and why it dropped the others."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from builder.manifest import ManifestRow


def availability(rows: Sequence[ManifestRow]) -> list[dict[str, Any]]:
    """Return for each class how many of its candidates could be fetched, and why the others could not be."""
    asked = [row for row in rows if row.dropped_by != "select"]
    classes = []
    for label in sorted({row.visual_label for row in asked}):
        reasons = Counter(row.reason or "" for row in asked if row.visual_label == label and row.dropped_by == "fetch")
        candidates = sum(row.visual_label == label for row in asked)
        entry = {"class": label, "candidates": candidates, "available": candidates - reasons.total()}
        classes.append({**entry, "failures": dict(sorted(reasons.items()))})
    return classes


def funnel(rows: Sequence[ManifestRow], names: Sequence[str]) -> list[dict[str, Any]]:
    """Return for each stage of ``names`` how many clips came in, how many it kept, and the reasons for the rest."""
    stages = []
    left = len(rows)
    for stage in names:
        reasons = Counter(row.reason or "" for row in rows if row.dropped_by == stage)
        kept = left - reasons.total()
        stages.append({"stage": stage, "in": left, "kept": kept, "dropped": dict(sorted(reasons.items()))})
        left = kept
    return stages
