"""DPO: its closed form, its pairs from the stream, the base as reference, and frozen weights that stay."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from mma_bench import MMABenchError
from mma_bench.models.omni.training_batch import Exchange, TrainingBatch
from mma_bench.schema import Modality
from mma_bench.tuning.example import Example
from mma_bench.tuning.model import TunedModel, add_updates, trainable
from mma_bench.tuning.objective import preference, rejected
from mma_bench.tuning.settings import LoraSettings, ObjectiveSettings, PreferenceSettings, read_settings
from mma_bench.tuning.step import batch_losses
from tests.tuning.test_objective import FAMILIES, Tiny, example

BETA = 0.3


def test_the_loss_is_the_closed_form() -> None:
    chosen, rejected_, reference_chosen, reference_rejected = (
        torch.tensor(values, dtype=torch.float64, requires_grad=True)
        for values in ([-1.0, -4.0], [-2.0, -0.5], [-1.5, -4.0], [-1.0, -0.5])
    )
    found = preference(chosen, rejected_, reference_chosen, reference_rejected, BETA)
    margin = (-1.0 + 1.5) - (-2.0 + 1.0)
    assert found.tolist() == pytest.approx([math.log1p(math.exp(-BETA * margin)), math.log(2)])
    found.sum().backward()  # type: ignore[no-untyped-call]
    slope = BETA / (1 + math.exp(BETA * margin))
    assert chosen.grad is not None
    assert chosen.grad.tolist() == pytest.approx([-slope, -BETA / 2])
    assert rejected_.grad is not None
    assert rejected_.grad.tolist() == pytest.approx([slope, BETA / 2])


def pair(number: int, tiny: Tiny, distractor: str | None, target: str | None = None) -> Example:
    one = example(number, Modality.VISUAL, tiny.prepare)
    changed = replace(one, question=one.question.model_copy(update={"distractor": distractor}))
    return replace(changed, target=target or changed.target)


def test_pairs_come_from_conflicts_alone() -> None:
    tiny = Tiny(FAMILIES[0])
    nothing = "There is nothing to see in this video."
    examples = [pair(0, tiny, None), pair(1, tiny, "Rain"), pair(2, tiny, "Cat", nothing)]
    found = rejected(examples)
    assert [(index, wrong.target) for index, wrong in found] == [(1, "Rain"), (2, "Cat")]
    for index, wrong in found:
        assert replace(wrong, target=examples[index].target) == examples[index]


def test_the_term_compares_with_the_base_and_moves_only_the_updates() -> None:
    tiny = Tiny(FAMILIES[0])
    plain = TrainingBatch(tiny.thinker, tiny.chat, tiny.extractor, tiny.frame_format, 4.0)
    examples = [pair(0, tiny, None), pair(1, tiny, "Rain"), pair(2, tiny, "Dog")]

    def likelihood(one: Example, target: str) -> float:
        """Return the log-likelihood by transformers' own loss: a mean over the tokens."""
        inputs: dict[str, Any] = plain([Exchange(one.video, one.audio, one.question.prompt, target)])
        with torch.no_grad():
            loss = tiny.thinker.model(**inputs).loss
        return -float(loss) * int((inputs["labels"] >= 0).sum())

    def margins() -> list[float]:
        return [likelihood(one, one.target) - likelihood(one, str(one.question.distractor)) for one in examples[1:]]

    reference = margins()
    weights = trainable(whole := add_updates(tiny.thinker, LoraSettings(dropout=0.0)))
    frozen = {name: weight.clone() for name, weight in tiny.thinker.model.named_parameters() if name not in weights}
    model = TunedModel(tiny.thinker, tiny.chat, tiny.encoder, tiny.prepare, whole, {})
    objective = ObjectiveSettings(preference=PreferenceSettings(beta=BETA))
    start = batch_losses(model, objective, examples, [], 1.0)
    assert start["preference"] == pytest.approx(2 / 3 * math.log(2), rel=1e-5)  # the updates are zero
    optimizer = torch.optim.SGD(weights.values(), lr=5.0)
    optimizer.step()
    optimizer.zero_grad()
    with torch.no_grad():
        for weight in weights.values():
            weight.add_(0.05 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(0)))
    tuned = margins()
    assert tuned != pytest.approx(reference, rel=1e-3)
    wanted = sum(math.log1p(math.exp(-BETA * (a - b))) for a, b in zip(tuned, reference, strict=True)) / 3
    assert batch_losses(model, objective, examples, [], 1.0)["preference"] == pytest.approx(wanted, rel=1e-4)
    names = {name.replace("base_model.model.", "") for name in weights}
    for name, weight in tiny.thinker.model.named_parameters():
        if name not in names and "lora_" not in name:
            assert torch.equal(weight, frozen[name]), name
            assert weight.grad is None


def test_the_adversarial_change_follows_the_supervised_term_alone() -> None:
    found = []
    for shared in (True, False):
        tiny = Tiny(FAMILIES[0])
        torch.manual_seed(0)
        whole = add_updates(tiny.thinker, LoraSettings(dropout=0.0))
        with torch.no_grad():
            for weight in trainable(whole).values():
                weight.normal_(0, 0.05)
        model = TunedModel(tiny.thinker, tiny.chat, tiny.encoder, tiny.prepare, whole, {})
        attack = {"weight": 1.0, "eps": 0.5, "alpha": 3.0, "steps": 1, "share_gradient": shared}
        objective = ObjectiveSettings(adversarial=attack, preference={"weight": 20.0, "beta": 1.0})  # type: ignore[arg-type]
        examples = [pair(0, tiny, None), pair(1, tiny, "Rain"), pair(2, tiny, "Dog")]
        found.append(batch_losses(model, objective, examples, [], 1.0, seeds=["a", "b", "c"]))
    assert found[0] == pytest.approx(found[1], rel=1e-6)


@pytest.mark.parametrize(("name", "given"), [("preference", "{beta: 0.2}"), ("language", "{texts: prose.txt}")])
def test_a_run_that_changes_the_base_itself_has_no_reference(name: str, given: str, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        "model: {checkpoint: base}\ndata: {path: data, mix: [{clips: {aligned: 1}}]}\ntrain: {steps: 1}\n"
    )
    chosen = [f"objective.{name}={given}"]
    assert read_settings(config, chosen).objective.names == [name]
    with pytest.raises(MMABenchError, match="use lora"):
        read_settings(config, [*chosen, "train.weights=full"])
    assert name not in read_settings(config).model_dump()["objective"]  # old runs keep their hash
