"""What follows from people's decisions: the store, the rule, the agreement, the build."""

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sklearn.metrics import cohen_kappa_score

from builder.manifest_file import Manifest, read_manifest
from builder.review.agreement import summary
from builder.review.items import ReviewItem, make_item, make_items, order_for
from builder.review.settings import ReviewSettings
from builder.review.stage import ReviewClips
from builder.review.store import Decision, DecisionStore, in_force
from mma_bench.errors import MMABenchError
from tests.builder.conftest import Build
from tests.conftest import run_builder


def decision(annotator: str, item: ReviewItem, said: str) -> Decision:
    return Decision.model_validate(
        {
            "annotator": annotator,
            "item_id": item.item_id,
            "clip_id": item.row.clip_id,
            "sound_clip_id": item.sound.clip_id,
            "decision": said,
            "blind": False,
        }
    )


def items_of(build: Build) -> list[ReviewItem]:
    return make_items(read_manifest(build.work / "verify" / "manifest.parquet"), attention=0.5, seed=0)


def test_the_build_follows_people_and_never_counts_attention_checks(verified: Build, tmp_path: Path) -> None:
    build = verified.copy(tmp_path)
    items = items_of(build)
    real = [item for item in items if not item.is_attention_check]
    checks = [item for item in items if item.is_attention_check]
    store = DecisionStore(build.work / "review")
    votes = {"ada_l": ["no", "yes", "yes"], "bob": ["no", "yes", "no"], "cyd": ["yes", "unsure", "unsure"]}
    for name, said in votes.items():
        for item, vote in zip(real, said, strict=False):
            store.append(decision(name, item, vote))
        for item in checks:
            store.append(decision(name, item, "no" if name == "ada_l" else "yes"))
    result = run_builder(*build.arguments())
    assert "rejected_by_people 1" in result.stdout
    rows = {row.clip_id: row for row in read_manifest(build.work / "review" / "manifest.parquet")}
    rejected, accepted, split, *others = [rows[item.row.clip_id] for item in real]
    assert (rejected.reason, rejected.detail) == ("rejected_by_people", "1 yes, 2 no, 0 unsure")
    assert split.reason == "people_disagree"
    assert accepted.verified_by == "cascade + 2 people"
    assert all(row.kept and row.verified_by == "cascade" for row in others)
    clips = {row["clip_id"]: row for row in pq.read_table(build.out / "metadata" / "clips.parquet").to_pylist()}
    assert clips[accepted.clip_id]["verified_by"] == "cascade + 2 people"
    assert rejected.clip_id not in clips
    assert not any(b"ada_l" in path.read_bytes() for path in (build.out / "metadata").iterdir()), "names are private"
    exported = list(csv.DictReader((build.work / "review" / "decisions.csv").read_text().splitlines()))
    assert len(exported) == 9
    found = json.loads(run_builder("review", "--work", str(build.work), "--json").stdout)
    assert found["annotators"]["ada_l"]["attention_passed"] == found["annotators"]["ada_l"]["attention_checks"] > 0
    assert found["annotators"]["bob"]["attention_passed"] == 0
    assert (found["agreement"]["measure"], found["agreement"]["clips"]) == ("Fleiss' kappa", 3)
    # Only who watched counts: ada's two yes and one no remain.
    verified_rows = Manifest(build.work / "verify" / "manifest.parquet")
    careful = ReviewClips(build.work / "review", ReviewSettings(min_attention=0.8)).run(verified_rows)
    assert {row.reason for row in careful if row.dropped_by == "review"} == {"rejected_by_people"}
    strict = ReviewClips(build.work / "review", ReviewSettings(required=True)).run(verified_rows)
    assert sum(row.reason == "not_reviewed" for row in strict) == len(others)


def test_attention_checks_have_another_sound_and_look_like_any_clip(verified: Build) -> None:
    items = items_of(verified)
    checks = [item for item in items if item.is_attention_check]
    assert len(checks) == -(-sum(row.kept for row in {i.row.clip_id: i.row for i in items}.values()) // 2)
    for item in checks:
        assert item.sound.audio_label not in {item.row.visual_label, item.row.audio_label}
        assert item.sound.audio_sha256 != item.row.audio_sha256
    assert {len(item.item_id) for item in items} == {24}
    assert items_of(verified) == items
    orders = [order_for(items, name, 0) for name in ("ada_l", "bob", "ada_l")]
    assert orders[0] == orders[2] != orders[1]


def test_undo_takes_back_and_a_damaged_line_is_named(tmp_path: Path, verified: Build) -> None:
    first, second = items_of(verified)[:2]
    store = DecisionStore(tmp_path)
    for item, said in ((first, "yes"), (second, "no"), (second, "undo"), (first, "no")):
        store.append(decision("ada_l", item, said))
    assert {item: made.decision for item, made in in_force(store.read())["ada_l"].items()} == {first.item_id: "no"}
    lines = store.path.read_bytes().splitlines(keepends=True)
    store.path.write_bytes(b"".join([lines[0], b"{}\n", *lines[2:]]))
    with pytest.raises(MMABenchError, match="line 2 is damaged"):
        store.read()


def test_kappa_is_cohens_for_two_and_fleiss_for_more(verified: Build) -> None:
    items = [make_item(row) for row in read_manifest(verified.work / "verify" / "manifest.parquet")][:6]
    ada, bob, cyd = (["yes", "yes", "no", "no", "unsure", "yes"], ["yes", "no", "no", "no", "yes", "yes"], ["yes"] * 6)

    def agreement(**said: list[str]) -> dict[str, object]:
        pairs = [(name, item, vote) for name, votes in said.items() for item, vote in zip(items, votes, strict=True)]
        made = [decision(*pair) for pair in pairs]
        found: dict[str, object] = summary(in_force(made))["agreement"]
        return found

    two = agreement(ada=ada, bob=bob)
    assert two["measure"] == "Cohen's kappa"
    assert two["kappa"] == pytest.approx(cohen_kappa_score(ada, bob))
    assert two["unanimous"] == 4
    # By hand: agreeing pairs a clip 1, 1/3, 1/3, 1/3, 1/3, 1; shares 12/18, 5/18, 1/18.
    expected = (10 / 18 - 170 / 324) / (1 - 170 / 324)
    assert agreement(ada=ada, bob=bob, cyd=cyd)["kappa"] == pytest.approx(expected)
    assert agreement(ada=["yes"] * 6, bob=["yes"] * 6)["kappa"] is None


def test_what_cannot_be_reviewed_is_one_line(tmp_path: Path) -> None:
    result = run_builder("review", "--work", str(tmp_path), check=False)
    assert result.returncode == 2
    assert "has no clips to review" in result.stderr
