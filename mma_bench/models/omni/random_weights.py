"""Thinkers with random weights, for measuring speed and for tests without a checkpoint.

Speed does not depend on the values of the weights, and any weights can show that two computations agree.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mma_bench.models.omni.thinker import ARCHITECTURES, MediaTokens, Qwen3OmniThinker, Thinker

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Size:
    """Dimensions of a thinker. The defaults have about a quarter of a million parameters.

    The weights are drawn with the standard deviation `spread`.
    """

    layers: int = 2
    hidden: int = 64
    intermediate: int = 128
    heads: int = 4
    key_value_heads: int = 2
    vocabulary: int = 512
    encoder_layers: int = 2
    vision_hidden: int = 32
    vision_intermediate: int = 64
    vision_heads: int = 2
    full_attention_blocks: tuple[int, ...] = (1,)
    audio_hidden: int = 32
    audio_intermediate: int = 64
    audio_heads: int = 2
    mel_bands: int = 128
    spread: float = 0.02


SMALL = Size(
    layers=4,
    hidden=512,
    intermediate=1536,
    heads=8,
    key_value_heads=2,
    encoder_layers=4,
    vision_hidden=256,
    vision_intermediate=768,
    vision_heads=4,
    full_attention_blocks=(3,),
    audio_hidden=256,
    audio_intermediate=1024,
    audio_heads=4,
)
"""A few layers, for measurements on a CPU."""

QWEN25_OMNI_7B = Size(
    layers=28,
    hidden=3584,
    intermediate=18944,
    heads=28,
    key_value_heads=4,
    vocabulary=152064,
    encoder_layers=32,
    vision_hidden=1280,
    vision_intermediate=3420,
    vision_heads=16,
    full_attention_blocks=(7, 15, 23, 31),
    audio_hidden=1280,
    audio_intermediate=5120,
    audio_heads=20,
)
"""The dimensions of Qwen2.5-Omni-7B's thinker."""


def byte_tokenizer(media_tokens: MediaTokens, texts: Sequence[str] = ()) -> Any:
    """Return a tokenizer that reads bytes, each word of ``texts``, and the special tokens of a family."""
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({symbol: index for index, symbol in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    if texts:
        trainer = trainers.BpeTrainer(min_frequency=1, initial_alphabet=alphabet, show_progress=False)
        tokenizer.train_from_iterator(texts, trainer)
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *vars(media_tokens).values()]
    tokenizer.add_special_tokens(special)
    roles = {"pad_token": special[0], "eos_token": special[2], "extra_special_tokens": special[1:]}
    tokenizer_class: Any = transformers.PreTrainedTokenizerFast
    return tokenizer_class(tokenizer_object=tokenizer, **roles)


def mel_extractor(bands: int = 128) -> Any:
    """Return the feature extractor of the Qwen Omni models, which have 128 mel bands."""
    import transformers

    extractor_class: Any = transformers.WhisperFeatureExtractor
    return extractor_class(feature_size=bands, chunk_length=300, n_fft=400, hop_length=160, sampling_rate=16_000)


def random_thinker(
    architecture: str,
    size: Size,
    *,
    seed: int = 0,
    dtype: "torch.dtype | None" = None,
    device: str = "cpu",
    texts: Sequence[str] = (),
) -> tuple[Thinker, Any, Any]:
    """Return a thinker with random weights, its tokenizer and its feature extractor.

    Args:
        architecture: a name in `ARCHITECTURES`.
        size: its dimensions.
        seed: of the weights.
        dtype: of the weights; none for float32.
        device: where the weights are created.
        texts: texts whose words are tokens; other words are split into bytes. The vocabulary grows if necessary.
    """
    import torch

    family = ARCHITECTURES[architecture]
    tokenizer = byte_tokenizer(family.media_tokens, texts)
    size = replace(size, vocabulary=max(size.vocabulary, len(tokenizer)))
    model_class = family.transformers_class()
    settings = _qwen3(size) if issubclass(family, Qwen3OmniThinker) else _qwen25(size)
    config = model_class.config_class(
        **settings, **_token_ids(tokenizer, family.media_tokens), initializer_range=size.spread
    )
    torch.manual_seed(seed)
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype or torch.float32)
    try:
        with torch.device(device):
            model = model_class(config).eval()
    finally:
        torch.set_default_dtype(before)
    return family(model), tokenizer, mel_extractor(size.mel_bands)


def _token_ids(tokenizer: Any, media_tokens: MediaTokens) -> dict[str, int]:
    names = {
        "video_token_id": media_tokens.video,
        "audio_token_id": media_tokens.audio,
        "vision_start_token_id": media_tokens.video_begin,
        "vision_end_token_id": media_tokens.video_end,
        "audio_start_token_id": media_tokens.audio_begin,
        "audio_end_token_id": media_tokens.audio_end,
        "image_token_id": "<|endoftext|>",  # images are never used
    }
    return {name: int(tokenizer.convert_tokens_to_ids(token)) for name, token in names.items()}


def _text(size: Size) -> dict[str, Any]:
    head = size.hidden // size.heads
    # Time gets a quarter of the frequencies, height and width the rest, as in the published models.
    section = [head // 8, head * 3 // 16, head // 2 - head // 8 - head * 3 // 16]
    return {
        "vocab_size": size.vocabulary,
        "hidden_size": size.hidden,
        "intermediate_size": size.intermediate,
        "num_hidden_layers": size.layers,
        "num_attention_heads": size.heads,
        "num_key_value_heads": size.key_value_heads,
        "head_dim": head,
        "initializer_range": size.spread,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1_000_000.0, "mrope_section": section},
    }


def _vision(size: Size) -> dict[str, Any]:
    return {
        "depth": size.encoder_layers,
        "hidden_size": size.vision_hidden,
        "intermediate_size": size.vision_intermediate,
        "num_heads": size.vision_heads,
        "out_hidden_size": size.hidden,
        "initializer_range": size.spread,
    }


def _audio(size: Size) -> dict[str, Any]:
    return {
        "encoder_layers": size.encoder_layers,
        "num_mel_bins": size.mel_bands,
        "encoder_attention_heads": size.audio_heads,
        "encoder_ffn_dim": size.audio_intermediate,
        "d_model": size.audio_hidden,
        "output_dim": size.hidden,
        "initializer_range": size.spread,
    }


def _qwen25(size: Size) -> dict[str, Any]:
    return {
        "text_config": _text(size),
        "vision_config": {**_vision(size), "fullatt_block_indexes": list(size.full_attention_blocks)},
        "audio_config": _audio(size),
    }


def _qwen3(size: Size) -> dict[str, Any]:
    experts = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": size.intermediate // 2}
    return {
        "text_config": {**_text(size), **experts},
        "vision_config": {**_vision(size), "deepstack_visual_indexes": [0], "num_position_embeddings": 256},
        "audio_config": {**_audio(size), "downsample_hidden_size": 16},
        "position_id_per_seconds": 13,
    }
