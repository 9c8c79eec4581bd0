"""The script that asks AVHBench's yes/no form about the clips of a dataset."""

import json
import runpy
from pathlib import Path

import pytest
import torch

from mma_bench import load
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
    module = runpy.run_path(str(SCRIPT), run_name="__main__")
    torch.set_num_threads(threads)
    rows = read_questions(out / "QA.json")
    assert len(rows) == 6 * 5
    for task in {row.task for row in rows}:
        labels = [row.label for row in rows if row.task == task]
        assert labels.count("Yes") == labels.count("No")
    samples = {
        one.stimulus.key: one for name in ("aligned", "misaligned") for one in load(demo, condition=name).samples
    }
    for row in rows:
        stimulus = samples[row.video_id].stimulus
        seen, heard = (str(stream.label).replace("_", " ").lower() for stream in (stimulus.video, stimulus.audio))
        about = {"audio_driven_video_hallucination": seen, "video_driven_audio_hallucination": heard}.get(row.task)
        right = seen == heard if about is None else f" the {about} " in row.text
        assert row.label == ("Yes" if right else "No"), row.text
        if about and not right and seen != heard:  # under conflict, what the other modality suggests is denied
            assert f" the {heard if about == seen else seen} " in row.text
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
    asked = module["write_questions"](str(demo), tmp_path / "again", 3)
    truth = [one.row.label.lower() for one in asked]
    said = {"": ["unparsed"] * len(truth), "prompt": truth}
    cell = module["_cell"](asked, said, "prompt", "video_driven_audio_hallucination", "both")
    assert (cell["accuracy"]["value"], cell["difference"]["value"], cell["neither"]["value"]) == (1, 1, 0)
