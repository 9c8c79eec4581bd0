"""Streaming: every sample once wherever it is read, the same again on request, and conflicts that are what they say."""

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

import mma_bench
from mma_bench.streaming import Stream, StreamLoader, StreamSample
from tests.conftest import ROOT

MIXED = {"misaligned": 0.3, "audio_removed": 0.15, "frames_zeroed": 0.15, "misleading_caption": 0.2}


def make(data: Path, **options: Any) -> Stream:
    return mma_bench.stream(data, **{"output": "bytes", "shuffle": 4, "conflicts": MIXED} | options)


def described(sample: StreamSample) -> tuple[object, ...]:
    """Everything that a training step would see."""
    return (sample.key, sample.question, sample.audio_key, sample.video, sample.audio, sample.target)


@pytest.mark.parametrize(("world_size", "workers"), [(1, 2), (2, 3), (3, 0)])
def test_each_sample_is_read_once_and_ranks_read_as_many(train: Path, world_size: int, workers: int) -> None:
    read = []
    for rank in range(world_size):
        stream = make(train, rank=rank, world_size=world_size)
        keys = [s.key for batch in DataLoader(stream, 2, num_workers=workers, collate_fn=list) for s in batch]
        assert len(keys) == len(stream) == 11 // world_size
        read += keys
    assert len(set(read)) == len(read) == 11 // world_size * world_size
    uneven = [len(list(make(train, rank=rank, world_size=3, even=False))) for rank in range(3)]
    assert sum(uneven) == 11


def test_same_seed_same_epochs_and_every_epoch_other_conflicts(train: Path) -> None:
    first, second = make(train, seed=7), make(train, seed=7)
    epochs = [[described(sample) for sample in first] for _ in range(3)]
    assert first.epoch == 3
    assert epochs == [[described(sample) for sample in second] for _ in range(3)]
    second.set_epoch(1)
    assert epochs[1] == [described(sample) for sample in second]
    assert [sample[0] for sample in epochs[0]] != [sample[0] for sample in epochs[1]]
    assert {(s[0], s[1].condition) for s in epochs[0]} != {(s[0], s[1].condition) for s in epochs[1]}
    assert [s.key for s in make(train, seed=8)] != [sample[0] for sample in epochs[0]]


def test_any_position_resumes_exactly(train: Path) -> None:
    whole = [described(sample) for sample in make(train)]
    for position in (0, 1, 6, 11):
        stream = make(train)
        iterator = iter(stream)
        begun = [described(next(iterator)) for _ in range(position)]
        resumed = make(train)
        resumed.load_state_dict(stream.state_dict())
        assert begun + [described(sample) for sample in resumed] == whole
        assert resumed.epoch == 1
    with pytest.raises(mma_bench.MMABenchError, match="another stream"):
        make(train, seed=1).load_state_dict(stream.state_dict())


@pytest.mark.parametrize(("workers", "stops"), [(3, (1, 3, 5)), (0, (2, 6))])
def test_a_loader_with_workers_that_read_ahead_resumes_exactly(
    train: Path, workers: int, stops: tuple[int, ...]
) -> None:
    def loader() -> StreamLoader:
        return StreamLoader(make(train), 2, workers=workers)

    straight = loader()
    epochs = [[[described(sample) for sample in batch] for batch in straight] for _ in range(2)]
    for batches in stops:
        stopped = loader()
        iterator = iter(stopped)
        begun = [[described(sample) for sample in next(iterator)] for _ in range(batches)]
        resumed = loader()
        resumed.load_state_dict(stopped.state_dict())
        assert begun + [[described(sample) for sample in batch] for batch in resumed] == epochs[0]
        assert resumed.epoch == 1
    assert [[described(sample) for sample in batch] for batch in resumed] == epochs[1]
    with pytest.raises(mma_bench.MMABenchError, match="cannot resume with 2"):
        StreamLoader(make(train), 2, workers=2).load_state_dict(stopped.state_dict())


