"""Fuzzed texts for every parser: a value, or an error of one line, and never anything else."""

import json
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builder.config import load_config
from builder.review.store import DecisionStore
from builder.sources.folder import FolderSettings, FolderSource
from mma_bench.errors import MMABenchError
from mma_bench.evaluation.protocols import load_protocol
from mma_bench.schema import Stimulus
from mma_bench.tuning import read_settings
from mma_bench.tuning.tasks import read_text_questions
from tests.faults.fuzz_parser import check

ROUNDS = 60
_JUNK = st.sampled_from(
    [
        "",
        "\0",
        "\ufeff",
        "\u202e",
        "\ud800",
        "9" * 400,
        "-1",
        "1e999",
        "nan",
        "[",
        "]",
        "{",
        "}",
        '"',
        ",",
        ":",
        "\n",
        "\\",
    ]
)
_FUZZ = settings(max_examples=ROUNDS, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def damaged(draw: st.DrawFn, whole: str) -> str:
    """A valid text in which some stretches are exchanged for junk, repeated or left out."""
    text = whole
    for _ in range(draw(st.integers(1, 4))):
        begin = draw(st.integers(0, len(text)))
        end = draw(st.integers(begin, min(len(text), begin + 12)))
        text = text[:begin] + draw(st.one_of(_JUNK, st.text(max_size=6), st.just(text[begin:end] * 2))) + text[end:]
    return text


def one_line(action: Any, *arguments: Any) -> None:
    """Do it, and accept an error of ours of one line."""
    said = ""
    try:
        action(*arguments)
    except MMABenchError as error:
        said = str(error)
    assert "\n" not in said
    assert len(said) < 2100


def write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    return path


@_FUZZ
@given(text=damaged("source: {kind: folder, csv: clips.csv}\nnormalise: {size: 112, seconds: 3}\nseed: 3\n"))
def test_configurations_of_builds(tmp_path: Path, text: str) -> None:
    one_line(load_config, write(tmp_path / "config.yaml", text))


@_FUZZ
@given(text=damaged("model: {checkpoint: a}\ndata: {path: b, mix: [{clips: {aligned: 2}}]}\ntrain: {steps: 3}\n"))
def test_configurations_of_tuning(tmp_path: Path, text: str) -> None:
    one_line(read_settings, write(tmp_path / "config.yaml", text))


@_FUZZ
@given(text=damaged("name: mine\nversion: 1\nbase: paper\nconditions: [aligned, misaligned]\n"))
def test_protocols(tmp_path: Path, text: str) -> None:
    one_line(load_protocol, str(write(tmp_path / "protocol.yaml", text)))


@_FUZZ
@given(
    text=damaged('file,label,start_seconds,end_seconds,licence\na.mp4,Bird,0,3,CC0\nb/c.mp4,"Hair ""dry""",1.5,2,\n')
)
def test_lists_of_clips(tmp_path: Path, text: str) -> None:
    found = FolderSettings(kind="folder", csv=write(tmp_path / "clips.csv", text))
    one_line(lambda: FolderSource(found).rows())


@_FUZZ
@given(text=damaged('{"question": "Which?", "options": ["a", "b"], "answer": "a"}\n' * 2))
def test_files_of_text_questions(tmp_path: Path, text: str) -> None:
    one_line(read_text_questions, write(tmp_path / "questions.jsonl", text))


@_FUZZ
@given(
    text=damaged(
        '{"annotator": "Ada", "item_id": "a", "clip_id": "a", "sound_clip_id": "b", "decision": "yes", '
        '"blind": false}\n'
    )
)
def test_decisions_of_reviewers(tmp_path: Path, text: str) -> None:
    write(tmp_path / "decisions.jsonl", text)
    one_line(DecisionStore(tmp_path).read)


_STREAM = {"origin": "clip", "clip_id": "a", "label": "Bird", "sha256": "0" * 64, "seconds": 3.0}
_STIMULUS = {
    "key": "a",
    "condition": "aligned",
    "split": "test",
    "video": _STREAM,
    "audio": _STREAM,
    "seconds": 3.0,
    "questions": [],
}


@_FUZZ
@given(text=damaged(json.dumps(_STIMULUS)))
def test_stimuli(text: str) -> None:
    """Pydantic's own error is what readers of records expect; numbers that get through are finite and bounded."""
    try:
        found = Stimulus.model_validate_json(text.encode("utf-8", "surrogatepass"))
    except ValueError:
        return
    assert 0 <= found.seconds <= 3600
    assert 0 <= found.video.seconds <= 3600


@settings(max_examples=300)
@given(
    st.integers(0, 2),
    st.lists(
        st.one_of(
            st.sampled_from(
                ["Bird", "Singing", "bowl", "not", "neither", "nor", "10", "<think>", "**", "\\boxed{", "is"]
            ),
            st.text(alphabet=string.printable, max_size=20),
            st.text(max_size=10),
        ),
        max_size=30,
    ),
)
def test_answers(number: int, words: list[str]) -> None:
    check(" ".join(words), number)


@pytest.mark.parametrize("text", ["(" * 20_000, "not " * 20_000, "Bird, " * 20_000, "A" * 200_000, "<think>" * 5_000])
def test_long_answers_take_no_longer_than_their_length(text: str) -> None:
    check(text, 0)
