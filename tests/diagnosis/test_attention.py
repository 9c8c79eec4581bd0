"""Attention mass is that of an eager pass with `output_attentions`, whatever the model runs; answers stay the same."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from mma_bench.diagnosis.parts.attention import Masses
from mma_bench.diagnosis.subject import Case
from mma_bench.diagnosis.token_map import GROUPS, Group
from mma_bench.models.omni import Asked
from mma_bench.models.omni.attention import Attention, hooked
from tests.diagnosis.models import CLASSES, FAMILIES, QUESTIONS, STREAMS, explicit, make_engine, prompt_of


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("family", FAMILIES)
def test_masses_are_sums_of_output_attentions(family: str, kernel: str) -> None:
    engine = make_engine(family, kernel)
    case = Case(prompt_of(engine), "a", "Dog", "Water", None)
    masses = Masses(case)
    case.prompt.look(masses)
    found = case.prompt.map
    attentions = explicit(engine, output_attentions=True).attentions
    assert len(attentions) == len(masses.by_group) == 3
    words = np.flatnonzero(found.of(Group.QUESTION))
    for layer, weights in enumerate(attentions):
        rows = weights[0].double().numpy()
        assert rows.shape[1] == found.length
        for number, taken in enumerate(([found.answering], words)):
            expected = rows[:, taken].mean(axis=1)
            for code in range(len(GROUPS)):
                of_group = expected[:, found.codes[: found.length] == code].sum(axis=1)
                assert masses.by_group[layer][number, :, code] == pytest.approx(of_group, abs=1e-5)
            for option in range(len(CLASSES)):
                of_option = expected[:, found.option[: found.length] == option].sum(axis=1)
                assert masses.by_option[layer][number, :, option] == pytest.approx(of_option, abs=1e-5)
    assert np.ptp([layer[0].mean(axis=0) for layer in masses.by_group], axis=0).max() > 0.01


def test_rows_before_the_question_are_causal(kernel: str) -> None:
    """There the kernel gets no mask: each token sees itself and what comes before it."""
    engine = make_engine(FAMILIES[0], kernel)
    places = torch.tensor([0, 5, 40, 77])
    seen: list[torch.Tensor] = []

    def look(attention: Attention, output: torch.Tensor) -> torch.Tensor:
        seen.append(attention.weights(places))
        return output

    with hooked(engine.thinker, look):
        prompt = prompt_of(engine)
    attentions = explicit(engine, output_attentions=True).attentions
    width = prompt.map.media_end
    for weights, expected in zip(seen, attentions, strict=True):
        assert weights[0].numpy() == pytest.approx(expected[0][:, places, :width].numpy(), abs=1e-5)


def test_only_the_needed_rows_are_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory of a full matrix would grow with the square of the prompt."""
    engine = make_engine(FAMILIES[0])
    case = Case(prompt_of(engine), "a", "Dog", "Water", None)
    shapes = []
    original = Attention.weights

    def counted(self: Attention, *arguments: object) -> torch.Tensor:
        weights = original(self, *arguments)  # type: ignore[arg-type]
        shapes.append(weights.shape)
        return weights

    monkeypatch.setattr(Attention, "weights", counted)
    case.prompt.look(Masses(case))
    rows = 1 + int(case.prompt.map.of(Group.QUESTION).sum())
    assert sum(shape[2] for shape in shapes) == rows * 3
    assert max(shape[2] for shape in shapes) <= 64
    assert rows < case.prompt.map.length / 2


@pytest.mark.parametrize("family", FAMILIES)
def test_answers_under_diagnosis_are_those_without(family: str, kernel: str) -> None:
    engine = make_engine(family, kernel)
    questions = [Asked(question.prompt, question.options) for question in QUESTIONS]
    plain = engine.answer(*STREAMS, questions)
    seen = []

    def look(attention: Attention, output: torch.Tensor) -> torch.Tensor:
        seen.append(attention.weights(torch.tensor([-1 % attention.query.shape[2]])))
        return output

    with hooked(engine.thinker, look):
        watched = engine.answer(*STREAMS, questions)
    assert seen
    assert all(weights.sum(dim=-1) == pytest.approx(1, abs=1e-5) for weights in seen)
    assert [reply.token_ids for reply in watched] == [reply.token_ids for reply in plain]
    assert [reply.option_scores for reply in watched] == [reply.option_scores for reply in plain]


@pytest.mark.parametrize("family", FAMILIES)
def test_scores_are_those_of_an_evaluation(family: str) -> None:
    engine = make_engine(family)
    prompt = prompt_of(engine)
    (found,) = prompt.read(CLASSES, [None])
    (reply,) = engine.answer(*STREAMS, [Asked(QUESTIONS[0].prompt, CLASSES)])
    assert dict(zip(CLASSES, found.scores, strict=True)) == pytest.approx(reply.option_scores, abs=1e-4)
    assert found.first == (*reply.token_ids, engine.chat.end_id)[0]
