"""A dry run finds what the run would refuse, and loads no weights."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mma_bench.cli import main
from mma_bench.interference.run import interfere
from mma_bench.models.cascade.text_matcher import TextMatcher
from tests.conftest import tree


def dry(data: Path, run: Path, *options: str, model: str = "baseline:visual-only") -> Result:
    """Return what a dry run prints."""
    command = ["interference", "--data", str(data), "--model", model, "--run", str(run), "--limit", "2", "--dry-run"]
    return CliRunner().invoke(main, [*command, *options])


def test_another_folder_protocol_or_run_is_found_before_anything_is_asked(photos: Path, tmp_path: Path) -> None:
    run, other = tmp_path / "run", tmp_path / "other"
    for folder in (run, other):
        interfere("baseline:visual-only", photos, run=folder, limit=2, progress=False)
    before = tree(tmp_path)
    assert dry(photos, run).exit_code == 0
    assert dry(photos, run, "--against", str(other)).exit_code == 0
    for options, model, message in (
        ((), "baseline:random", "holds answers of baseline:visual-only"),
        (("--set", "seed=1"), "baseline:visual-only", "choose another --run, or --overwrite"),
        (("--intervention", "noise_sound"), "baseline:visual-only", "choose another --run, or --overwrite"),
        (("--against", str(run)), "baseline:visual-only", "is the run itself"),
        (("--against", str(photos)), "baseline:visual-only", "is not a run of interventions"),
    ):
        result = dry(photos, run, *options, model=model)
        assert result.exit_code == 2, options
        assert message in result.output, options
    assert dry(photos, run, "--set", "seed=1", "--overwrite").exit_code == 0
    result = dry(photos, tmp_path / "new", "--set", "seed=1", "--against", str(other))
    assert (result.exit_code, "asked other questions" in result.output) == (2, True)
    result = dry(photos, photos)
    assert (result.exit_code, "is not a run of interventions; choose another folder" in result.output) == (2, True)
    result = dry(photos, tmp_path / "new", "--protocol", str(tmp_path / "none.yaml"))
    assert (result.exit_code, "there is no protocol" in result.output) == (2, True)
    assert tree(tmp_path) == before


def test_hard_distractors_are_not_chosen_in_a_dry_run(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loads(*arguments: object, **options: object) -> None:
        raise AssertionError("a dry run loaded the text model")

    monkeypatch.setattr(TextMatcher, "__init__", loads)
    result = dry(photos, tmp_path / "run", "--set", "distractors=hard")
    assert result.exit_code == 0, result.output
    assert "hard distractors: chosen by the names" in result.output
    assert "silence: not made for 2 questions" in result.output
    assert not (tmp_path / "run").exists()
