"""Checkpoints with random weights of the families that run through their own processor, saved by transformers itself.

Each is a folder as on the hub: config.json, safetensors, tokenizer, processor and chat template. The templates have the
form of the published ones, without tools and thinking. The tokenizers read bytes and the family's special tokens.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

SPREAD = 0.2
"""Standard deviation of the weights: large enough that every input shows in the answer."""

_PART = "{% elif p.type == 'KIND' %}TOKEN"


def template(begin: str, turn: str, end: str, answer: str, **tokens: str) -> str:
    """Return a chat template.

    Args:
        begin: what the conversation begins with.
        turn: what a turn begins with; ROLE is its role.
        end: what it ends with.
        answer: what the answer follows.
        tokens: what stands for each kind of media.
    """
    parts = "".join(_PART.replace("KIND", kind).replace("TOKEN", token) for kind, token in tokens.items())
    content = f"{{% if p.type == 'text' %}}{{{{ p.text }}}}{parts}{{% endif %}}"
    turn = turn.replace("ROLE", "{{ m.role }}")
    message = f"{turn}{{% for p in m.content %}}{content}{{% endfor %}}{end}"
    asked = f"{{% if add_generation_prompt %}}{answer}{{% endif %}}"
    return f"{begin}{{% for m in messages %}}{message}{{% endfor %}}{asked}"


def tokenizer(special: Sequence[str], named: dict[str, str], eos: str, bos: str = "<bos>") -> Any:
    """Return a tokenizer that reads bytes and special tokens.

    Args:
        special: special tokens, after `<pad>`, ``bos`` and ``eos``.
        named: special tokens by the attribute under which the processor looks for them.
        eos: what ends an answer.
        bos: what begins a conversation.
    """
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner = Tokenizer(models.BPE({symbol: index for index, symbol in enumerate(alphabet)}, []))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    inner.add_special_tokens(["<pad>", bos, eos, *special])
    tokenizer_class: Any = transformers.PreTrainedTokenizerFast
    roles = {"pad_token": "<pad>", "bos_token": bos, "eos_token": eos}
    return tokenizer_class(tokenizer_object=inner, **roles, extra_special_tokens=named)


def _ids(found: Any) -> dict[str, int]:
    return {"pad_token_id": found.pad_token_id, "bos_token_id": found.bos_token_id, "eos_token_id": found.eos_token_id}


def _id(found: Any, token: str) -> int:
    return int(found.convert_tokens_to_ids(token))


GEMMA4_NAMES = {
    **{"image_token": "<|image|>", "boi_token": "<|image>", "eoi_token": "<image|>"},
    **{"audio_token": "<|audio|>", "boa_token": "<|audio>", "eoa_token": "<audio|>"},
}
GEMMA4_TEMPLATE = template(
    "<bos>", "<|turn>ROLE\n", "<turn|>\n", "<|turn>model\n", image="<|image|>", video="<|video|>", audio="<|audio|>"
)


def gemma4_tokenizer() -> Any:
    """Return a tokenizer with the special tokens of Gemma 4."""
    return tokenizer([*GEMMA4_NAMES.values(), "<|video|>", "<|turn>"], GEMMA4_NAMES, "<turn|>")


def gemma4_model(found: Any) -> Any:
    """Return a Gemma 4 with what E2B and E4B have: per-layer embeddings, sliding windows, shared keys and values."""
    text = {
        **{"vocab_size": len(found), "vocab_size_per_layer_input": len(found), "hidden_size_per_layer_input": 8},
        **{"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 6, "num_kv_shared_layers": 2},
        **{"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "global_head_dim": 32},
        "layer_types": ["sliding_attention", "full_attention"] * 3,
        **{"sliding_window": 24, "final_logit_softcapping": 30.0, "initializer_range": SPREAD},
        **_ids(found),
    }
    vision = {
        **{"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2},
        **{"num_key_value_heads": 2, "head_dim": 16, "position_embedding_size": 256, "initializer_range": SPREAD},
    }
    audio = {
        **{"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "output_proj_dims": 32},
        **{"subsampling_conv_channels": [128, 4], "initializer_range": SPREAD},
    }
    tokens = {
        **{f"{kind}_token_id": _id(found, f"<|{kind}|>") for kind in ("image", "video", "audio")},
        **{"boi_token_id": _id(found, "<|image>"), "eoi_token_id": _id(found, "<image|>")},
        **{"boa_token_id": _id(found, "<|audio>"), "eoa_token_index": _id(found, "<audio|>")},
    }
    config = transformers.Gemma4Config(
        text_config=text, vision_config=vision, audio_config=audio, initializer_range=SPREAD, **tokens
    )
    return _quieter(transformers.Gemma4ForConditionalGeneration(config))


def _quieter(model: Any) -> Any:
    """Return a model with small token embeddings: the output layer shares them, and would repeat the last token."""
    with torch.no_grad():
        model.get_input_embeddings().weight *= 0.2
    return model


def gemma4(folder: Path) -> None:
    """Save a Gemma 4."""
    found = gemma4_tokenizer()
    processor = transformers.Gemma4Processor(
        feature_extractor=transformers.Gemma4AudioFeatureExtractor(),
        image_processor=transformers.Gemma4ImageProcessor(),
        video_processor=transformers.Gemma4VideoProcessor(),
        tokenizer=found,
        chat_template=GEMMA4_TEMPLATE,
    )
    _save(folder, gemma4_model(found), processor)


def gemma3n(folder: Path) -> None:
    """Save a Gemma 3n. Its vision encoder is a small one of timm."""
    names = {
        **{"boi_token": "<start_of_image>", "boa_token": "<start_of_audio>"},
        **{"eoi_token": "<end_of_image>", "image_token": "<image_soft_token>"},
        **{"eoa_token": "<end_of_audio>", "audio_token": "<audio_soft_token>"},
    }
    vision_ids = [names["eoi_token"], names["image_token"], *(f"<vision{number}>" for number in range(6))]
    audio_ids = [names["eoa_token"], names["audio_token"], *(f"<audio{number}>" for number in range(6))]
    text_ids = ["<start_of_turn>", names["boi_token"], names["boa_token"]]
    found = tokenizer([*text_ids, *vision_ids, *audio_ids], names, "<end_of_turn>")
    first = _id(found, vision_ids[0])
    text = {
        **{"vocab_size": len(found), "vocab_size_per_layer_input": first, "hidden_size_per_layer_input": 8},
        **{"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 6, "num_kv_shared_layers": 2},
        **{"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "laurel_rank": 8},
        **{"altup_num_inputs": 2, "activation_sparsity_pattern": [0.0] * 6, "sliding_window": 24},
        **{"layer_types": ["sliding_attention", "full_attention"] * 3, "initializer_range": SPREAD},
        **_ids(found),
    }
    vision = {"architecture": "test_resnet", "vocab_size": 8, "vocab_offset": first, "initializer_range": SPREAD}
    audio = {
        **{"hidden_size": 32, "conf_num_attention_heads": 2, "conf_num_hidden_layers": 2, "vocab_size": 8},
        **{"vocab_offset": first + 8, "sscp_conv_channel_size": [8, 4], "initializer_range": SPREAD},
    }
    tokens = {f"{name}_id": _id(found, token) for name, token in names.items()}
    config = transformers.Gemma3nConfig(
        text_config=text,
        vision_config={**vision, "hidden_size": _timm_width("test_resnet")},
        audio_config=audio,
        vision_soft_tokens_per_image=4,
        initializer_range=SPREAD,
        **tokens,
    )
    processor = transformers.Gemma3nProcessor(
        feature_extractor=transformers.Gemma3nAudioFeatureExtractor(),
        image_processor=transformers.SiglipImageProcessor(size={"height": 64, "width": 64}),
        tokenizer=found,
        chat_template=template(
            "<bos>",
            "<start_of_turn>ROLE\n",
            "<end_of_turn>\n",
            "<start_of_turn>model\n",
            image=names["image_token"],
            audio=names["audio_token"],
        ),
        image_seq_length=4,
    )
    _save(folder, _quieter(transformers.Gemma3nForConditionalGeneration(config)), processor)


def _timm_width(name: str) -> int:
    import timm

    return int(timm.create_model(name, num_classes=0).num_features)


def phi4(folder: Path) -> None:
    """Save a Phi-4-multimodal, with the two adapters."""
    names = {"image_token": "<|image|>", "audio_token": "<|audio|>"}
    found = tokenizer([*names.values(), "<|user|>", "<|system|>", "<|assistant|>"], names, "<|end|>")
    config = transformers.Phi4MultimodalConfig(
        **{"vocab_size": len(found), "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3},
        **{"num_attention_heads": 4, "num_key_value_heads": 2, "initializer_range": SPREAD, **_ids(found)},
        vision_config={
            **{"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 2},
            "image_token_id": _id(found, "<|image|>"),
        },
        audio_config={
            **{"hidden_size": 32, "intermediate_size": 48, "num_blocks": 2, "num_attention_heads": 2},
            **{"ext_pw_out_channel": 32, "depthwise_separable_out_channel": 32, "nemo_conv_channels": 8},
            **{"audio_token_id": _id(found, "<|audio|>"), "initializer_range": SPREAD},
        },
    )
    processor = transformers.Phi4MultimodalProcessor(
        image_processor=transformers.Phi4MultimodalImageProcessor(),
        audio_processor=transformers.Phi4MultimodalFeatureExtractor(),
        tokenizer=found,
        chat_template=template(
            "", "<|ROLE|>", "<|end|>", "<|assistant|>", image=names["image_token"], audio=names["audio_token"]
        ),
    )
    model = transformers.Phi4MultimodalForCausalLM(config)
    for module in model.modules():  # transformers draws these as zeros, so that no picture would show
        for name in ("global_img_feature_extensor", "sub_img_feature_extensor"):
            if hasattr(module, name):
                torch.nn.init.normal_(getattr(module, name), std=SPREAD)
    _save(folder, model, processor)
    for name in ("vision", "speech"):
        _save_adapter(folder / f"{name}-lora", model)


def _save_adapter(folder: Path, model: Any) -> None:
    """Save an adapter with random weights, in the format of peft."""
    import peft
    from safetensors.torch import save_file

    targets = ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]
    peft.LoraConfig(
        r=4, lora_alpha=8, target_modules=r"model\.layers\.\d+\..*(qkv_proj|o_proj|gate_up_proj|down_proj)"
    ).save_pretrained(folder)
    weights = {}
    for name, module in model.named_modules():
        if name.startswith("model.layers.") and name.rpartition(".")[2] in targets:
            weights[f"base_model.model.{name}.lora_A.weight"] = torch.randn(4, module.in_features) * SPREAD
            weights[f"base_model.model.{name}.lora_B.weight"] = torch.randn(module.out_features, 4) * SPREAD
    save_file(weights, folder / "adapter_model.safetensors")


def nemotron(folder: Path) -> None:
    """Save a Nemotron-3-Nano-Omni with every kind of layer: Mamba, experts, attention and perceptron."""
    names = {"image_token": "<image>", "image_start_token": "<img>", "image_end_token": "</img>"}
    names |= {"audio_token": "<so_embedding>"}
    special = [*names.values(), "<so_start>", "<so_end>", "<|im_start|>"]
    found = tokenizer(special, names, "<|im_end|>", "<s>")
    text = {
        **{"model_type": "nemotron_h", "vocab_size": len(found), "hidden_size": 64, "intermediate_size": 96},
        "layers_block_type": ["linear_attention", "moe", "full_attention", "mlp", "linear_attention"],
        **{"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "ssm_state_size": 16},
        **{"mamba_num_heads": 8, "mamba_head_dim": 16, "n_groups": 2, "chunk_size": 16, "n_routed_experts": 4},
        **{"moe_intermediate_size": 32, "moe_shared_expert_intermediate_size": 32, "initializer_range": SPREAD},
        **_ids(found),
    }
    vision = {
        **{"model_type": "radio", "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2},
        **{"image_size": 64, "max_img_size": 256, "video_temporal_patch_size": 2, "initializer_range": SPREAD},
    }
    audio = {
        **{"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48},
        **{"subsampling_conv_channels": 8, "num_mel_bins": 80, "initializer_range": SPREAD},
        **{"projection_hidden_size": 48, "projection_bias": False},
    }
    config = transformers.NemotronH_Omni_Reasoning_V3_Config(
        text_config=text,
        vision_config=vision,
        audio_config=audio,
        vision_hidden_size=32,
        projector_hidden_size=48,
        image_token_id=_id(found, "<image>"),
        audio_token_id=_id(found, "<so_embedding>"),
        initializer_range=SPREAD,
    )
    looks = {"norm_mean": [0.48145466, 0.4578275, 0.40821073], "norm_std": [0.26862954, 0.26130258, 0.27577711]}
    processor = transformers.NemotronH_Omni_Reasoning_V3Processor(
        image_processor=transformers.NemotronH_Omni_Reasoning_V3ImageProcessor(),
        video_processor=transformers.NemotronH_Omni_Reasoning_V3VideoProcessor(video_target_num_patches=16, **looks),
        tokenizer=found,
        feature_extractor=transformers.ParakeetFeatureExtractor(),
        chat_template=template(
            "",
            "<|im_start|>ROLE\n",
            "<|im_end|>\n",
            "<|im_start|>assistant\n",
            image="<image>",
            video="<video>",
            audio="<so_embedding>",
        ),
    )
    _save(folder, transformers.NemotronH_Omni_Reasoning_V3(config), processor)


def _save(folder: Path, model: Any, processor: Any) -> None:
    model.eval().save_pretrained(folder)
    processor.save_pretrained(folder)


CHECKPOINTS: dict[str, Callable[[Path], None]] = {
    "Gemma 4": gemma4,
    "Gemma 3n": gemma3n,
    "Phi-4-multimodal": phi4,
    "Nemotron-3-Nano-Omni": nemotron,
}
"""What saves a checkpoint of each family."""


def make(family: str, folder: Path, seed: int = 0) -> Path:
    """Save a checkpoint of a family with weights drawn from ``seed``, and return its folder."""
    torch.manual_seed(seed)
    CHECKPOINTS[family](folder)
    return folder
