"""Patching is exact: everything comes back where everything is put in, and nothing where nothing is read."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
import torch

from mma_bench.diagnosis.parts.patching import ALL, Patching, patched_layers, share_of_difference
from mma_bench.diagnosis.patches import EMBEDDINGS, WholePrompt
from mma_bench.diagnosis.token_map import Group
from mma_bench.models.omni import EncodeOnce
from tests.diagnosis.models import FAMILIES, TEXTS, make_engine, masked, prompt_of, subject_of
from tests.models.test_omni import sound, video

ALIGNED, MISALIGNED = (video(1), sound(1)), (video(1), sound(2))
CLASSES = ["A", "B", "C", "D"]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def measure(engine: EncodeOnce, classes: list[str] = CLASSES) -> pd.DataFrame:
    subject = subject_of(engine, classes[0], classes[1], MISALIGNED, aligned=ALIGNED, classes=classes)
    rows = pd.DataFrame(list(Patching().measure(subject)))
    assert rows["left_out"].isna().all()
    assert (rows["aligned"] - rows["before"]).abs().min() > 0.01, "the audio must matter for this to show anything"
    rows["share"] = (rows["after"] - rows["before"]) / (rows["aligned"] - rows["before"])
    return rows.set_index(["modality", "group", "layer"])["share"]


@pytest.mark.parametrize(("family", "kernel"), zip(FAMILIES, ("sdpa", "eager"), strict=True))
def test_everything_comes_back_with_the_audio_itself_and_with_all_states(family: str, kernel: str) -> None:
    shares = measure(make_engine(family, kernel, texts=TEXTS))
    for modality in ("visual", "audio"):
        own = shares[modality]
        assert own["audio", EMBEDDINGS] == pytest.approx(1, abs=1e-3)
        for group in ("video", "question", "option"):
            assert own[group, EMBEDDINGS] == pytest.approx(0, abs=1e-3), "these inputs are the same"
        for layer in patched_layers(3):
            assert own[ALL, layer] == pytest.approx(1, abs=1e-3)
    later = shares.drop(index=EMBEDDINGS, level="layer").drop(index=ALL, level="group")
    assert ((later.abs() > 0.02) & ((later - 1).abs() > 0.02)).any()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_pass_over_the_whole_prompt_is_the_reading_of_the_question(family: str) -> None:
    """Whichever stream ends last decides where the question's positions begin."""
    engine = make_engine(family)
    for streams in (ALIGNED, (video(1, frames=12), sound(1, seconds=3)), (video(1, frames=4), sound(1, seconds=7))):
        prompt = prompt_of(engine, streams=streams)
        (reading,) = prompt.read(["Dog", "Water"], [None])
        assert WholePrompt(prompt, ["Dog", "Water"]).states().scores == pytest.approx(reading.scores, abs=2e-4)


def test_labels_of_several_tokens_end_at_the_same_states() -> None:
    shares = measure(make_engine(FAMILIES[0], texts=TEXTS), ["Dog", "Dog bark", "Water", "Church_bell"])
    assert shares["visual"]["audio", EMBEDDINGS] == pytest.approx(1, abs=1e-3)


def test_states_that_no_later_layer_reads_bring_nothing_back() -> None:
    """A model that sees no audio from layer 1 on: the audio's tokens matter only before layer 0."""
    engine = make_engine(FAMILIES[0], texts=TEXTS)
    audio = prompt_of(engine).map.of(Group.AUDIO)
    with masked(engine, range(1, 3), np.ones(len(audio), bool) & ~audio, audio):
        shares = measure(engine)
    for modality in ("visual", "audio"):
        assert shares[modality]["audio", EMBEDDINGS] == pytest.approx(1, abs=1e-3)
        for layer in (0, 1):
            assert shares[modality]["audio", layer] == pytest.approx(0, abs=1e-3)


def test_two_runs_of_the_same_inputs_differ_in_nothing() -> None:
    engine = make_engine(FAMILIES[0], texts=TEXTS)
    subject = subject_of(engine, "A", "B", ALIGNED, aligned=ALIGNED, classes=CLASSES)
    rows = pd.DataFrame(list(Patching().measure(subject)))
    assert rows["after"].to_numpy() == pytest.approx(rows["before"].to_numpy(), abs=1e-4)
    assert rows["aligned"].to_numpy() == pytest.approx(rows["before"].to_numpy(), abs=1e-4)


def test_pairs_of_unequal_length_are_left_out_with_the_reason() -> None:
    engine = make_engine(FAMILIES[0], texts=TEXTS)
    subject = subject_of(engine, "A", "B", (video(1), sound(2, seconds=4.1)), aligned=ALIGNED, classes=CLASSES)
    rows = list(Patching().measure(subject))
    assert [row["left_out"] for row in rows] == ["the media have different lengths"] * 2
    assert list(Patching().measure(subject_of(engine, "A", "A", ALIGNED))) == []


def test_a_share_is_a_ratio_of_sums_so_that_pairs_without_a_difference_do_not_count() -> None:
    rows = pd.DataFrame(
        {"clip": [f"c{n}" for n in range(40)], "before": 0.0, "aligned": [4.0] * 20 + [1e-9] * 20,
         "after": [1.0] * 20 + [0.01] * 10 + [-0.01] * 10}
    )  # fmt: skip
    found = share_of_difference(rows, 0)
    assert found.value == pytest.approx(0.25, abs=1e-6)
    assert found.low < 0.25 < found.high
    assert found.clips == 40
