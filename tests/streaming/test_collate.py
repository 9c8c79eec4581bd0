"""Batches of tensors: what a training loop gets from torch's own DataLoader without writing a line for it."""

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader

import mma_bench
from mma_bench.streaming import StreamLoader, StreamSample, collate_tensors


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("output", ["tensors", "arrays"])
def test_a_plain_dataloader_gives_padded_tensors(train: Path, workers: int, output: str) -> None:
    def make() -> mma_bench.streaming.Stream:
        return mma_bench.stream(train, output=output, size=56, shuffle=0, conflicts={"audio_removed": 0.5})

    single = {sample.key: sample for sample in make()}
    loader = DataLoader(make(), batch_size=4, num_workers=workers)
    given = DataLoader(make(), batch_size=4, num_workers=workers, collate_fn=collate_tensors)
    seen = []
    for batch, same in zip(loader, given, strict=True):
        assert batch.keys() == same.keys()
        assert all(torch.equal(batch[name], same[name]) for name in ("video", "frames", "audio", "samples"))
        size = len(batch["key"])
        assert (batch["video"].dtype, batch["audio"].dtype) == (torch.uint8, torch.float32)
        assert batch["video"].shape == (size, int(batch["frames"].max()), 56, 56, 3)
        assert batch["audio"].shape == (size, int(batch["samples"].max()))
        for i, key in enumerate(batch["key"]):
            one, frames, samples = single[key], int(batch["frames"][i]), int(batch["samples"][i])
            assert torch.equal(batch["video"][i, :frames], torch.as_tensor(one.video))
            assert torch.equal(batch["audio"][i, :samples], torch.as_tensor(one.audio))
            assert not batch["video"][i, frames:].any()
            assert not batch["audio"][i, samples:].any()
            assert (batch["prompt"][i], batch["target"][i]) == (one.question.prompt, one.target)
            assert batch["question"][i] == one.question
        seen += batch["key"]
    assert sorted(seen) == sorted(single)


@pytest.mark.parametrize("output", ["tensors", "arrays"])
def test_shorter_samples_are_padded_with_zeros_at_the_end(train: Path, output: str) -> None:
    long, other = itertools.islice(mma_bench.stream(train, output=output, size=56), 2)
    short = replace(other, video=other.video[:3], audio=other.audio[:1000])
    batch = collate_tensors([long, short])
    assert batch["frames"].tolist() == [len(long.video), 3]
    assert batch["samples"].tolist() == [len(long.audio), 1000]
    assert torch.equal(batch["video"][1, :3], torch.as_tensor(short.video))
    assert torch.equal(batch["audio"][1, :1000], torch.as_tensor(short.audio))
    assert len(long.video) > 3
    assert not batch["video"][1, 3:].any()
    assert not batch["audio"][1, 1000:].any()


def test_a_stream_loader_takes_the_same_function(train: Path) -> None:
    stream = mma_bench.stream(train, size=56)
    batches = list(StreamLoader(stream, 4, workers=2, collate=collate_tensors))
    assert sum(len(batch["video"]) for batch in batches) == 11


def test_what_cannot_be_a_tensor_is_refused_with_what_to_do(train: Path) -> None:
    with pytest.raises(mma_bench.MMABenchError, match="collate_fn=list"):
        next(iter(DataLoader(mma_bench.stream(train, output="bytes"), batch_size=2)))
    samples = [next(iter(mma_bench.stream(train, size=size))) for size in (56, 64)]
    assert all(isinstance(sample, StreamSample) for sample in samples)
    with pytest.raises(mma_bench.MMABenchError, match="56 x 56, 64 x 64: give size to"):
        collate_tensors(samples)
