"""Write a thinker of ours as a whole Qwen2.5-Omni checkpoint that servers such as vLLM load.

    VLLM_ENVIRONMENT/bin/python scripts/servers/whole_checkpoint.py smol-omni/base FOLDER [--pixels 7056]

The weights are unchanged. Added are the names of the whole model, the official processors, and a chat template that
writes video and audio as two inputs. The environment needs torchvision; nothing of this project is imported.
"""

import argparse
import json
from pathlib import Path

import transformers
from safetensors.torch import load_file, save_file

TEMPLATE = (
    "{% if messages[0].role != 'system' %}<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}"
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% if message.content is string %}{{ message.content }}{% else %}{% for part in message.content %}"
    "{% if part.type in ('image', 'image_url') %}<|vision_bos|>IMAGE<|vision_eos|>"
    "{% elif part.type in ('video', 'video_url') %}<|vision_bos|><|VIDEO|><|vision_eos|>"
    "{% elif part.type in ('audio', 'audio_url', 'input_audio') %}<|audio_bos|><|AUDIO|><|audio_eos|>"
    "{% else %}{{ part.text }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def write_checkpoint(base: Path, folder: Path, pixels: int) -> None:
    """Write model and processors to ``folder``.

    Args:
        base: folder of the thinker.
        folder: where to write.
        pixels: area of a frame.
    """
    folder.mkdir(parents=True)
    thinker = json.loads((base / "config.json").read_text())
    tokenizer = transformers.AutoTokenizer.from_pretrained(base)
    image = tokenizer.convert_ids_to_tokens(thinker["image_token_index"])
    whole = {
        "architectures": ["Qwen2_5OmniModel"],
        "model_type": "qwen2_5_omni",
        "enable_audio_output": False,
        "thinker_config": thinker,
    }
    (folder / "config.json").write_text(json.dumps(whole, indent=2))
    weights = load_file(base / "model.safetensors")
    save_file({f"thinker.{name}": value for name, value in weights.items()}, folder / "model.safetensors")
    saved = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer.backend_tokenizer,
        pad_token=tokenizer.pad_token,
        eos_token=tokenizer.eos_token,
        extra_special_tokens={
            "image_token": image,
            "audio_token": "<|AUDIO|>",
            "video_token": "<|VIDEO|>",
            "vision_bos_token": "<|vision_bos|>",
            "vision_eos_token": "<|vision_eos|>",
            "audio_bos_token": "<|audio_bos|>",
            "audio_eos_token": "<|audio_eos|>",
        },
    )
    vision = thinker["vision_config"]
    looks = {
        "size": {"shortest_edge": pixels, "longest_edge": pixels},
        "patch_size": vision["patch_size"],
        "temporal_patch_size": vision["temporal_patch_size"],
        "merge_size": vision["spatial_merge_size"],
        **json.loads((base / "video_preprocessor_config.json").read_text()),
    }
    transformers.Qwen2_5OmniProcessor(
        image_processor=transformers.Qwen2VLImageProcessor(**looks),
        video_processor=transformers.Qwen2VLVideoProcessor(**looks),
        feature_extractor=transformers.WhisperFeatureExtractor.from_pretrained(base),
        tokenizer=saved,
        chat_template=TEMPLATE.replace("IMAGE", image),
    ).save_pretrained(folder)
    stop = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    (folder / "generation_config.json").write_text(json.dumps(stop))


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", type=Path, help="folder of the thinker")
    parser.add_argument("folder", type=Path, help="where to write")
    parser.add_argument("--pixels", type=int, default=7056, help="area of a frame")
    options = parser.parse_args()
    write_checkpoint(options.base, options.folder, options.pixels)


if __name__ == "__main__":
    main()
