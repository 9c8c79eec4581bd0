"""One run for all tests of this folder: several wordings, two repeats, missing answers, texts made to break files."""

from pathlib import Path

import pytest

import mma_bench
from tests.records.asked import Scripted, cut_answers, protocol, write_dataset

MISSING = 7
COSTS = (
    {
        "input_tokens": 700,
        "output_tokens": 3,
        "seconds": 0.25,
        "finish_reason": "stop",
        "served_by": "fp_\ud800",
        "reasoning": "hm\ud800",
    },
    {"input_tokens": None, "output_tokens": 4, "seconds": None, "finish_reason": None, "served_by": None},
)


@pytest.fixture(scope="session")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset of `tests.records.asked`."""
    return write_dataset(tmp_path_factory.mktemp("asked") / "mma-bench")


@pytest.fixture(scope="session")
def run(asked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the scripted model; read only."""
    folder = tmp_path_factory.mktemp("runs") / "scripted"
    mma_bench.evaluate(Scripted(), asked, run=folder, protocol=protocol(), repeats=2, progress=False)
    cut_answers(folder, MISSING)
    return folder
