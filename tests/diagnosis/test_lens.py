"""The lens ends at the model's own scores, and finds a label that a layer held and a later one took away."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
import torch

from mma_bench.diagnosis.parts.lens import ANSWER, HEARD, LEADS, Lens, _at_answer, _media
from mma_bench.diagnosis.registry import Measured
from mma_bench.diagnosis.subject import Case
from mma_bench.diagnosis.token_map import Group
from tests.diagnosis.models import CLASSES, FAMILIES, explicit, make_engine, prompt_of


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.no_grad():
        yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("family", FAMILIES)
def test_layers_are_those_of_the_model_and_the_last_one_is_its_answer(family: str) -> None:
    engine = make_engine(family)
    case = Case(prompt_of(engine), "a", "Dog", "Water", "Church_bell")
    found = np.array(_at_answer(case, CLASSES))
    assert found.shape == (3, len(CLASSES))
    (reading,) = case.prompt.read(CLASSES, [None])
    assert found[-1] == pytest.approx(reading.scores, abs=1e-4)
    for number, label in enumerate(CLASSES[:2]):
        states = explicit(engine, case.question, label, output_hidden_states=True).hidden_states
        ids = torch.tensor(engine.chat.text(label))
        begin = case.prompt.map.length - 1
        for layer in range(2):  # the last state that transformers returns is normalised already
            hidden = engine.thinker.normalise(states[layer + 1][0, begin : begin + len(ids)])
            logits = engine.thinker.logits(hidden).log_softmax(-1)
            assert found[layer, number] == pytest.approx(float(logits.gather(1, ids[:, None]).sum()), abs=2e-4)


def test_media_tokens_are_read_where_they_are() -> None:
    engine = make_engine(FAMILIES[0])
    prompt = prompt_of(engine)

    found = _media([Case(prompt, "a", "Dog", "Water", None)])
    states = explicit(engine, output_hidden_states=True).hidden_states
    first = engine.chat.text("Water")[0]
    for group in (Group.VIDEO, Group.AUDIO):
        places = np.flatnonzero(prompt.map.of(group))
        for layer in range(2):
            logits = engine.thinker.logits(engine.thinker.normalise(states[layer + 1][0, places])).log_softmax(-1)
            average, best = found[group][layer]["Water"]
            assert average == pytest.approx(float(logits[:, first].mean()), abs=1e-4)
            assert best == pytest.approx(float(logits[:, first].max()), abs=1e-4)


def test_heard_not_said_counts_wrong_answers_whose_right_label_led() -> None:
    """Ten wrong answers, in four of which the right label leads in the middle; two right answers do not count."""
    rows = []
    for number in range(12):
        right = [-3.0, -1.0 if number < 4 else -4.0, -5.0 if number < 10 else -0.5]
        for role, scores in (
            ("right", right),
            ("competing", [-2.0, -2.0, -1.0]),
            ("random option", [-9.0, -9.0, -9.0]),
        ):
            rows += [
                {"question_id": f"q{number}", "key": f"k{number}", "clip": f"c{number}", "condition": "misaligned",
                 "variant": "standard", "modality": "audio", "place": ANSWER, "label": role, "role": role,
                 "layer": layer, "log_prob": score, "best": None}
                for layer, score in enumerate(scores)
            ]  # fmt: skip
    numbers = Lens().numbers(Measured({"lens": pa.Table.from_pylist(rows)}, layers=3, heads=1, seed=0))
    heard = {number.group: number for number in numbers if number.quantity == HEARD}
    assert (heard["right"].value, heard["right"].clips) == (0.4, 10)
    assert 0.1 < heard["right"].low < 0.4 < heard["right"].high < 0.8
    assert heard["random option"].value == 0
    leads = {number.layer: number.value for number in numbers if number.quantity == LEADS and number.group == "right"}
    assert leads == {0: 0.0, 1: 0.4}
