"""Write a thinker of ours as a whole Qwen2.5-Omni checkpoint that servers such as vLLM load.

    VLLM_ENVIRONMENT/bin/python scripts/servers/whole_checkpoint.py smol-omni/base FOLDER [--pixels 7056]

The weights are unchanged. Added are the names of the whole model, the official processors, and a chat template that
writes video and audio as two inputs. The environment needs torchvision; nothing of this project is imported.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

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


WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
READ = ("config.json", "tokenizer_config.json", "preprocessor_config.json", "video_preprocessor_config.json")


def shards(base: Path) -> list[Path]:
    """Return the files of the weights."""
    if not (base / INDEX).is_file():
        return [base / WEIGHTS]
    return [base / name for name in sorted(set(json.loads((base / INDEX).read_text())["weight_map"].values()))]


def check(base: Path, folder: Path, pixels: int) -> str:
    """Return what is wrong with the inputs, or an empty text."""
    if not base.is_dir():
        return f"{base} is not a folder; give the folder of a thinker, such as smol-omni/base"
    try:
        needed = [*(base / name for name in READ), *shards(base)]
        thinker = json.loads((base / "config.json").read_text()) if needed[0].is_file() else {}
        lacking = [name for name in ("image_token_index", "vision_config") if name not in thinker]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return f"{base}: config.json or {INDEX} cannot be read ({type(error).__name__}: {error})"
    if missing := [path.name for path in needed if not path.is_file()]:
        return f"{base} has no {', '.join(missing)}; give the folder of a thinker, such as smol-omni/base"
    if lacking:
        return f"{base / 'config.json'} has no {', '.join(lacking)}; it is not that of a Qwen2.5-Omni thinker"
    if folder.is_symlink() or (folder.exists() and not (folder.is_dir() and not any(folder.iterdir()))):
        return f"{folder} exists already; choose another folder"
    return "" if pixels > 0 else f"--pixels {pixels}: give a positive number"


def write_checkpoint(base: Path, folder: Path, pixels: int) -> None:
    """Write model and processors to ``folder``, whole or not at all.

    Args:
        base: folder of the thinker.
        folder: where to write.
        pixels: area of a frame.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.partial-"))
    try:
        write_parts(base, staging, pixels)
        staging.chmod(0o755)  # mkdtemp makes 0700, and safetensors files of 0600
        for path in staging.iterdir():
            path.chmod(0o644)
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def write_parts(base: Path, folder: Path, pixels: int) -> None:
    """Write all files into an empty folder."""
    # Heavy, so only after the inputs were checked.
    import transformers
    from safetensors.torch import load_file, save_file

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
    weights: dict[str, Any] = {}
    for path in shards(base):
        weights |= {f"thinker.{name}": value for name, value in load_file(path).items()}
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
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
    if fault := check(options.base, options.folder, options.pixels):
        parser.exit(2, f"error: {fault}\n")
    try:
        write_checkpoint(options.base, options.folder, options.pixels)
    except (OSError, ValueError, KeyError, ImportError) as error:
        parser.exit(2, f"error: {options.folder} was not written: {' '.join(str(error).split())}\n")


if __name__ == "__main__":
    main()
