"""The card, the Croissant description, `eval.yaml`, licence and changes: valid, and true."""

import json
from pathlib import Path

import mlcroissant as mlc
import pyarrow.parquet as pq
import yaml
from huggingface_hub import DatasetCard
from PIL import Image

from tests.conftest import run_builder, settings


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
    assert "encoded again" in (small_dataset / "CHANGES.md").read_text()
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
