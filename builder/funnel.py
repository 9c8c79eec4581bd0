"""How many clips each stage kept, and why it dropped the others."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from builder.manifest_file import Manifest


@dataclass(frozen=True)
class Funnel:
    """The rows of a manifest, counted.

    Attributes:
        rows: number of all clips.
        reasons: dropped clips by (stage, reason).
    """

    rows: int
    reasons: Counter[tuple[str, str]]

    @classmethod
    def of(cls, manifest: Manifest) -> Self:
        """Count the rows of ``manifest``."""
        rows, reasons = 0, Counter[tuple[str, str]]()
        for table in manifest.tables(["dropped_by", "reason"]):
            rows += len(table)
            for group in table.group_by(["dropped_by", "reason"]).aggregate([([], "count_all")]).to_pylist():
                if group["dropped_by"] is not None:
                    reasons[group["dropped_by"], group["reason"] or ""] += group["count_all"]
        return cls(rows, reasons)

    def stages(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """Return for each stage of ``names`` how many clips came in, how many it kept, and the reasons for the rest."""
        stages = []
        left = self.rows
        for stage in names:
            dropped = {reason: count for (by, reason), count in sorted(self.reasons.items()) if by == stage}
            kept = left - sum(dropped.values())
            stages.append({"stage": stage, "in": left, "kept": kept, "dropped": dropped})
            left = kept
        return stages


def availability(manifest: Manifest) -> list[dict[str, Any]]:
    """Return for each class how many of its candidates could be fetched, and why the others could not be."""
    candidates: Counter[str] = Counter()
    failures: dict[str, Counter[str]] = {}
    for table in manifest.tables(["visual_label", "dropped_by", "reason"]):
        columns = ["visual_label", "dropped_by", "reason"]
        for group in table.group_by(columns).aggregate([([], "count_all")]).to_pylist():
            label, stage = group["visual_label"], group["dropped_by"]
            if stage != "select":
                candidates[label] += group["count_all"]
                failed = failures.setdefault(label, Counter())
                if stage == "fetch":
                    failed[group["reason"] or ""] += group["count_all"]
    return [
        {
            "class": label,
            "candidates": candidates[label],
            "available": candidates[label] - failures[label].total(),
            "failures": dict(sorted(failures[label].items())),
        }
        for label in sorted(candidates)
    ]
