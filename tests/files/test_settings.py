"""A wrong setting is named where it was written, with the name that was probably meant."""

from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mma_bench import MMABenchError
from mma_bench.errors import unknown
from mma_bench.files.faults import first_fault
from mma_bench.files.settings import read_settings
from tests.conftest import ROOT


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Folder(Part):
    kind: Literal["folder"]
    csv: str


class Demo(Part):
    kind: Literal["demo"]
    limit: int = 1


class Point(Part):
    from_step: int = 0
    clips: dict[str, int]


class Config(Part):
    seed: int = 0
    tracker: Literal["tensorboard", "none"] = "none"
    source: Folder | Demo = Field(discriminator="kind")
    mix: tuple[Point, ...] = ()
    later: Point | None = None


FILE = "source: {kind: folder, csv: clips.csv}\n"


def fault(path: Path, content: str, *overrides: str) -> str:
    path.write_text(content)
    with pytest.raises(MMABenchError) as caught:
        read_settings(Config, path, overrides, example="right.yaml", override="seed=1")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("source.cvs=x", "source.cvs: there is no such setting; did you mean 'csv'?"),
        ("sourse.csv=x", "sourse: there is no such setting; did you mean 'source'?"),
        ("source.kind=foldr", "source.kind: unknown value 'foldr'; did you mean 'folder'? Known: folder, demo"),
        ("tracker=tensorbord", "tracker: unknown value 'tensorbord'; did you mean 'tensorboard'?"),
        ("mix=[{clip: {a: 1}}]", "mix.0.clip: there is no such setting; did you mean 'clips'?"),
        ("later={from_stp: 1}", "later.from_stp: there is no such setting; did you mean 'from_step'?"),
        ("seed=abc", "seed: Input should be a valid integer"),
        ("seed", "write it as NAME=VALUE, such as --set seed=1"),
        ("=1", "write it as NAME=VALUE"),
        ("a..b=1", "write it as NAME=VALUE"),
        ("source.kind.x=1", "kind is a value, not a group of settings"),
        ("seed=[", "the value is not valid YAML"),
    ],
)
def test_an_override_is_blamed_for_its_own_fault(override: str, message: str, tmp_path: Path) -> None:
    found = fault(tmp_path / "config.yaml", FILE, override)
    assert found.startswith(f"--set {override}: ")
    assert message in found
    assert "config.yaml" not in found


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("source: {kind: folder, cvs: x}\n", "source.cvs: there is no such setting; did you mean 'csv'?"),
        ("source: {kind: folder}\n", "source.csv: this setting is required"),
        ("source: {csv: x}\n", "source.kind: this setting is required"),
        (f"{FILE}seed: abc\n", "seed: Input should be a valid integer"),
        ("- a list\n", "a configuration is a YAML mapping, such as right.yaml"),
        ("a: [\n", "cannot read the configuration"),
    ],
)
def test_a_file_is_blamed_for_its_own_fault_whatever_is_set(content: str, message: str, tmp_path: Path) -> None:
    found = fault(tmp_path / "config.yaml", content, "tracker=none")
    assert "config.yaml" in found
    assert "--set" not in found
    assert message in found


def test_the_last_of_several_overrides_is_blamed(tmp_path: Path) -> None:
    assert fault(tmp_path / "c.yaml", FILE, "seed=1", "seed=x", "seed=y").startswith("--set seed=y:")


def test_a_right_override_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(f"{FILE}seed: abc\n")
    overrides = ("seed=3", "later.clips.aligned=2")
    config = read_settings(Config, tmp_path / "c.yaml", overrides, example="", override="")
    assert config.seed == 3
    assert config.later
    assert config.later.clips == {"aligned": 2}


@pytest.mark.parametrize(
    ("name", "meant"), [("Algined", "aligned"), ("misalinged", "misaligned"), ("frames_zero", "frames_zeroed")]
)
def test_a_name_that_is_nearly_right_is_suggested(name: str, meant: str) -> None:
    known = ["aligned", "misaligned", "frames_zeroed"]
    assert f"did you mean {meant!r}?" in unknown("unknown condition", name, known)


def test_nothing_is_suggested_where_nothing_is_close() -> None:
    assert unknown("unknown model", "zzz", ["cascade", "gemini"]) == "unknown model 'zzz'; known: cascade, gemini"


@pytest.mark.parametrize("name", ["robust", "alignment", "tiny"])
def test_tuning_reads_its_configurations_by_the_same_rules(name: str) -> None:
    from mma_bench.tuning.settings import read_settings as read_tuning

    path = ROOT / "mma_bench" / "tuning" / "configs" / f"{name}.yaml"
    assert read_tuning(path, ["train.steps=3"]).train.steps == 3
    with pytest.raises(MMABenchError, match=r"^--set train\.stps=3: train\.stps: .* did you mean 'steps'"):
        read_tuning(path, ["train.stps=3"])
    with pytest.raises(MMABenchError, match=r"^--set data\.mix=.*did you mean 'aligned'"):
        read_tuning(path, ["data.mix=[{clips: {algined: 1}}]"])


def test_data_has_fields_and_settings_are_settings() -> None:
    with pytest.raises(ValidationError) as found:
        Config.model_validate({"source": {"kind": "folder"}})
    assert str(first_fault(found.value, Config)) == "source.csv: this setting is required"
    assert str(first_fault(found.value)) == "source.folder.csv: this field is required"


def test_the_message_of_a_fault_does_not_repeat_the_value() -> None:
    with pytest.raises(ValidationError) as found:
        Config.model_validate({"source": {"kind": "folder", "csv": "x"}, "tracker": "sk-secret"})
    assert "sk-secret" in first_fault(found.value).problem
    assert "sk-secret" not in first_fault(found.value).message
