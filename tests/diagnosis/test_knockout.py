"""Knock-out equals an explicit mask, and finds what is planted: nothing where nothing is read."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from mma_bench.diagnosis.blocking import Blocking
from mma_bench.diagnosis.omni_prompt import OmniPrompt
from mma_bench.diagnosis.parts.attention import Masses
from mma_bench.diagnosis.parts.knockout import windows
from mma_bench.diagnosis.subject import Case
from mma_bench.diagnosis.token_map import GROUPS, Group
from mma_bench.models.omni.attention import Attention
from tests.diagnosis.models import FAMILIES, QUESTIONS, explicit, make_engine, masked, prompt_of

LABELS = ["Dog", "Water"]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def explicit_score(prompt: OmniPrompt, label: str) -> float:
    """The log-probability of a label by one pass over the whole conversation."""
    logits = explicit(prompt.engine, prompt.question, label).logits[0]
    ids = torch.tensor(prompt.engine.chat.text(label))
    length = prompt.map.length
    states = logits[length - 1 : length - 1 + len(ids)].log_softmax(-1)
    return float(states.gather(1, ids[:, None]).sum())


def test_a_knock_out_equals_an_explicit_mask(kernel: str) -> None:
    family = FAMILIES[kernel == "eager"]
    prompt = prompt_of(make_engine(family, kernel, texts=[QUESTIONS[0].prompt]))
    assert min(len(prompt.label_places(label)) for label in LABELS) > 1, "the answer's own tokens must not look either"
    found = prompt.map
    new = np.arange(found.length) >= found.media_end
    last = np.arange(found.length) == found.answering
    words = found.of(Group.QUESTION)
    random = np.random.default_rng(0).random(found.length) < 0.3
    cuts = [
        (range(1, 2), last, found.of(Group.VIDEO)),
        (range(3), new, found.of(Group.AUDIO)),
        (range(1, 3), words, found.of(Group.VIDEO)),
        (range(2), last, found.of(Group.OPTION)),
        (range(3), new, random),
    ]
    blockings = [Blocking(layers, rows[found.media_end :], columns) for layers, rows, columns in cuts]
    before, *after = prompt.read(LABELS, [None, *blockings])
    for (layers, rows, columns), reading in zip(cuts, after, strict=True):
        with masked(prompt.engine, layers, rows, columns):
            expected = [explicit_score(prompt, label) for label in LABELS]
        assert reading.scores == pytest.approx(expected, abs=2e-4)
        assert abs(reading.scores - before.scores).max() > 0.01, "the cut must matter for this to show anything"


def test_what_is_not_read_is_not_missed() -> None:
    """A model that sees no audio from layer 1 on: no mass there, and cutting it changes nothing, but in layer 0."""
    engine = make_engine(FAMILIES[0])
    audio = prompt_of(engine).map.of(Group.AUDIO)
    with masked(engine, range(1, 3), np.ones(len(audio), bool), audio):
        prompt = prompt_of(engine)
        masses = Masses(Case(prompt, "a", *LABELS, None))
        prompt.look(masses)
        rows = np.ones(prompt.map.length - prompt.map.media_end, bool)
        before, *after = prompt.read(LABELS, [None, *(Blocking([layer], rows, audio) for layer in range(3))])
    heard = [layer[:, :, GROUPS.index(Group.AUDIO)].max() for layer in masses.by_group]
    assert heard[0] > 0.1
    assert heard[1:] == [0, 0]
    changes = [abs(reading.scores - before.scores).max() for reading in after]
    assert changes[0] > 0.01
    assert changes[1:] == pytest.approx([0, 0], abs=1e-5)


def test_a_batch_gives_each_row_its_own_cut() -> None:
    prompt = prompt_of(make_engine(FAMILIES[0]))
    rows = np.ones(prompt.map.length - prompt.map.media_end, bool)
    cuts = [Blocking([layer], rows, prompt.map.of(group)) for layer in range(3) for group in (Group.VIDEO, Group.AUDIO)]
    together = prompt.read(LABELS, [*cuts, None])
    for cut, reading in zip([*cuts, None], together, strict=True):
        (alone,) = prompt.read(LABELS, [cut])
        assert alone.scores == pytest.approx(reading.scores, abs=1e-4)
        assert alone.first == reading.first


def test_windows_cover_all_layers() -> None:
    for layers in range(1, 60):
        found = windows(layers)
        assert {layer for window in found for layer in window} == set(range(layers))
        assert all(window[-1] < layers for window in found)
        assert found[-1] == range(layers)
        assert len({(window[0], window[-1]) for window in found}) == len(found) <= 25


def test_only_cut_rows_are_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    prompt = prompt_of(make_engine(FAMILIES[0]))
    found = prompt.map
    count = []
    original = Attention.attended

    def counted(self: Attention, weights: torch.Tensor, rows: slice) -> torch.Tensor:
        count.append((self.layer, tuple(weights.shape)))
        return original(self, weights, rows)

    monkeypatch.setattr(Attention, "attended", counted)
    last = np.arange(found.length - found.media_end) == prompt.answering
    prompt.read(["Dog"], [Blocking([1], last, found.of(Group.VIDEO))])
    assert [layer for layer, _ in count] == [1]
    assert count[0][1][2] == len("Dog"), "the answering position and the tokens of the label"