def test_a_framework_may_set_the_epoch_of_a_loader(train: Path) -> None:
    def described_epoch(loader: StreamLoader) -> list[object]:
        return [described(sample) for batch in loader for sample in batch]

    straight = StreamLoader(make(train), 2)
    epochs = [described_epoch(straight) for _ in range(3)]
    jumped = StreamLoader(make(train), 2)
    jumped.set_epoch(2)
    assert described_epoch(jumped) == epochs[2]
    stopped = StreamLoader(make(train), 2)
    begun = [described(sample) for sample in next(iter(stopped))]
    resumed = StreamLoader(make(train), 2)
    resumed.load_state_dict(stopped.state_dict())
    resumed.set_epoch(0)  # as Lightning and Accelerate do at the start of every epoch, also of a resumed one
    assert begun + described_epoch(resumed) == epochs[0]
    with pytest.raises(mma_bench.MMABenchError, match="count from 0"):
        resumed.set_epoch(-1)


@pytest.mark.parametrize("workers", [0, 2])
def test_loaders_of_one_stream_do_not_move_each_other_on(train: Path, workers: int) -> None:
    stream = make(train)
    whole = {sample.key for sample in make(train)}
    first = StreamLoader(stream, 2, workers=workers)
    ended = first.state_dict() | {"positions": [11] if not workers else [5, 6]}
    first.load_state_dict(ended)  # as saved after the last batch of an epoch
    assert list(first) == []
    others = [DataLoader(stream, 2, num_workers=n, collate_fn=list) for n in (0, 2)]
    for other in (*others, StreamLoader(stream, 2, workers=2)):
        assert {sample.key for batch in other for sample in batch} == whole
    # At the same time, each at its own pace:
    begun = [StreamLoader(make(train, on_error="replace"), 2, workers=workers) for _ in range(2)]
    at_once = [[s.key for batch in pair for s in batch] for pair in zip(*begun, strict=True)]
    assert Counter(key for keys in at_once for key in keys) == Counter([*whole, *whole])
    iterators = iter(stream), iter(stream)
    next(iterators[0])
    assert len(list(iterators[1])) == 11
    assert len(list(iterators[0])) == 10


def test_a_position_to_resume_at_is_forgotten_with_its_epoch(train: Path) -> None:
    stream = make(train)
    state = stream.state_dict() | {"position": 11}
    stream.load_state_dict(state)
    stream.set_epoch(0)
    assert list(stream) == []
    stream.load_state_dict(state)
    stream.set_epoch(1)
    assert len(list(stream)) == 11


