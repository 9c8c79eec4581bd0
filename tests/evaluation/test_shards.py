"""Shards of a run, one for each machine: merged, they are the run that one process would have made."""

import json
import sys
from pathlib import Path

import pytest

import mma_bench
from mma_bench import MMABenchError
from mma_bench.evaluation import merge_runs, open_run, rescore
from mma_bench.evaluation.shards.shard import Shard
from mma_bench.report import write_report
from mma_bench.report.leaderboard.write import write_leaderboard
from tests.conftest import run_command, tree
from tests.evaluation.test_evaluate import repeatable

LIMIT = 12
KINDS = ("audio_removed", "misaligned")
SORTED = "python:tests/evaluation/scripted_model.py:Sorted"
MMA_BENCH = (sys.executable, "-m", "mma_bench")


def ask(demo: Path, run: Path, model: str = "baseline:random", limit: int = LIMIT, **more: object) -> None:
    mma_bench.evaluate(model, demo, run=run, limit=limit, probe=False, progress=False, **more)  # type: ignore[arg-type]


@pytest.fixture
def shards(demo: Path, tmp_path: Path) -> list[Path]:
    """Three shards of a run, not in their order."""
    folders = [tmp_path / "shards" / str(index) for index in (3, 1, 2)]
    for folder in folders:
        ask(demo, folder, shard=f"{folder.name}/3")
    return folders


def said(run: Path) -> dict[str, object]:
    """What a run holds but for how it was made: times, and the shards that it was merged from."""
    head = json.loads((run / "run.json").read_bytes())
    head.pop("shards", None)
    return {**repeatable(run), "run.json": head}


@pytest.mark.parametrize("model", ["baseline:random", "baseline:majority", SORTED])
def test_merged_shards_equal_the_run_of_one_process(model: str, demo: Path, tmp_path: Path) -> None:
    ask(demo, tmp_path / "whole", model)
    folders = [tmp_path / "shards" / str(index) for index in (2, 3, 1)]
    for folder in folders:
        ask(demo, folder, model, shard=f"{folder.name}/3")
    merge_runs(folders, tmp_path / "merged")
    assert said(tmp_path / "merged") == said(tmp_path / "whole")
    made_of = open_run(tmp_path / "merged").shards or []
    assert [str(one.shard) for one in made_of] == ["1/3", "2/3", "3/3"]
    sizes = [len((folder / "answers.jsonl").read_bytes().splitlines()) for folder in sorted(folders)]
    assert [one.answers for one in made_of] == sizes
    took = [json.loads((folder / "usage.json").read_bytes())["wall_seconds"] for folder in folders]
    merged = json.loads((tmp_path / "merged" / "usage.json").read_bytes())
    assert merged["wall_seconds"] == pytest.approx(sum(took))
    assert merged["answers"] == sum(sizes)


def test_a_clip_stays_in_its_shard_whatever_else_is_selected(demo: Path, tmp_path: Path) -> None:
    def asked(name: str, **more: object) -> set[str]:
        ask(demo, tmp_path / name, **more)
        lines = (tmp_path / name / "answers.jsonl").read_bytes().splitlines()
        return {json.loads(line)["question_id"] for line in lines}

    everything = asked("second of all", shard="2/3", limit=None)
    few = asked("few", limit=5, condition=KINDS)
    second = asked("second of few", shard="2/3", limit=5, condition=KINDS)
    assert second == few & everything
    # whole clips: each has the same questions under both conditions, whose stimuli have keys of their own
    clips = [{name.split("/")[0].removeprefix(kind) for name in second if name.startswith(kind)} for kind in KINDS]
    assert clips[0] == clips[1]
    assert 0 < len(second) < len(few)


def test_what_is_not_all_shards_of_one_run_is_refused_in_one_line(
    demo: Path, tmp_path: Path, shards: list[Path]
) -> None:
    third, first, second = shards
    out = tmp_path / "out"
    ask(demo, tmp_path / "whole")
    ask(demo, tmp_path / "smaller", shard="2/3", limit=3)
    ask(demo, tmp_path / "other", model="baseline:majority", shard="2/3")
    ask(demo, tmp_path / "of four", shard="2/4")
    for given, message in [
        ([first, third], "missing: shard 2/3; give all 3 shards, or --partial"),
        ([second], "missing: shard 1/3, 3/3; give"),
        ([first, second, third, second], f"shard 2/3 is given twice: {second} and {second}"),
        ([first, tmp_path / "whole"], f"{tmp_path / 'whole'} is a whole run, not a shard"),
        ([first, tmp_path / "smaller", third], "are shards of different runs (limit)"),
        ([first, tmp_path / "other", third], "are shards of different runs (model, model_fingerprint)"),
        ([first, tmp_path / "of four", third], "are shards of different runs (--shard 1/3 and --shard 2/4)"),
        ([first, demo, third], f"{demo} exists and is not a run"),
    ]:
        with pytest.raises(MMABenchError) as caught:
            merge_runs(given, out)
        assert message in str(caught.value)
        assert not out.exists()
    answers = second / "answers.jsonl"
    answers.write_bytes(b"".join(answers.read_bytes().splitlines(keepends=True)[:-2]))
    with pytest.raises(MMABenchError, match=r"shard 2/3, is not finished: 2 questions have no answer"):
        merge_runs(shards, out)
    assert not out.exists()
    merge_runs(shards, out, partial=True)
    before = tree(out)
    with pytest.raises(MMABenchError, match="exists and is not an empty folder"):
        merge_runs(shards, out)
    assert tree(out) == before


