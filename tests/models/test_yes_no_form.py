"""The script that asks AVHBench's yes/no form about the clips of a dataset."""

import json
import runpy
from pathlib import Path

import pytest
import torch

from mma_bench.avhbench.questions import read_questions
from mma_bench.avhbench.videos import find_videos
from tests.conftest import ROOT

SCRIPT = ROOT / "scripts" / "yes_no_form.py"


def test_the_form_is_balanced_and_asks_under_conflict_about_the_other_modality(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = torch.get_num_threads()
    out = tmp_path / "out"
    given = ["--model", "baseline:random", "--data", str(demo), "--out", str(out), "--limit", "3"]
    monkeypatch.setattr("sys.argv", [str(SCRIPT), *given])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    torch.set_num_threads(threads)
    rows = read_questions(out / "QA.json")
    assert len(rows) == 6 * 5
    for task in {row.task for row in rows}:
        labels = [row.label for row in rows if row.task == task]
        assert labels.count("Yes") == labels.count("No")
    # Under conflict, the question with the answer No names what the other modality suggests.
    misaligned = {row.text.split()[2] for row in rows if row.video_id.startswith("misaligned") and row.asked_object}
    assert len(misaligned) < 12, "each class is asked about in both modalities"
    videos, problems = find_videos(out / "videos", {row.video_id for row in rows})
    assert (len(videos), problems) == (6, {})
    table = (out / "table.md").read_text().splitlines()
    assert table[0] == "| question, clips | n | bare | +prompt | +solo |"
    assert table[-1].startswith("| answered neither Yes nor No: do they match | | 0 [0, ")
    written = json.loads((out / "table.json").read_text())
    found = {(one["wrapper"], one["task"], one["condition"]): one for one in written}
    bare = found["", "video_driven_audio_hallucination", "misaligned"]
    assert (bare["questions"], bare["difference"]) == (6, None)
    scores = json.loads((out / "bare" / "scores.json").read_text())["tasks"]
    ours = [found["", one["task"], "both"]["accuracy"]["value"] for one in scores]
    assert ours == pytest.approx([one["accuracy"]["value"] for one in scores], abs=1e-6), (
        "what `mma-bench avhbench` says, too"
    )
    assert found["prompt", "video_driven_audio_hallucination", "misaligned"]["difference"]["value"] == 0
