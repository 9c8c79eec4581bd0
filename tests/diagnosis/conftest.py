"""The attention kernels that a model may run."""

from typing import Any

import pytest
import torch


@pytest.fixture(params=["sdpa", "eager", "flash_attention_2"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of a kernel. Of flash attention, all is transformers' own but the compiled function, which needs a GPU."""
    from transformers.integrations import flash_attention

    monkeypatch.setattr(flash_attention, "_flash_attention_forward", compiled)
    return str(request.param)


def compiled(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    softmax_scale: float,
    attn_implementation: str,
    **more: Any,
) -> torch.Tensor:
    """Compute what flash attention computes: causal attention, its end aligned, with tokens before heads."""
    assert attn_implementation == "flash_attention_2", "it looks for its own name"
    assert attention_mask is None or attention_mask.dim() == 2, "it takes no other mask"
    query, key, value = (each.transpose(1, 2) for each in (query, key, value))
    new, tokens = query.shape[2], key.shape[2]
    visible = torch.ones(new, tokens).tril(tokens - new).bool()
    if attention_mask is not None:
        visible = visible & attention_mask[:, None, None].bool()
    attended = torch.nn.functional.scaled_dot_product_attention(
        query, key, value, attn_mask=visible, scale=softmax_scale, enable_gqa=True
    )
    return attended.transpose(1, 2)
