"""The `review` stage: apply people's decisions."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from builder.manifest import ManifestRow, People
from builder.manifest_file import Manifest
from builder.review.agreement import attention_share
from builder.review.items import make_item
from builder.review.settings import ReviewSettings
from builder.review.store import Decision, DecisionStore, in_force
from builder.stage import WholeStage
from mma_bench.files.atomic import write_text
from mma_bench.files.hashing import sha256_file
from mma_bench.files.text import csv_text

if TYPE_CHECKING:
    from builder.run import Build


class ReviewClips(WholeStage):
    """Count people's votes on each clip, and drop the clips that they reject.

    Writes `decisions.csv`, the decisions that count, without attention checks.
    """

    name = "review"
    only_rows = True

    def __init__(self, folder: Path, settings: ReviewSettings) -> None:
        super().__init__(folder, settings)
        self.rules = settings

    @classmethod
    def of(cls, job: "Build") -> Self:
        """Return the stage as ``job`` needs it."""
        return cls(job.folder(cls.name), job.config.review)

    def inputs(self) -> Any:
        """Return the hash of all decisions, which people make at any time."""
        decisions = DecisionStore(self.folder).path
        return sha256_file(decisions) if decisions.is_file() else None

    def files(self) -> list[Path]:
        """Return the table of decisions."""
        return [self.folder / "decisions.csv"]

    def run(self, clips: Manifest) -> Iterator[ManifestRow]:
        """Return ``clips`` with the votes of those who watched."""
        standing = {
            name: decisions
            for name, decisions in in_force(DecisionStore(self.folder).read()).items()
            if (share := attention_share(decisions)) is None or share >= self.rules.min_attention
        }
        _write_decisions(self.folder / "decisions.csv", standing)
        return (_reviewed(row, standing, self.rules) for row in clips)


def _reviewed(
    row: ManifestRow, standing: Mapping[str, Mapping[str, Decision]], settings: ReviewSettings
) -> ManifestRow:
    item_id = make_item(row).item_id
    votes = Counter(decisions[item_id].decision for decisions in standing.values() if item_id in decisions)
    yes, no = votes["yes"], votes["no"]
    counted = row.changed(people=People(yes=yes, no=no, unsure=votes["unsure"])) if votes else row
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