def test_a_stream_that_is_being_read_at_exit_says_nothing(train: Path) -> None:
    program = (
        "import builtins, sys, mma_bench\n"
        f"samples = iter(mma_bench.stream({str(train)!r}, output='bytes', verify='always'))\n"
        "next(samples)\n"
        "builtins.kept = samples, list(sys.modules.values())\n"  # goes last, when all modules are empty
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_conflicts_are_what_they_say(train: Path) -> None:
    stored = {sample.key: sample for sample in make(train, conflicts=None, shuffle=0)}
    stream = make(train, shuffle=4)
    seen: Counter[str] = Counter()
    for sample in (sample for _ in range(12) for sample in stream):
        own, question = stored[sample.key], sample.question
        seen[question.condition] += 1
        asked, other = sample.video_label, sample.audio_label
        if question.modality == "audio":
            asked, other = other, asked
        assert question.answer == (asked or own.video_label)
        if question.condition == "misaligned":
            assert sample.audio == stored[sample.audio_key or ""].audio != own.audio
            assert sample.video == own.video
            assert question.distractor == other != asked
        elif question.condition == "misleading_caption":
            assert question.prompt.startswith(f"Video_caption: {question.distractor}. Which class")
            assert question.distractor not in (sample.video_label, sample.audio_label)
            assert (sample.video, sample.audio) == (own.video, own.audio)
        else:
            assert (sample.audio is None) == (question.condition == "audio_removed")
            assert (sample.video is None) == (question.condition == "frames_zeroed")
        assert question.answerable == (asked is not None)
        outcome = mma_bench.parse_answer(sample.target, question.options)
        assert outcome.label == (question.answer if question.answerable else None)
        assert str(outcome.outcome) == ("answered" if question.answerable else "abstained")
    shares = {name: seen[name] / seen.total() for name in (*MIXED, "aligned")}
    expected = MIXED | {"aligned": 0.2}
    assert all(abs(shares[name] - expected[name]) < 0.11 for name in expected), shares


def test_a_schedule_moves_the_shares(train: Path) -> None:
    stream = make(train, conflicts=[(0, {}), (2, {"misaligned": 1.0})])
    shares = [Counter(sample.question.condition for sample in stream)["misaligned"] / 11 for _ in range(3)]
    assert shares[0] < shares[2] == 1
    for wrong in ({"no_such": 0.1}, {"misaligned": 0.7, "audio_removed": 0.4}, {"misaligned": -0.1}):
        with pytest.raises(mma_bench.MMABenchError, match="conflicts"):
            make(train, conflicts=wrong)


def test_decoded_streams_are_those_of_the_benchmark(demo: Path) -> None:
    stream = mma_bench.stream(demo, config="aligned", shuffle=0, size=112, ask="audio")
    expected = {row.key: row for row in mma_bench.load(demo, condition="aligned", limit=2, limit_by="key")}
    for sample in (sample for _, sample in zip(range(2), stream, strict=False)):
        row = expected[sample.key]
        assert isinstance(sample.video, torch.Tensor)
        assert np.array_equal(sample.video.numpy(), row.media.frames(2, size=112))
        assert isinstance(sample.audio, torch.Tensor)
        assert np.array_equal(sample.audio.numpy(), row.media.audio())
        assert sample.question.modality == "audio"
    options: dict[str, Any] = {"config": "aligned", "shuffle": 0, "output": "messages", "size": 56}
    for condition, place in (("frames_zeroed", 0), ("audio_removed", 1)):
        user, assistant = next(iter(mma_bench.stream(demo, conflicts={condition: 1.0}, **options)))
        assert [part["type"] for part in user["content"]] == ["video", "audio", "text"]
        media = [user["content"][0]["video"], user["content"][1]["audio"]]
        assert not media[place].any()
        assert media[1 - place].any()
        assert media[0].shape == (20, 56, 56, 3)
        assert assistant["content"][0]["text"]


def test_webdataset_stages_can_follow(train: Path) -> None:
    stream = make(train, conflicts=None)
    pairs = stream.select(lambda sample: sample.question.modality == "visual").map(lambda s: (s.key, s.target))
    assert all(isinstance(key, str) and target for key, target in pairs)
    assert stream.epoch == 1


RANK = """
import os, sys, torch, torch.distributed as dist
import mma_bench
from mma_bench.streaming import StreamLoader
dist.init_process_group("gloo")
stream = mma_bench.stream(sys.argv[1], output="bytes", conflicts={"misaligned": 0.5})
for epoch in range(2):
    for batch in StreamLoader(stream, 2, workers=2) if epoch else DataLoader(stream, 2, num_workers=2, collate_fn=list):
        dist.all_reduce(torch.ones(1))
        os.write(1, " ".join(["READ", str(epoch), *(sample.key for sample in batch), "\\n"]).encode())  # in one piece
    stream.set_epoch(1)
dist.destroy_process_group()
"""


def test_two_processes_of_a_group_keep_step_and_share_the_samples(train: Path, tmp_path: Path) -> None:
    script = tmp_path / "rank.py"
    script.write_text(f"from torch.utils.data import DataLoader\n{RANK}")
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone", str(script)]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        [*command, str(train)], capture_output=True, text=True, timeout=400, check=False, env=environment
    )
    assert result.returncode == 0, result.stderr
    for epoch in "01":
        lines = [line.split()[2:] for line in result.stdout.splitlines() if line.startswith(f"READ {epoch}")]
        keys = [key for line in lines for key in line]
        assert len(keys) == len(set(keys)) == 10


def test_the_question_on_the_fly_is_worded_like_the_builders(demo: Path) -> None:
    """A model trained on the stream must meet the same words in the benchmark."""
    stored = {row.question_id.removeprefix("misaligned_"): row for row in mma_bench.load(demo, condition="misaligned")}
    for sample in mma_bench.stream(demo, config="aligned", output="bytes", conflicts={"misaligned": 1.0}):
        row = stored[sample.question.question_id.removeprefix("aligned_")]
        assert (row.prompt, row.options) == (sample.question.prompt, sample.question.options)


def test_what_is_no_training_set_is_refused(demo: Path) -> None:
    with pytest.raises(mma_bench.MMABenchError, match=r"no configuration 'train'.*name their configuration"):
        mma_bench.stream(demo)
    with pytest.raises(mma_bench.MMABenchError, match="output must be one of"):
        mma_bench.stream(demo, config="aligned", output="frames")  # type: ignore[arg-type]
