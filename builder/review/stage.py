"""Apply people's decisions to the manifest."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from builder.manifest import ManifestRow, read_manifest, write_manifest
from builder.review.agreement import attention_share
from builder.review.items import make_item
from builder.review.settings import ReviewSettings
from builder.review.store import Decision, DecisionStore, in_force
from mma_bench.files.atomic import write_text
from mma_bench.files.text import csv_text


def run_review(settings: ReviewSettings, work: Path, source: Path) -> list[ManifestRow]:
    """Write `review/manifest.parquet` from the manifest ``source`` and return its rows.

    Next to it, `review/decisions.csv` lists the decisions that count, without attention checks.
    """
    folder = work / "review"
    rows = read_manifest(source)
    standing = {
        name: decisions
        for name, decisions in in_force(DecisionStore(folder).read()).items()
        if (share := attention_share(decisions)) is None or share >= settings.min_attention
    }
    reviewed = [_reviewed(row, standing, settings) if row.kept else row for row in rows]
    _write_decisions(folder / "decisions.csv", standing)
    write_manifest(folder / "manifest.parquet", reviewed)
    return reviewed


def _reviewed(
    row: ManifestRow, standing: Mapping[str, Mapping[str, Decision]], settings: ReviewSettings
) -> ManifestRow:
    item_id = make_item(row).item_id
    votes = Counter(decisions[item_id].decision for decisions in standing.values() if item_id in decisions)
    yes, no = votes["yes"], votes["no"]
    counted = row.changed(people_yes=yes, people_no=no, people_unsure=votes["unsure"]) if votes else row
    detail = f"{yes} yes, {no} no, {votes['unsure']} unsure"
    if no > yes:
        return counted.drop("review", "rejected_by_people", detail)
    if yes == no and yes and settings.on_disagreement == "drop":
        return counted.drop("review", "people_disagree", detail)
    if not yes and settings.required:
        return counted.drop("review", "not_reviewed", detail)
    return counted


def _write_decisions(path: Path, standing: Mapping[str, Mapping[str, Decision]]) -> None:
    rows = sorted(
        [decision.clip_id, name, decision.decision, str(decision.blind).lower()]
        for name, decisions in standing.items()
        for decision in decisions.values()
        if not decision.is_attention_check
    )
    write_text(path, csv_text(["clip_id", "annotator", "decision", "blind"], rows))
