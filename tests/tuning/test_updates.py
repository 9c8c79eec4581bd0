"""Low-rank updates in both families: where they are, what reaches them, and that every route answers alike."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import peft
import pytest
import torch
import transformers

from mma_bench import MMABenchError
from mma_bench.models.omni.answering import Asked
from mma_bench.models.omni.checkpoint import load_checkpoint
from mma_bench.models.omni.encode_once import EncodeOnce
from mma_bench.models.omni.random_weights import Size, random_thinker
from mma_bench.models.omni.settings import Settings
from mma_bench.models.omni.training_batch import Exchange, TrainingBatch
from mma_bench.schema import Modality
from mma_bench.tuning import TuneSettings, merge, read_settings
from mma_bench.tuning.adapter import save_adapter, save_checkpoint
from mma_bench.tuning.inputs import Encoder
from mma_bench.tuning.model import TunedModel, load_for_tuning, trainable
from mma_bench.tuning.record import RunRecord
from mma_bench.tuning.step import batch_losses
from tests.conftest import ROOT
from tests.models.test_omni import plain_ids, plain_inputs, sound, video
from tests.tuning.test_objective import FAMILIES, Tiny, example

TINY = ROOT / "mma_bench" / "tuning" / "configs" / "tiny.yaml"
QUESTIONS = [Asked("What do you hear?"), Asked("Which of these do you see: a dog, rain or a violin?"), Asked("Where?")]


def settings(checkpoint: str, *changes: str) -> TuneSettings:
    always = ["data.path=none", f"model.checkpoint={checkpoint}", "model.min_pixels=1", "lora.dropout=0"]
    return read_settings(TINY, [*always, "train.gradient_checkpointing=false", *changes])


def learnt(given: TuneSettings) -> TunedModel:
    """Return a model whose updates change what it says, as after training."""
    torch.set_num_threads(1)
    model = load_for_tuning(given)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in trainable(model.whole).values():
            weight.copy_(torch.randn(weight.shape, generator=generator) * 0.2)
    return model


@pytest.mark.parametrize("projections", ["[q_proj,v_proj]", "[q_proj,k_proj,v_proj,o_proj]"])
@pytest.mark.parametrize("family", FAMILIES)
def test_only_the_language_model_is_updated_and_each_update_learns(family: str, projections: str) -> None:
    """The audio tower has projections of the same names, and peft rewrites patterns for mixtures of experts."""
    given = settings(f"random:{family}", f"lora.projections={projections}")
    model = learnt(given)
    asked = [example(0, Modality.VISUAL, model.prepare), example(2, Modality.AUDIO, model.prepare)]
    batch_losses(model, given.objective, asked, [], 1.0)
    weights = trainable(model.whole)
    assert len(weights) == 2 * 2 * len(given.lora.projections)  # layers, factors
    inside = {id(weight) for weight in model.thinker.decoder.parameters()}
    for name, weight in weights.items():
        assert id(weight) in inside, name
        assert weight.grad is not None, name
        assert weight.grad.abs().max() > 0, name


def test_an_update_outside_the_language_model_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version of peft may again choose other modules than those named."""
    wrap = peft.get_peft_model

    def elsewhere(model: Any, config: Any) -> Any:
        return wrap(model, peft.LoraConfig(target_modules=["q_proj"]))

    monkeypatch.setattr(peft, "get_peft_model", elsewhere)
    with pytest.raises(MMABenchError, match=r"outside the language model \(.*audio_tower"):
        load_for_tuning(settings(f"random:{FAMILIES[1]}"))


