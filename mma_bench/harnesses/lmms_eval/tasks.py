"""The functions named in the YAML files next to this one.

lmms-eval loads this file by its path. The dataset is the folder `mma-bench` in the current folder, or the one named by
the variable `MMA_BENCH_DATA`.
"""

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

from mma_bench.dataset.load import Benchmark, Sample, load
from mma_bench.harnesses.media_files import muxed_file, separate_files
from mma_bench.harnesses.reading import MEASURES, judge, plain_row

if TYPE_CHECKING:
    import datasets

Doc = Mapping[str, Any]


@functools.cache
def _benchmark(condition: str) -> Benchmark:
    return load(os.environ.get("MMA_BENCH_DATA", "mma-bench"), condition=condition)


@functools.cache
def _samples(condition: str) -> dict[str, Sample]:
    return {sample.stimulus.key: sample for sample in _benchmark(condition).samples}


def _docs(condition: str, _dataset: "datasets.Dataset") -> "datasets.Dataset":
    # The table of stimuli that lmms-eval opened is ignored: our loader also leaves out removed clips.
    from datasets import Dataset

    rows = _benchmark(condition)
    return Dataset.from_list([{**plain_row(row, index), "key": row.key} for index, row in enumerate(rows)])


def __getattr__(name: str) -> Callable[["datasets.Dataset"], "datasets.Dataset"]:
    """Return the function that makes the rows of a condition, `docs_CONDITION`."""
    kind, _, condition = name.partition("_")
    if kind != "docs" or not condition:
        raise AttributeError(name)
    return functools.partial(_docs, condition)


def doc_to_visual(doc: Doc) -> list[str]:
    """Return one mp4 with both streams: simple wrappers attach only one file to a request."""
    return [str(muxed_file(_samples(doc["condition"])[doc["key"]]))]


def doc_to_messages(doc: Doc) -> list[dict[str, Any]]:
    """Return the silent video, the audio and the prompt, for chat wrappers."""
    video, audio = separate_files(_samples(doc["condition"])[doc["key"]])
    content = [
        {"type": "video", "url": str(video)},
        {"type": "audio", "url": str(audio)},
        {"type": "text", "text": doc["prompt"]},
    ]
    return [{"role": "user", "content": content}]


def doc_to_text(doc: Doc) -> str:
    """Return the exact prompt."""
    return str(doc["prompt"])


def doc_to_target(doc: Doc) -> str:
    """Return the clip's class in the asked modality."""
    return str(doc["answer"])


def process_results(doc: Doc, results: Sequence[str]) -> dict[str, float | tuple[float, str]]:
    """Return the measures of an answer, under the names of the asked modality."""
    found = judge(doc, results[0])
    asked: dict[str, float | tuple[float, str]] = {f"{doc['modality']}_{name}": found[name] for name in MEASURES}
    return {**asked, f"{doc['modality']}_macro_accuracy": (found["accuracy"], doc["answer"])}


def macro(items: Sequence[tuple[float, str]]) -> float:
    """Return the mean over classes of the share correct."""
    shares: dict[str, list[float]] = {}
    for right, label in items:
        shares.setdefault(label, []).append(right)
    return fmean(fmean(rights) for rights in shares.values())
