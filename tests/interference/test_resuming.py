"""What a run keeps, removes and says when its limit, its model or the run next to it is another one."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from mma_bench import MMABenchError, evaluate
from mma_bench.cli import main
from mma_bench.evaluation.store import AnswerStore
from mma_bench.files.lock import hold
from mma_bench.interference import run as run_module
from mma_bench.interference.run import interfere
from mma_bench.interference.run_head import open_head
from tests.conftest import tree
from tests.interference.conftest import CLASSES, write_sound
from tests.interference.models import Follower


def test_a_kill_under_a_lower_limit_leaves_no_results_of_the_higher_one(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, fresh = tmp_path / "x" / "run", tmp_path / "y" / "run"
    interfere(Follower(), photos, run=run, limit=6, progress=False)

    def killed(*arguments: object) -> None:
        raise SystemExit("killed")

    with monkeypatch.context() as patch:
        patch.setattr(run_module, "decisions_of", killed)
        with pytest.raises(SystemExit):
            interfere(Follower(), photos, run=run, limit=2, progress=False)
    assert open_head(run).limit == 2
    assert {path.name for path in run.iterdir()} <= {
        "interference.json",
        "answers.jsonl",
        "usage.json",
        "protocol.yaml",
    }
    again = Follower()
    interfere(again, photos, run=run, limit=2, progress=False)
    assert again.asked == []
    interfere(Follower(), photos, run=fresh, limit=2, progress=False)
    first, second = tree(run), tree(fresh)
    assert {name for name in first if first[name] != second.get(name)} <= {"answers.jsonl", "usage.json"}
    assert interfere(Follower(), photos, run=run, limit=2, progress=False).missing == 0


def test_a_rule_that_looks_at_all_questions_is_not_continued_with_more(
    demo: Path, noises: Path, tmp_path: Path
) -> None:
    asked = {"progress": False, "interventions": ["white"]}
    interfere("baseline:majority", noises, run=tmp_path / "run", limit=2, **asked)  # type: ignore[arg-type]
    before = tree(tmp_path / "run")
    interfere("baseline:majority", noises, run=tmp_path / "run", limit=2, **asked)  # type: ignore[arg-type]
    assert tree(tmp_path / "run") == before
    with pytest.raises(MMABenchError, match="choose another --run, or --overwrite"):
        interfere("baseline:majority", noises, run=tmp_path / "run", limit=8, **asked)  # type: ignore[arg-type]
    assert tree(tmp_path / "run") == before
    # The same of an evaluation; a rule that looks at each question alone goes on.
    for model in ("baseline:majority", "baseline:random"):
        run = tmp_path / model.partition(":")[2]
        evaluate(model, demo, run=run, limit=1, protocol="paper", progress=False)
        count = len(AnswerStore(run).read())
        if model == "baseline:majority":
            with pytest.raises(MMABenchError, match="choose another --run, or --overwrite"):
                evaluate(model, demo, run=run, limit=2, protocol="paper", progress=False)
        else:
            evaluate(model, demo, run=run, limit=2, protocol="paper", progress=False)
        assert (len(AnswerStore(run).read()) > count) is (model == "baseline:random")


def test_an_intervention_that_is_there_already_is_named(photos: Path, noises: Path, tmp_path: Path) -> None:
    for data, name, asked in ((photos, "silence", 3), (noises, "black", 2)):
        run = tmp_path / name
        interfere(Follower(), data, run=run, limit=asked, progress=False)
        line = f"{name}: not made for {asked} questions, which have it without an intervention"
        assert line in open_head(run).left_out
        assert line in (run / "index.html").read_text()


def test_the_figure_next_to_another_run_is_about_what_both_answered(photos: Path, tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    interfere(Follower(1.0), photos, run=before, limit=60, interventions=["misleading_text"], progress=False)
    interfere(
        Follower(1.0), photos, run=after, limit=4, interventions=["misleading_text"], against=before, progress=False
    )
    page = (after / "index.html").read_text()
    # 4 items, each asked cleanly, again, and misled.
    assert "12 questions about 4 source items" in page
    assert "before: 100%, n = 4" in page
    assert "after: 100%, n = 4" in page
    assert "n = 60" not in page
    found = json.loads((after / "results.json").read_text())["against"]["differences"]
    assert {one["pairs"] for one in found} == {4}


def test_an_intervention_on_two_kinds_of_questions_has_one_bar_per_kind_and_run(photos: Path, tmp_path: Path) -> None:
    for number, name in enumerate(CLASSES):
        write_sound(photos / name / "sound.flac", number)
    before, after = tmp_path / "before", tmp_path / "after"
    for run, against in ((before, None), (after, before)):
        options = {"limit": 4, "interventions": ["misleading_text"], "against": against, "progress": False}
        interfere(Follower(1.0), photos, run=run, **options)  # type: ignore[arg-type]
    assert (after / "index.html").read_text().count("before: 100%, n = 4") == 2


def test_a_run_does_not_begin_in_a_folder_that_a_quiz_fills(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    opened = os.open(tmp_path / "run", os.O_RDONLY)
    hold(opened)
    try:
        with pytest.raises(MMABenchError, match="a quiz is writing to"):
            interfere(Follower(), photos, run=tmp_path / "run", overwrite=True, progress=False)
        result = CliRunner().invoke(main, ["interference", "--data", str(photos), "--model", "baseline:random", "--run",
                                           str(tmp_path / "run"), "--dry-run"])  # fmt: skip
        assert "a quiz is writing to" in result.output
    finally:
        os.close(opened)
    assert not any((tmp_path / "run").iterdir())


def test_questions_that_need_media_and_text_are_called_so(photos: Path, tmp_path: Path) -> None:
    (photos / "q.jsonl").write_text('{"q": "Which?", "o": ["This", "That"], "a": "B", "image": "Dog/0.png"}\n')
    columns = "file: q.jsonl\nquestion: q\noptions: o\nanswer: a\nanswer_is: letter\npicture: image\n"
    (photos / "q.yaml").write_text(columns)
    interfere(Follower(), photos / "q.yaml", run=tmp_path / "run", progress=False)
    page = (tmp_path / "run" / "index.html").read_text()
    assert "Media-and-text: 100.0% right without an intervention." in page
    assert "media-and-text questions" in page
    assert "needs picture and text" not in page