@pytest.mark.parametrize("family", FAMILIES)
def test_training_uses_the_positions_of_the_official_model(family: str) -> None:
    """At 3 frames a second, Qwen3-Omni places video between whole positions."""
    tiny = Tiny(family)
    one = example(1, Modality.AUDIO, tiny.prepare)
    inputs = Encoder(tiny.thinker, tiny.chat, 2 / 3, 16)([one])
    plain = TrainingBatch(tiny.thinker, tiny.chat, tiny.extractor, tiny.frame_format, 3.0)
    other = plain([Exchange(one.video, one.audio, one.question.prompt, one.target)])
    official, _ = tiny.thinker.model.get_rope_index(
        other["input_ids"],
        video_grid_thw=other["video_grid_thw"],
        attention_mask=other["attention_mask"],
        use_audio_in_video=True,
        audio_seqlens=other["feature_attention_mask"].sum(-1),
        second_per_grids=torch.tensor([2 / 3]),
    )
    assert bool((official % 1 != 0).any()) is ("Qwen3" in family)
    for found in (inputs.positions, other["position_ids"]):
        assert found.dtype == official.dtype
        assert torch.equal(found, official)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_tuned_model_says_the_same_through_every_route(family: str, tmp_path: Path) -> None:
    """While it is tuned, from its adapter with peft and transformers alone, and merged."""
    base, how = tmp_path / "base", Settings(fps=2, min_pixels=1, max_pixels=56 * 56, max_new_tokens=12)
    thinker, tokenizer, extractor = random_thinker(family, Size(spread=0.2))
    for part in (thinker.model, tokenizer, extractor):
        part.save_pretrained(base)
    given = settings(str(base), "model.fps=2")
    model = learnt(given)
    record = RunRecord.of(given, model.identity, {}, 1)
    result = {"steps": 1, "score": None, "stopped_early": False}
    save_adapter(tmp_path / "adapter", model, given, record, result)
    merge(tmp_path / "adapter", tmp_path / "merged")

    untuned, _ = load_checkpoint(str(base), how)
    merged, _ = load_checkpoint(str(tmp_path / "merged"), how)
    model.thinker.model.eval()
    tuned = EncodeOnce(model.thinker, tokenizer, extractor, untuned.frame_format, how)
    streams = video(1), sound(1)
    said = [reply.token_ids for reply in tuned.answer(*streams, QUESTIONS)]
    assert said != [reply.token_ids for reply in untuned.answer(*streams, QUESTIONS)]
    assert [reply.token_ids for reply in merged.answer(*streams, QUESTIONS)] == said

    bare = getattr(transformers, family).from_pretrained(base, dtype=torch.float32)
    plain = peft.PeftModel.from_pretrained(bare, str(tmp_path / "adapter")).eval()
    inputs = plain_inputs(untuned, streams)
    text = inputs.pop("text")
    for question, expected in zip(QUESTIONS, said, strict=True):
        ids = plain_ids(untuned, text, question)
        written = plain.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            **inputs,
            do_sample=False,
            repetition_penalty=1.0,
            max_new_tokens=how.max_new_tokens,
            eos_token_id=tuned.answering.stop_ids,
            pad_token_id=0,
        )[0, ids.shape[1] :].tolist()
        ends = [place for place, token in enumerate(written) if token in tuned.answering.stop_ids]
        assert tuple(written[: ends[0]] if ends else written) == expected


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("family", FAMILIES)
def test_full_tuning_moves_every_layer_and_nothing_else(family: str, dtype: str, tmp_path: Path) -> None:
    base, how = tmp_path / "base", Settings(fps=2, min_pixels=1, max_pixels=56 * 56, max_new_tokens=12)
    thinker, tokenizer, extractor = random_thinker(family, Size(spread=0.2))
    for part in (thinker.model, tokenizer, extractor):
        part.save_pretrained(base)
    given = settings(str(base), "model.fps=2", "train.weights=full", f"model.dtype={dtype}")
    model = load_for_tuning(given)
    before = {name: weight.detach().clone() for name, weight in model.whole.named_parameters()}
    weights = trainable(model.whole)
    assert all(weight.dtype == torch.float32 for weight in weights.values())
    optimizer = torch.optim.SGD(weights.values(), lr=1.0)
    asked = [example(0, Modality.VISUAL, model.prepare), example(2, Modality.AUDIO, model.prepare)]
    first = batch_losses(model, given.objective, asked, [], 1.0)
    assert all(weight.grad is not None for weight in weights.values())
    optimizer.step()
    optimizer.zero_grad()
    assert batch_losses(model, given.objective, asked, [], 1.0) != first
    moved = {n for n, weight in model.whole.named_parameters() if not torch.equal(weight, before[n])}
    # `language_model` is `model` in transformers before 5.18.
    layers = {name for name in before if re.search(r"(^|\.)(language_model|model)\.(layers|norm)\.", name)}
    assert moved <= layers == weights.keys()
    assert len(moved) > 0.8 * len(layers)  # no question of so few reaches every expert

    record = RunRecord.of(given, model.identity, {}, 1)
    save_checkpoint(tmp_path / "tuned", model, given, record, {"steps": 1, "score": None, "stopped_early": False})
    assert "all layers of the language model" in (tmp_path / "tuned" / "README.md").read_text()
    loaded, _ = load_checkpoint(str(tmp_path / "tuned"), how.model_copy(update={"dtype": dtype}))
    assert {weight.dtype for weight in loaded.thinker.model.parameters()} == {getattr(torch, dtype)}
    model.thinker.model.eval()
    tuned = EncodeOnce(model.thinker, tokenizer, extractor, loaded.frame_format, how)
    said = [reply.token_ids for reply in tuned.answer(video(1), sound(1), QUESTIONS)]
    assert [reply.token_ids for reply in loaded.answer(video(1), sound(1), QUESTIONS)] == said


def test_tuning_and_evaluation_share_the_system_prompt() -> None:
    spoken = "Trust your eyes; \"quote\" 'them'."
    given = settings(f"random:{FAMILIES[0]}", f"model.system_prompt={json.dumps(spoken)}")
    model = load_for_tuning(given)
    prefix = model.chat.media_prefix(np.ones(3, bool), video=True, audio=True)
    assert spoken in model.chat.tokenizer.decode(prefix)
    words = shlex.split(given.model.evaluation_options)
    assert words[-2:] == ["--model-option", f"system_prompt={spoken}"]