def test_a_partly_merged_run_is_finished_like_any_other(demo: Path, tmp_path: Path, shards: list[Path]) -> None:
    ask(demo, tmp_path / "whole")
    scores = merge_runs(shards[:2], tmp_path / "merged", partial=True)
    assert scores.missing > 0
    ask(demo, tmp_path / "merged")
    merged, whole = said(tmp_path / "merged"), said(tmp_path / "whole")
    for answers in (merged, whole):
        answers["answers.jsonl"] = sorted(answers["answers.jsonl"], key=lambda line: line["id"])  # type: ignore[call-overload]
    assert merged == whole
    assert len(open_run(tmp_path / "merged").shards or []) == 2


def test_a_shard_says_everywhere_that_it_is_one(demo: Path, tmp_path: Path, shards: list[Path]) -> None:
    note = "shard 3/3 of a run: these numbers cover only its share of the clips"
    scored = run_command(*MMA_BENCH, "score", str(shards[0]))
    assert note in scored.stdout
    write_report(shards[:1], tmp_path / "report")
    assert note in (tmp_path / "report" / "index.html").read_text()
    with pytest.raises(MMABenchError, match=r"none of 3 runs can be shown; .* merge the shards"):
        write_leaderboard([tmp_path / "shards"], tmp_path / "leaderboard")
    for index in ("1/3", None):
        with pytest.raises(
            MMABenchError, match=r"holds shard 3/3 of a run, and this command asks for .*choose another"
        ):
            ask(demo, shards[0], shard=index)
    judged = run_command(*MMA_BENCH, "score", str(shards[0]), "--judge", "openai:m@http://127.0.0.1:9/v1", check=False)
    assert judged.returncode == 2
    assert "judge the merged run" in judged.stderr


def test_a_finished_shard_misses_nothing_even_if_it_has_no_clips(demo: Path, tmp_path: Path) -> None:
    clips = [sample.stimulus for sample in mma_bench.load(demo, limit=2).samples]
    full = {index for index in range(1, 13) if any(Shard(index=index, count=12).has(clip) for clip in clips)}
    some, none = (tmp_path / str(min(found)) for found in (full, {*range(1, 13)} - full))
    for run in (some, none):
        ask(demo, run, shard=f"{run.name}/12", limit=2)
        assert json.loads((run / "scores.json").read_bytes())["missing"] == 0
        scored = run_command(*MMA_BENCH, "score", str(run))
        assert "have no answer yet" not in scored.stdout
        write_report([run], tmp_path / "report" / run.name)
        assert "has not answered" not in (tmp_path / "report" / run.name / "index.html").read_text()
    answers = some / "answers.jsonl"
    answers.write_bytes(b"".join(answers.read_bytes().splitlines(keepends=True)[:-2]))
    assert rescore(some).scores.missing == 2


def test_answers_of_another_shard_are_refused_in_one_line(demo: Path, tmp_path: Path, shards: list[Path]) -> None:
    third, first, second = shards
    line = (second / "answers.jsonl").read_bytes().splitlines(keepends=True)[0]
    name = json.loads(line)["question_id"]
    answers = first / "answers.jsonl"
    answers.write_bytes(answers.read_bytes() + line)
    twice = f"{first}, shard 1/3, and {second}, shard 2/3, both answer {name}; ask one"
    stray = f"{first}, shard 1/3, answers {name}, which belongs to another shard; ask it again with --overwrite"
    for given, message in [(shards, twice), ([first, third], stray)]:
        with pytest.raises(MMABenchError) as caught:
            merge_runs(given, tmp_path / "out", partial=True)
        assert message in str(caught.value)
        assert not (tmp_path / "out").exists()


def test_the_number_of_shards_is_bounded(demo: Path, tmp_path: Path, shards: list[Path]) -> None:
    with pytest.raises(MMABenchError, match=r"'1/100001': a run has at most 100,000 shards"):
        ask(demo, tmp_path / "run", shard="1/100001")
    assert not (tmp_path / "run").exists()
    head = json.loads((shards[0] / "run.json").read_bytes())
    for count, message in [(999_999_999, r"run\.json cannot be read"), (100_000, r"shard 1/100000, .* and 99989 more")]:
        (shards[0] / "run.json").write_text(json.dumps({**head, "shard": {"index": 3, "count": count}}))
        with pytest.raises(MMABenchError, match=message):
            merge_runs(shards[:1], tmp_path / "out")


@pytest.mark.parametrize("text", ["0/3", "4/3", "1/0", "2", "-1/3", "1/3/5", "a/b", "١/٣"])
def test_a_shard_that_does_not_exist_is_named(text: str, demo: Path, tmp_path: Path) -> None:
    with pytest.raises(MMABenchError, match=r"write I/N with I from 1 to N"):
        ask(demo, tmp_path / "run", shard=text)
    assert not (tmp_path / "run").exists()
