"""The card, the Croissant description, `eval.yaml`, licence and changes: valid, and true."""

import json
import os
import shutil
from pathlib import Path

import mlcroissant as mlc
import pyarrow.parquet as pq
import pytest
import yaml
from huggingface_hub import DatasetCard
from mlcroissant._src.core import constants
from PIL import Image

from mma_bench.files.hashing import sha256_bytes
from tests.conftest import run_builder, settings


@pytest.fixture
def croissant_cache() -> Path:
    """Where mlcroissant keeps what it unpacks: below the home folder of the tests."""
    folder = Path(os.fspath(constants.CROISSANT_CACHE))
    assert folder.is_relative_to(Path.home())
    return folder


def test_the_card_says_what_a_reader_must_know(small_dataset: Path) -> None:
    card = DatasetCard.load(small_dataset / "README.md")
    assert card.data.license == "other"
    assert {config["config_name"] for config in card.data.configs} >= {"all", "aligned", "misaligned"}
    for title in (
        "Intended use",
        "Composition",
        "Classes",
        "Known biases",
        "How it was made",
        "Licences and attribution",
        "How to cite",
        "How to ask for removal",
    ):
        assert f"## {title}\n" in card.text
    assert "figures/composition.png" in card.text
    with Image.open(small_dataset / "figures" / "composition.png") as figure:
        assert figure.width > 600
    assert "re-encoded as H.264" in (small_dataset / "CHANGES.md").read_text()
    assert "as the demo: 8 clips" in (small_dataset / "LICENSE").read_text()
    tasks = yaml.safe_load((small_dataset / "eval.yaml").read_text())["tasks"]
    assert {"id": "misaligned", "config": "misaligned", "split": "test"} in tasks


def test_croissant_is_valid_and_its_records_are_the_data(small_dataset: Path) -> None:
    text = json.loads((small_dataset / "croissant.json").read_text())
    assert "http://mlcommons.org/croissant/1.1" in text["conformsTo"]
    assert all(text[f"rai:{name}"] for name in ("dataBiases", "dataCollection", "personalSensitiveInformation"))
    dataset = mlc.Dataset(str(small_dataset / "croissant.json"))
    issues = dataset.metadata.ctx.issues
    assert not issues.errors
    assert [issue for issue in issues.warnings if "datePublished" not in issue] == []
    stimuli = {row["key"]: row for row in pq.read_table(small_dataset / "metadata" / "stimuli.parquet").to_pylist()}
    records = list(dataset.records("stimuli"))
    assert {record["stimuli/key"].decode(): record["stimuli/audio_sha256"].decode() for record in records} == {
        key: row["audio"]["sha256"] for key, row in stimuli.items()
    }
    for record in dataset.records("json"):
        assert json.loads(record["json/content"])["key"] == record["json/key"].decode()
    sounds = list(dataset.records("flac"))
    assert len(sounds) == len(stimuli)
    assert all(record["flac/content"].startswith(b"fLaC") for record in sounds)


def test_two_versions_on_one_machine_give_their_own_croissant_records(
    small_config: Path, small_dataset: Path, croissant_cache: Path, tmp_path: Path
) -> None:
    """What mlcroissant has unpacked under a path it never unpacks again, whatever the content has become."""
    work, second = tmp_path / "work", tmp_path / "mma-bench"
    shutil.copytree(small_dataset.parent / "work", work)
    places = ["--work", str(work), "--out", str(second)]
    run_builder("run", "--config", str(small_config), *places, *settings("seed=1"))
    sounds = []
    for folder in (small_dataset, second, small_dataset):
        stimuli = {row["key"]: row for row in pq.read_table(folder / "metadata" / "stimuli.parquet").to_pylist()}
        records = mlc.Dataset(str(folder / "croissant.json")).records("flac")
        found = {record["flac/key"].decode(): sha256_bytes(record["flac/content"]) for record in records}
        assert found == {key: row["audio"]["sha256"] for key, row in stimuli.items()}
        sounds.append(found)
    assert sounds[0] != sounds[1]
    assert any((croissant_cache / "extract").iterdir())


def test_a_croissant_description_of_ids_with_a_date_has_no_warning(
    small_config: Path, small_dataset: Path, tmp_path: Path
) -> None:
    changes = settings("package.licence_mode=ids-only", "package.date_published=2026-11-21", "package.hub_name=a/b")
    work = ["--work", str(small_dataset.parent / "work")]
    run_builder("run", "--config", str(small_config), *work, "--out", str(tmp_path / "ids"), *changes)
    dataset = mlc.Dataset(str(tmp_path / "ids" / "croissant.json"))
    assert not dataset.metadata.ctx.issues.errors
    assert not dataset.metadata.ctx.issues.warnings
    assert len(list(dataset.records("clips"))) == 8
