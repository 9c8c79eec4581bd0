"""The trials in short: damaged and hostile media, kills, and bad disks."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.disks import disk_trial, may_mount, removal_trial, twice_trial
from tests.faults.hub import upload_trial
from tests.faults.kills import kill_trial
from tests.faults.media import LARGEST, media_trial
from tests.faults.reviews import review_trial
from tests.faults.targets import evaluation, exporting, reporting, rescoring
from tests.models.endpoint_server import EndpointServer


def test_every_damaged_or_hostile_file_is_kept_or_has_its_reason(tmp_path: Path) -> None:
    found = media_trial(tmp_path, 28)
    assert found.calls == [], "a file made the builder open an address"
    assert found.unaccounted == []
    assert found.outcome.code == 0, found.outcome.said
    assert "Traceback" not in found.outcome.said
    assert found.outcome.memory < LARGEST
    assert "internal_error" not in found.reasons
    assert found.kept >= 5
    assert sum(found.reasons.values()) >= 14
    assert b"nobody may read this" not in b"".join(p.read_bytes() for p in (tmp_path / "out").rglob("*.tar"))


def test_kills_lose_nothing(small_dataset: Path, endpoint: EndpointServer, tmp_path: Path) -> None:
    endpoint.behaviour.delay = 0.03
    asked = evaluation(small_dataset, endpoint.openai)
    for target in (exporting(small_dataset), asked):
        found = kill_trial(target, 2, tmp_path / target.name)
        assert found.wrong == []
        assert found.kills == 2
    assert review_trial(2, tmp_path / "review").wrong == []
    assert upload_trial(small_dataset, 1, tmp_path / "upload").wrong == []
    run = tmp_path / asked.name / "undisturbed" / "run"
    for target in (rescoring(run, small_dataset), reporting(run, small_dataset)):
        assert kill_trial(target, 1, tmp_path / target.name).wrong == []


def test_a_trial_sees_what_is_lost(small_dataset: Path, endpoint: EndpointServer, tmp_path: Path) -> None:
    """A command that starts over after every kill is noticed, although it ends in the same answers."""
    endpoint.behaviour.delay = 0.03
    asked = evaluation(small_dataset, endpoint.openai)
    careless = replace(asked, arguments=lambda folder: [*asked.arguments(folder), "--overwrite"])
    assert any("a kill lost" in wrong for wrong in kill_trial(careless, 4, tmp_path, seed=2903).wrong)


def test_bad_disks_end_in_one_line_and_lose_nothing(small_dataset: Path, tmp_path: Path) -> None:
    target = exporting(small_dataset)
    whole = kill_trial(target, 0, tmp_path / "timing")
    expected = target.results(tmp_path / "timing" / "undisturbed")
    assert expected
    assert removal_trial(target, tmp_path, whole.seconds * 0.7).wrong == []
    assert twice_trial(target, tmp_path, expected).wrong == []
    if not may_mount():
        pytest.skip("needs the right to mount a small file system")
    assert disk_trial(target, tmp_path, expected, ("0", "100000")).wrong == []
