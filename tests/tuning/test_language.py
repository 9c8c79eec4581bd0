"""The language term: its closed form, the base as reference, passages of a file, and frozen weights that stay."""

import json
import math
import os
from pathlib import Path

import pytest
import torch

from mma_bench import MMABenchError
from mma_bench.tuning.model import TunedModel, add_updates, trainable
from mma_bench.tuning.objective import language
from mma_bench.tuning.plain_text import read_plain_text
from mma_bench.tuning.settings import LanguageSettings, LoraSettings
from mma_bench.tuning.step import language_loss
from scripts.proof.language import passages_of
from tests.tuning.test_objective import FAMILIES, Tiny

PROSE = (
    "The old ferry leaves the harbour at noon. Nobody on the quay waves, and the gulls follow it for a while.\n\n" * 3
)


def test_the_loss_is_the_closed_form() -> None:
    reference = torch.tensor([[0.0, math.log(3)], [1.0, 1.0]])
    predicted = torch.tensor([[0.0, 0.0], [1.0, 1.0]], requires_grad=True)
    found = language(predicted, reference)
    assert found.tolist() == pytest.approx([math.log(2) - (math.log(4) - 0.75 * math.log(3)), 0.0])
    found.sum().backward()  # type: ignore[no-untyped-call]
    assert predicted.grad is not None
    assert predicted.grad.tolist() == [pytest.approx([0.25, -0.25]), pytest.approx([0.0, 0.0])]  # softmax minus p


@pytest.mark.parametrize("family", FAMILIES)
def test_the_term_compares_with_the_base_and_moves_only_the_updates(family: str, tmp_path: Path) -> None:
    tiny = Tiny(family)
    (tmp_path / "prose.txt").write_text(PROSE)
    settings = LanguageSettings(texts=str(tmp_path / "prose.txt"), passages=5, tokens=24)
    text = read_plain_text(settings, tiny.chat)
    passages = text.passages(5, "0/0/0/text")
    ids = torch.tensor(passages)

    def predicted() -> torch.Tensor:
        with torch.no_grad():
            return torch.log_softmax(tiny.thinker.model(input_ids=ids).logits[:, :-1].float(), dim=-1)

    reference = predicted()
    weights = trainable(whole := add_updates(tiny.thinker, LoraSettings(dropout=0.0)))
    frozen = {name: weight.clone() for name, weight in tiny.thinker.model.named_parameters() if name not in weights}
    model = TunedModel(tiny.thinker, tiny.chat, tiny.encoder, tiny.prepare, whole, {}, text)
    assert language_loss(model, settings, 8, "0/0/0/text") == pytest.approx(0, abs=1e-6)  # the updates are zero
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in weights.values():
            weight.add_(0.1 * torch.randn(weight.shape, generator=generator))
    tuned = predicted()
    wanted = float((reference.exp() * (reference - tuned)).sum(dim=-1).mean())
    assert wanted > 1e-3
    gradients = []
    for rows in (8, 2):  # the same in one pass as in three
        for weight in weights.values():
            weight.grad = None
        assert language_loss(model, settings, rows, "0/0/0/text") == pytest.approx(wanted, rel=1e-3)
        gradients.append(torch.cat([weight.grad.flatten() for weight in weights.values()]))
    assert torch.allclose(gradients[0], gradients[1], rtol=1e-3, atol=1e-6)
    assert gradients[0].abs().max() > 0
    names = {name.replace("base_model.model.", "") for name in weights}
    for name, weight in tiny.thinker.model.named_parameters():
        if name not in names and "lora_" not in name:
            assert torch.equal(weight, frozen[name]), name
            assert weight.grad is None


def test_passages_are_parts_of_the_text_and_the_same_for_a_seed(tmp_path: Path) -> None:
    chat = Tiny(FAMILIES[0]).chat
    (tmp_path / "prose.txt").write_text(PROSE)
    text = read_plain_text(LanguageSettings(texts=str(tmp_path / "prose.txt"), tokens=8), chat)
    whole = json.dumps(text.tokens.tolist())[1:-1]
    assert all(json.dumps(one)[1:-1] in whole for one in text.passages(20, "a"))
    assert text.passages(20, "a") == text.passages(20, "a") != text.passages(20, "b")
    exactly = LanguageSettings(texts=str(tmp_path / "prose.txt"), tokens=len(text.tokens))
    assert read_plain_text(exactly, chat).passages(1, "a") == [text.tokens.tolist()]
    longer = exactly.model_copy(update={"tokens": len(text.tokens) + 1})
    with pytest.raises(MMABenchError, match="fewer than one passage"):
        read_plain_text(longer, chat)
    (tmp_path / "image.png").write_bytes(b"\x89PNG\xff\xfe")
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "large.txt").open("wb") as file:
        file.truncate(2**23)
    for name in ("image.png", "nothing.txt", ".", "pipe", "large.txt", "nul\0byte"):
        with pytest.raises(MMABenchError, match=r"objective\.language\.texts: .* cannot be read"):
            read_plain_text(LanguageSettings(texts=str(tmp_path / name)), chat)


@pytest.mark.parametrize(("content", "said"), [(b"Too short.", "too short"), (b"\xff\xfe\x00\x9c", "cannot be read")])
def test_a_text_that_cannot_be_measured_is_named(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "prose.txt"
    path.write_bytes(content)
    with pytest.raises(MMABenchError, match=f"{path}.*{said}|{said}.*{path}"):
        passages_of([path])
