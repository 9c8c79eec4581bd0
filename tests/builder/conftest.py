"""A build of real clips, verified by the cascade, that the tests of `verify` and `review` share."""

import csv
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from builder.results import Results
from tests.conftest import run_builder, settings

CLIPS = 11
HOSTILE = "<img src=x onerror=window.hacked=1> ${alert(1)} {{7*7}}"
LIAR = "YRz7RBslEAG0_repDiff_Frog_0.mp4"  # an accordion with the sound of a frog, listed below as an accordion
PASS_ALL = [f"verify.min_yes_probability.{name}=0" for name in ("visual_muted", "audio_black", "visual_full")]
PASS_ALL.append("verify.min_yes_probability.audio_full=0")
_SMALL = ("normalise.size=224", "normalise.seconds=3", "executor.workers=1")


def recorded(stage: Path) -> dict[str, str]:
    """Return what the stage in a folder recorded about each clip, while it runs and afterwards."""
    sources = Results(stage).sources()
    rows = [row for source in sources for number in range(source.count) for row in source.table(number).to_pylist()]
    return {row["clip_id"]: row["found"] for row in rows}


def change_records(stage: Path, change: Callable[[str], str | None]) -> None:
    """Change what a finished stage recorded; a record that becomes None is removed."""
    path = Results(stage).compacted
    table = pq.read_table(path)
    rows = [{**row, "found": change(row["found"])} for row in table.to_pylist()]
    pq.write_table(pa.Table.from_pylist([row for row in rows if row["found"]], schema=table.schema), path)


@dataclass(frozen=True)
class Build:
    """A configuration and where it was built."""

    config: Path
    work: Path
    out: Path

    def arguments(self, *changes: str) -> list[str]:
        """Return the arguments of `python -m builder` that build it, with changed settings."""
        folders = ["--config", str(self.config), "--work", str(self.work), "--out", str(self.out)]
        return ["run", *folders, *settings(*_SMALL, "verify.model=cascade", *changes)]

    def copy(self, folder: Path) -> "Build":
        """Return a copy below ``folder`` that can be changed."""
        shutil.copytree(self.work, folder / "work")
        shutil.copytree(self.out, folder / "out")
        return Build(self.config, folder / "work", folder / "out")


@pytest.fixture(scope="session")
def verified(shared: Path, made_once: Callable[[str, Callable[[Path], str]], Path]) -> Build:
    """Eleven of the real clips, one with a hostile class name and one with a false label. Change only a copy."""
    folder = made_once("verified", lambda folder: _build(shared / "clips", folder))
    return _in(folder)


def _in(folder: Path) -> Build:
    return Build(folder / "config.yaml", folder / "work", folder / "out")


def _build(clips: Path, folder: Path) -> str:
    rows = [["file", "visual_label", "audio_label"]]
    with open(clips / "clips.csv", newline="") as file:
        for row in csv.DictReader(file):
            labels = [row["visual_label"], row["audio_label"]]
            if row["file"] == LIAR:
                labels = ["Accordion", "Accordion"]
            elif labels[0] == "splashing water":
                labels = [HOSTILE, HOSTILE]
            rows.append([row["file"], *labels])
    del rows[2 : len(rows) - CLIPS + 1]  # the first one is the false one
    folder.mkdir(exist_ok=True)
    with open(folder / "list.csv", "w", newline="") as file:
        csv.writer(file).writerows(rows)
    (folder / "config.yaml").write_text(
        f"source: {{kind: folder, csv: {folder / 'list.csv'}, folder: {clips}}}\n"
        "assemble: {conditions: [aligned, misaligned]}\n"
    )
    return run_builder(*_in(folder).arguments()).stdout
