"""Puts a pretrained Llama-like language model into a Qwen2.5-Omni thinker.

Both decoders compute the same function: RMS norms before attention and before a gated SiLU, grouped key-value heads,
rotary positions. The thinker's q, k and v also have biases, which become zero, and its rotary angles count three axes,
which are equal for text. So the logits of a text prompt are those of the original.
"""

from typing import Any

from mma_bench.models.omni.random_weights import mel_extractor
from mma_bench.models.omni.thinker import Qwen25OmniThinker

ARCHITECTURE = "Qwen2_5OmniThinkerForConditionalGeneration"
FPS = 4.0
FRAME_SIZE = 84
"""Height and width of the frames that the model sees, pixels: 9 tokens for each pair of frames."""

MODEL_OPTIONS = {"fps": str(FPS), "min_pixels": str(FRAME_SIZE**2), "max_pixels": str(FRAME_SIZE**2)}
"""Options with which `mma-bench eval` must load the model; the defaults are for models of the published size."""

TOWER_WIDTH = 96
MEL_BANDS = 48
_SPREAD = 0.1
"""Standard deviation of the towers' initial weights, as in the tiny model: with 0.02, they learn more slowly."""

VISION = {
    "depth": 2,
    "hidden_size": TOWER_WIDTH,
    "intermediate_size": 3 * TOWER_WIDTH,
    "num_heads": 4,
    "fullatt_block_indexes": [0, 1],
    "initializer_range": _SPREAD,
}
AUDIO = {
    "encoder_layers": 2,
    "num_mel_bins": MEL_BANDS,
    "encoder_attention_heads": 4,
    "encoder_ffn_dim": 3 * TOWER_WIDTH,
    "d_model": TOWER_WIDTH,
    "initializer_range": _SPREAD,
}

_COPIED = (
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "max_position_embeddings",
    "rms_norm_eps",
    "hidden_act",
)


def graft(language_model: Any, tokenizer: Any, seed: int = 0) -> tuple[Qwen25OmniThinker, Any, Any]:
    """Return a thinker with the weights of ``language_model`` and new towers.

    Args:
        language_model: a `LlamaForCausalLM` in float32; it stays as it is.
        tokenizer: its tokenizer, to which the media tokens are added, in place.
        seed: of the towers' weights.

    Returns:
        The thinker, the tokenizer and a feature extractor.
    """
    import torch
    import transformers

    media = list(vars(Qwen25OmniThinker.media_tokens).values())
    tokenizer.add_special_tokens({"extra_special_tokens": media})
    old = language_model.config
    text = {name: getattr(old, name) for name in _COPIED}
    half = old.head_dim // 2
    # Time gets a quarter of the frequencies, height and width the rest, as in the published models.
    sections = [half // 4, (half - half // 4) // 2, half - half // 4 - (half - half // 4) // 2]
    rope = {"rope_type": "default", "rope_theta": old.rope_parameters["rope_theta"], "mrope_section": sections}
    text |= {"vocab_size": len(tokenizer), "tie_word_embeddings": True, "rope_parameters": rope}
    config = transformers.Qwen2_5OmniThinkerConfig(
        text_config=text,
        vision_config=VISION | {"out_hidden_size": old.hidden_size},
        audio_config=AUDIO | {"output_dim": old.hidden_size},
        tie_word_embeddings=True,
        **_token_ids(tokenizer),
    )
    torch.manual_seed(seed)
    model = transformers.Qwen2_5OmniThinkerForConditionalGeneration(config).eval()
    thinker = Qwen25OmniThinker(model)
    _copy_weights(language_model, thinker)
    return thinker, tokenizer, mel_extractor(MEL_BANDS)


def _token_ids(tokenizer: Any) -> dict[str, int]:
    tokens = Qwen25OmniThinker.media_tokens
    names = {
        "video_token_id": tokens.video,
        "audio_token_id": tokens.audio,
        "vision_start_token_id": tokens.video_begin,
        "vision_end_token_id": tokens.video_end,
        "audio_start_token_id": tokens.audio_begin,
        "audio_end_token_id": tokens.audio_end,
        "image_token_id": "<|endoftext|>",  # images are never used
    }
    return {name: int(tokenizer.convert_tokens_to_ids(token)) for name, token in names.items()}


def _copy_weights(language_model: Any, thinker: Qwen25OmniThinker) -> None:
    """Copy the language model's weights into the thinker's decoder.

    A new token's embedding is the mean of all: in a tied head its logit is the mean of all logits, so it never wins.
    """
    import torch

    weights = dict(language_model.model.state_dict())
    old = weights["embed_tokens.weight"]
    new = thinker.decoder.state_dict()
    added = len(new["embed_tokens.weight"]) - len(old)
    weights["embed_tokens.weight"] = torch.cat([old, old.mean(dim=0, keepdim=True).expand(added, -1)])
    for name in new:
        if name not in weights and name.endswith("proj.bias"):
            weights[name] = torch.zeros_like(new[name])
    thinker.decoder.load_state_dict(weights)
    thinker.model.tie_weights()
