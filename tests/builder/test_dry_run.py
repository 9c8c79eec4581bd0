"""`run --dry-run` says what a build would do and what would go wrong, and touches nothing."""

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from builder.cli import main
from mma_bench import MMABenchError, models
from mma_bench.console.dry_run import check_space

CONFIG = "source: {kind: folder, csv: CSV}\nassemble: {noise_letters: 100}\n"


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """A folder with a list of three clips: one is there, one is empty and one is missing."""
    folder = tmp_path / "clips"
    folder.mkdir()
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=s=64x64:d=1", str(folder / "a.mp4")]
    subprocess.run(command, check=True)
    (folder / "empty.mp4").touch()
    (folder / "clips.csv").write_text("file,label\na.mp4,Dog\nempty.mp4,Cat\nmissing.mp4,Cat\n")
    return folder


def plan(clips: Path, *overrides: str) -> Result:
    config = clips.parent / "config.yaml"
    config.write_text(CONFIG.replace("CSV", str(clips / "clips.csv")))
    arguments = [
        "run",
        "--config",
        str(config),
        "--work",
        str(clips.parent / "work"),
        "--out",
        str(clips.parent / "out"),
    ]
    return CliRunner().invoke(main, [*arguments, "--dry-run", *(f"--set={override}" for override in overrides)])


def test_missing_and_empty_files_are_named_before_anything_is_decoded(clips: Path) -> None:
    result = plan(clips)
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        f"error: {clips}/empty.mp4: empty.mp4 has no bytes; the build would drop this clip",
        f"error: {clips}/missing.mp4: missing.mp4 does not exist; the build would drop this clip",
    ]
    assert "1 of 3 files exist" in result.stdout
    assert "2 classes: Cat, Dog" in result.stdout
    assert "work folder" in result.stdout
    assert not {"work", "out"} & {path.name for path in clips.parent.iterdir()}


def test_a_disk_that_is_too_small_is_foreseen(clips: Path) -> None:
    rows = [f"a.mp4,{'Cat' if i % 2 else 'Dog'},{i}" for i in range(5000)]
    (clips / "clips.csv").write_text("\n".join(["file,label,start_seconds", *rows, ""]))
    result = plan(clips, "normalise.seconds=3600", "normalise.size=4096")  # some 200 TB
    assert result.exit_code == 2
    assert any(line.startswith("error: ") and "needs about" in line for line in result.stderr.splitlines())


def test_a_sound_list_passes(clips: Path) -> None:
    for name in ("empty.mp4", "missing.mp4"):
        (clips / name).write_bytes((clips / "a.mp4").read_bytes())
    result = plan(clips)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "dry run: no problem found, nothing was written"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("source.classes=[Dog, Bird]", "empty.mp4: Cat is not among the class names"),
        ("assemble.conditions=[algined]", "unknown condition 'algined'; did you mean 'aligned'?"),
        ("verify.model=cascad", "unknown model 'cascad'; did you mean 'cascade'?"),
        ("verify.model=transformers:/nowhere", "there is no folder /nowhere"),
        ("source.csv=/nowhere.csv", "cannot read the list of clips /nowhere.csv"),
    ],
)
def test_what_would_stop_a_build_is_found_without_a_network(override: str, message: str, clips: Path) -> None:
    result = plan(clips, override)
    assert result.exit_code == 2
    assert any(line.startswith("error: ") and message in line for line in result.stderr.splitlines()), result.stderr


def test_without_ffmpeg_a_build_would_not_begin(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert "error: ffmpeg is not installed" in plan(clips).stderr


def test_clips_that_a_mirror_lacks_are_counted(tmp_path: Path) -> None:
    (tmp_path / "mirror").mkdir()
    config = tmp_path / "config.yaml"
    config.write_text(f"source: {{kind: audioset, preset: official, mirror: {tmp_path / 'mirror'}}}\n")
    folders = ["--work", str(tmp_path / "work"), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(main, ["run", "--config", str(config), *folders, "--dry-run"])
    assert result.exit_code == 2
    assert "658 of 658 clips are not in the mirror" in result.stderr


def test_a_folder_that_cannot_be_made_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MMABenchError, match="is a file; choose another folder"):
        check_space(tmp_path / "file" / "work", 1, "work folder")


def test_a_checkpoint_without_a_configuration_is_none(tmp_path: Path) -> None:
    with pytest.raises(MMABenchError, match="so it is not a checkpoint"):
        models.preview(f"transformers:{tmp_path}", {})
    assert "to be downloaded" in models.preview("transformers:nobody/no-such-model", {})
