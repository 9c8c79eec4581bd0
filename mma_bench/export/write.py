"""Writes an export: every distinct stream once, and the lines; the folder appears when it is complete."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mma_bench.dataset.load import Benchmark, QuestionRow, load
from mma_bench.errors import MMABenchError, unknown
from mma_bench.export.formats import FORMATS, dataset_info
from mma_bench.export.training import TRAINING
from mma_bench.files.atomic import atomic_folder, write_bytes, write_json, write_text
from mma_bench.files.hashing import sha256_bytes
from mma_bench.questions import STANDARD, Context, applies, vary

_NAME = "mma_bench"


def export(
    data: str | Path,
    out: str | Path,
    *,
    form: str,
    condition: str | Sequence[str] | None = None,
    split: str = "test",
    limit: int | None = None,
    absolute: bool = False,
    variants: Sequence[str] = (STANDARD,),
    seed: int = 0,
) -> int:
    """Write the questions of a dataset for another trainer.

    The folder holds `mma_bench.jsonl`, `media/` and, for LLaMA-Factory, `dataset_info.json`; for it and ms-swift
    also the training file of the first paper (see `mma_bench.export.training`). It appears when it is
    complete.

    Args:
        data: folder of a dataset, or its name on the hub.
        out: folder to create; it must not exist, or be empty.
        form: a name in `FORMATS`.
        condition: one condition or several; by default all.
        split: `test` or `train`.
        limit: maximum number of stimuli per media condition.
        absolute: whether paths in the lines are absolute; by default they are relative to the folder.
        variants: wordings of the questions (see `mma_bench.questions`), made from the standard ones; questions that do
            not allow a wording are left out.
        seed: same seed, same wordings.

    Returns:
        Number of lines.

    Raises:
        MMABenchError: the data cannot be used, the format or a variant is unknown, no question is left, or ``out`` is
            not empty.
    """
    if form not in FORMATS:
        raise MMABenchError(unknown("there is no export format", form, FORMATS))
    target = Path(out).absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise MMABenchError(f"{out} exists and is not empty; choose another folder or remove it")
    benchmark = _worded(load(data, condition=condition, split=split, limit=limit), variants, seed)
    with atomic_folder(target) as folder:
        return _write(folder, list(benchmark), form, f"{target}/" if absolute else "")


def _worded(benchmark: Benchmark, variants: Sequence[str], seed: int) -> Benchmark:
    classes = dict.fromkeys(o for sample in benchmark.samples for q in sample.questions for o in q.options)
    context = Context(list(classes), benchmark.super_classes, seed)
    samples = [
        replace(
            sample,
            questions=[vary(q, name, context) for name in variants for q in sample.questions if applies(q, name)],
        )
        for sample in benchmark.samples
    ]
    if not any(sample.questions for sample in samples):
        raise MMABenchError(f"{benchmark.path}: none of its questions can be worded as {', '.join(variants)}")
    return Benchmark(benchmark.path, samples)


def _write(folder: Path, rows: Sequence[QuestionRow], form: str, root: str) -> int:
    lines = []
    written: dict[str, list[str]] = {}
    chosen = FORMATS[form]
    for row in rows:
        if row.key not in written:
            written[row.key] = _write_media(folder, row, muxed=chosen.muxed)
        lines.append(json.dumps(chosen.line(row, [root + path for path in written[row.key]]), ensure_ascii=False))
    if gone := [path for paths in written.values() for path in paths if not (folder / path).is_file()]:
        raise MMABenchError(f"{folder / gone[0]} was removed meanwhile; export again")
    write_text(folder / f"{_NAME}.jsonl", "".join(f"{line}\n" for line in lines))
    if chosen.trainer == "llama-factory":
        write_json(folder / "dataset_info.json", dataset_info(_NAME, f"{_NAME}.jsonl"))
    if chosen.trainer:
        name, content = TRAINING[chosen.trainer](_NAME, interleaved=chosen.interleaved)
        write_text(folder / name, content)
    return len(lines)


def _write_media(folder: Path, row: QuestionRow, *, muxed: bool) -> list[str]:
    video, audio = row.video_clip_id or "black", row.audio_clip_id or "silence"
    if muxed:
        return [_write_stream(folder, row.media.mp4(), video if video == audio else f"{video}+{audio}", "mp4")]
    return [
        _write_stream(folder, row.media.video_bytes, video, "mp4"),
        _write_stream(folder, row.media.audio_bytes, audio, "flac"),
    ]


def _write_stream(folder: Path, content: bytes, name: str, suffix: str) -> str:
    """Write a stream unless it exists, and return its path; the hash distinguishes streams with the same name."""
    path = f"media/{name}-{sha256_bytes(content)[:12]}.{suffix}"
    if not (folder / path).exists():
        write_bytes(folder / path, content)
    return path
