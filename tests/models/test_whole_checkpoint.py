"""A checkpoint for servers is written whole or not at all, and wrong input is one line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

NAMES = ("config.json", "tokenizer_config.json", "preprocessor_config.json", "video_preprocessor_config.json")


def written(base: Path, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "scripts/servers/whole_checkpoint.py", str(base), str(folder), *more]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A thinker's folder as far as it is looked at before anything heavy is imported."""
    made = tmp_path / "base"
    made.mkdir()
    for name in NAMES:
        (made / name).write_text('{"image_token_index": 1, "vision_config": {}}')
    (made / "model.safetensors").touch()
    return made


def test_wrong_input_is_one_line_and_nothing_is_written(base: Path, tmp_path: Path) -> None:
    folder, taken = tmp_path / "new", tmp_path / "taken"
    taken.mkdir()
    (taken / "mine").touch()
    other = tmp_path / "other"
    other.mkdir()
    sharded = tmp_path / "sharded"
    sharded.mkdir()
    for name in NAMES:
        (sharded / name).write_text((base / name).read_text())
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (sharded / "model.safetensors.index.json").write_text(json.dumps(index))
    (sharded / "model-1.safetensors").touch()
    for source, target, more, message in (
        (tmp_path / "none", folder, (), "is not a folder"),
        (other, folder, (), "has no config.json"),
        (sharded, folder, (), "has no model-2.safetensors"),
        (base, taken, (), "exists already"),
        (base, base / "config.json", (), "exists already"),
        (base, folder, ("--pixels", "0"), "--pixels 0"),
    ):
        ended = written(source, target, *more)
        assert ended.returncode == 2
        assert ended.stderr.startswith("error: "), ended.stderr
        assert ended.stderr.count("\n") == 1
        assert message in ended.stderr
    assert [path.name for path in taken.iterdir()] == ["mine"]
    assert {path.name for path in tmp_path.iterdir()} == {"base", "taken", "other", "sharded"}


def test_what_fails_midway_leaves_nothing(base: Path, tmp_path: Path) -> None:
    ended = written(base, tmp_path / "deep" / "new")  # no tokenizer
    assert ended.returncode == 2
    assert ended.stderr.strip().splitlines()[-1].startswith("error: ")
    assert "Traceback" not in ended.stderr
    assert not list((tmp_path / "deep").iterdir())
