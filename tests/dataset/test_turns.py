"""A limit takes clips of as many classes as it can, the same in every condition; older runs keep their own."""

import json
from pathlib import Path

import mma_bench
from mma_bench.dataset.load import Benchmark
from mma_bench.dataset.turns import in_turns
from mma_bench.evaluation.rescoring import rescore
from mma_bench.evaluation.store import open_run
from mma_bench.report.runs import read_runs

LIMIT = 8


def clips_of(benchmark: Benchmark) -> dict[str, list[str]]:
    """Return the source clip of each stimulus, for each condition."""
    found: dict[str, list[str]] = {}
    for sample in benchmark.samples:
        stimulus = sample.stimulus
        clip = stimulus.video.clip_id or stimulus.audio.clip_id
        found.setdefault(stimulus.condition, []).append(str(clip))
    return found


def test_one_clip_of_each_class_in_turn() -> None:
    clips = {f"{label}-{number}": label for label, count in (("a", 4), ("b", 1), ("c", 2)) for number in range(count)}
    order = in_turns(clips)
    assert sorted(order) == sorted(clips)
    assert [sorted(clips[clip] for clip in order[i:j]) for i, j in ((0, 3), (3, 5), (5, 7))] == [
        ["a", "b", "c"],
        ["a", "c"],
        ["a", "a"],
    ]
    assert in_turns(dict(reversed(clips.items()))) == order
    assert [clip for clip in order if clips[clip] == "a"] != sorted(clip for clip in clips if clips[clip] == "a")


def test_a_limit_takes_the_same_clips_of_as_many_classes_as_it_can(demo: Path) -> None:
    few = mma_bench.load(demo, limit=LIMIT)
    assert [sample.stimulus.key for sample in few.samples] == sorted(sample.stimulus.key for sample in few.samples)
    clips = clips_of(few)
    graded = set(clips.pop("mixed_audio"))  # several levels of a clip
    assert {tuple(found) for found in clips.values()} == {tuple(clips["aligned"])}
    labels = [str(sample.stimulus.video.label) for sample in few.samples if sample.stimulus.condition == "aligned"]
    assert len(set(labels)) == len(labels) == LIMIT
    assert len(graded) < LIMIT
    more = clips_of(mma_bench.load(demo, limit=LIMIT + 4))
    assert set(clips["aligned"]) < set(more["aligned"])
    first = clips_of(mma_bench.load(demo, limit=LIMIT, limit_by="key"))["aligned"]
    assert first == clips_of(mma_bench.load(demo))["aligned"][:LIMIT]


def test_a_run_of_an_earlier_version_keeps_its_stimuli(demo: Path, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for run, limit in ((old, None), (new, LIMIT)):
        mma_bench.evaluate(
            "baseline:visual-only", demo, run=run, condition=["aligned"], limit=limit, protocol="paper", progress=False
        )
    head = json.loads((new / "run.json").read_text())
    assert (head["limit"], head["limit_by"]) == (LIMIT, "class")
    head = json.loads((old / "run.json").read_text())
    assert "limit_by" not in head
    (old / "run.json").write_text(json.dumps(head | {"limit": LIMIT}))
    assert open_run(old).limit_by is None
    asked = clips_of(rescore(old).benchmark)["aligned"]
    assert asked == clips_of(mma_bench.load(demo))["aligned"][:LIMIT]
    assert asked != clips_of(rescore(new).benchmark)["aligned"]
    everything, _ = read_runs([old, new], None)
    assert set(clips_of(everything)["aligned"]) > {*asked, *clips_of(rescore(new).benchmark)["aligned"]}
