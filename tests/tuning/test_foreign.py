"""Adapters of other trainers are merged into what peft itself makes of them, whichever version named the modules."""

import json
import shutil
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from mma_bench import MMABenchError
from mma_bench.cli import main
from mma_bench.models.omni import Asked, Settings
from mma_bench.models.omni.checkpoint import load_checkpoint
from mma_bench.models.omni.random_weights import Size, random_thinker
from mma_bench.tuning import merge
from mma_bench.tuning.foreign import read_foreign
from tests.models.test_omni import sound, video

OLD = {"thinker.model.language_model.": "thinker.model.", "thinker.model.audio_tower.": "thinker.audio_tower."}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a whole Omni model, as those trainers load it."""
    folder = tmp_path_factory.mktemp("whole")
    thinker, tokenizer, extractor = random_thinker("Qwen2_5OmniThinkerForConditionalGeneration", Size(spread=0.25))
    config = transformers.Qwen2_5OmniConfig(thinker_config=thinker.config.to_dict(), enable_audio_output=False)
    model: Any = transformers.Qwen2_5OmniForConditionalGeneration(config)
    model.thinker.load_state_dict(thinker.model.state_dict())
    for part in (model, tokenizer, extractor):
        part.save_pretrained(folder)
    torch.save({}, folder / "spk_dict.pt")
    return folder


@pytest.fixture(scope="module")
def adapter(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, torch.Tensor]]:
    """An adapter as LLaMA-Factory leaves it, and the weights that peft makes of base and adapter."""
    folder = tmp_path_factory.mktemp("adapter")
    model: Any = transformers.Qwen2_5OmniForConditionalGeneration.from_pretrained(whole)
    targets = {"target_modules": ["q_proj", "v_proj"], "exclude_modules": r".*audio_tower.*|.*visual.*"}
    wrapped = peft.get_peft_model(model, peft.LoraConfig(r=4, lora_alpha=16, **targets))
    torch.manual_seed(1)
    for name, weight in wrapped.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.2)
    wrapped.save_pretrained(folder)
    return folder, dict(wrapped.merge_and_unload().thinker.state_dict())


def older(adapter: Path, out: Path, *, thinker_alone: bool) -> Path:
    """The same adapter with the names that transformers had up to 5.19, which both trainers still use.

    LLaMA-Factory tunes the thinker alone and does not say what it belongs to.
    """
    out.mkdir()
    weights = load_file(adapter / "adapter_model.safetensors")
    for new, old in OLD.items():
        weights = {key.replace(new, old): value for key, value in weights.items()}
    config = json.loads((adapter / "adapter_config.json").read_text())
    if thinker_alone:
        weights = {key.replace("thinker.", ""): value for key, value in weights.items()}
        config["base_model_name_or_path"] = ""
    save_file(weights, out / "adapter_model.safetensors")
    (out / "adapter_config.json").write_text(json.dumps(config))
    return out


@pytest.mark.parametrize("names", ["new", "old", "of the thinker alone"])
def test_the_merged_checkpoint_is_that_of_peft_and_answers_alike(
    whole: Path, adapter: tuple[Path, dict[str, torch.Tensor]], tmp_path: Path, names: str
) -> None:
    folder, expected = adapter
    alone = names == "of the thinker alone"
    used = folder if names == "new" else older(folder, tmp_path / "older", thinker_alone=alone)
    base_option = ["--base", str(whole)] if alone else []
    with pytest.raises(SystemExit) as code:
        main(["merge-adapter", "--adapter", str(used), "--out", str(tmp_path / "merged"), *base_option])
    assert code.value.code == 0
    settings = Settings(max_new_tokens=5, score_options=False, min_pixels=1, max_pixels=56 * 56)
    merged, _ = load_checkpoint(str(tmp_path / "merged"), settings)
    found = merged.thinker.model.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.allclose(found[name], expected[name], atol=1e-6) for name in expected)
    base, _ = load_checkpoint(str(whole), settings)
    changed = {name for name, weight in base.thinker.model.state_dict().items() if not torch.equal(weight, found[name])}
    assert len(changed) == 4
    asked = [Asked("What is seen?"), Asked("What is heard?")]
    said = [reply.token_ids for reply in merged.answer(video(1), sound(1), asked)]
    before = [reply.token_ids for reply in base.answer(video(1), sound(1), asked)]
    base.thinker.model.load_state_dict(expected)
    reference, _ = load_checkpoint(str(whole), settings)
    reference.thinker.model.load_state_dict(expected)
    assert said == [reply.token_ids for reply in reference.answer(video(1), sound(1), asked)]
    assert said != before


def changed_config(folder: Path, out: Path, **values: object) -> Path:
    out.mkdir()
    (out / "adapter_model.safetensors").write_bytes((folder / "adapter_model.safetensors").read_bytes())
    config = json.loads((folder / "adapter_config.json").read_text())
    (out / "adapter_config.json").write_text(json.dumps({**config, **values}))
    return out


def test_what_cannot_be_merged_is_one_clear_line_and_leaves_nothing(
    whole: Path, adapter: tuple[Path, dict[str, torch.Tensor]], tmp_path: Path
) -> None:
    folder, _ = adapter
    out = tmp_path / "out"
    cases: list[tuple[dict[str, object], str]] = [
        ({"use_dora": True}, "LoRA adapter with use_dora; merge it with the trainer's own command"),
        ({"bias": "all"}, "LoRA adapter with bias"),
        ({"peft_type": "IA3"}, "an adapter of type IA3"),
        ({"base_model_name_or_path": None}, "does not say which model it was made for; pass it as --base"),
    ]
    for number, (values, message) in enumerate(cases):
        with pytest.raises(MMABenchError, match=message):
            merge(changed_config(folder, tmp_path / str(number), **values), out)
    other = changed_config(folder, tmp_path / "other")
    save_file(
        {
            key.replace("layers.1", "layers.7"): value
            for key, value in load_file(folder / "adapter_model.safetensors").items()
        },
        other / "adapter_model.safetensors",
    )
    with pytest.raises(MMABenchError, match=r"the base model has no .*layers\.7.*q_proj of 64x64"):
        merge(other, out, str(whole))
    (other / "adapter_model.safetensors").write_bytes(b"no weights")
    with pytest.raises(MMABenchError, match="safetensors"):
        merge(other, out, str(whole))
    assert not out.exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"alpha_pattern": {"((([a-z0-9.]+)+)+)+!": 1}}, "alpha_pattern"),
        ({"alpha_pattern": [1]}, "alpha_pattern"),
        ({"lora_alpha": "x"}, "lora_alpha"),
        ({"lora_alpha": 0}, "lora_alpha"),
        ({"base_model_name_or_path": {}}, "base_model_name_or_path"),
    ],
)
def test_a_hostile_configuration_is_one_line(
    adapter: tuple[Path, Any], tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    folder = tmp_path / "adapter"
    shutil.copytree(adapter[0], folder)
    path = folder / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(MMABenchError, match=says):
        read_foreign(folder)


@pytest.mark.parametrize(
    ("down", "up", "says"),
    [
        (torch.zeros(8), torch.zeros(8), "not a low-rank update"),
        (torch.zeros(0, 8), torch.zeros(8, 0), "not a low-rank update"),
        (torch.zeros(2, 8), torch.zeros(8, 3), "not a low-rank update"),
        (torch.full((2, 8), float("nan")), torch.ones(8, 2), "not finite"),
        (torch.full((2, 8), 1e38), torch.full((8, 2), 1e38), "not finite"),
    ],
)
def test_hostile_updates_are_one_line(tmp_path: Path, down: torch.Tensor, up: torch.Tensor, says: str) -> None:
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA", "lora_alpha": 2}')
    save_file({"x.lora_A.weight": down, "x.lora_B.weight": up}, tmp_path / "adapter_model.safetensors")
    model = torch.nn.ModuleDict({"x": torch.nn.Linear(8, 8)})
    with pytest.raises(MMABenchError, match=says):
        read_foreign(tmp_path).add_to(model)
