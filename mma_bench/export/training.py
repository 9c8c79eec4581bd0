"""Training files for each trainer, with the set-up of the first paper (arXiv 2511.22826).

LoRA on W_Q and W_V of the language model, rank 8, learning rate 1e-4, batch 4, accumulated 4 times, float16, 8 frames
per second of 504x504 pixels, in the token layout of the format (see `mma_bench.export.formats`). Alpha, dropout,
schedule and epochs are not published: alpha 16, dropout 0.05 and cosine with warm-up 0.1 are the first author's later
settings, one epoch is ours.
"""

import yaml

_BASE = "Qwen/Qwen2.5-Omni-7B"
_PIXELS, _FPS = 504 * 504, 8
# Layers of the language model are `thinker.model.layers` up to transformers 5.19, `thinker.model.language_model.layers`
# since 5.23, where `thinker.model.` is also in front of the audio tower's.
_LANGUAGE_MODEL = r"^thinker\.model\.(language_model\.)?layers\..*\.(q_proj|v_proj)$"


def llama_factory(dataset: str, *, interleaved: bool) -> tuple[str, str]:
    """Return name and content of LLaMA-Factory's file, for `llamafactory-cli train`, run in the export's folder."""
    settings = {
        "model_name_or_path": _BASE,
        "video_fps": _FPS,
        "video_max_pixels": _PIXELS,
        "video_maxlen": 10 * _FPS,
        "use_audio_in_video": interleaved,
        "stage": "sft",
        "do_train": True,
        "finetuning_type": "lora",
        "lora_rank": 8,
        "lora_alpha": 16,
        "lora_dropout": 0.05,
        "lora_target": "q_proj,v_proj",
        "freeze_vision_tower": True,
        "dataset": dataset,
        "dataset_dir": ".",
        "media_dir": ".",
        "template": "qwen2_omni",
        "cutoff_len": 32768,
        "output_dir": "saves",
        "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": 4,
        "learning_rate": 1e-4,
        "num_train_epochs": 1.0,
        "lr_scheduler_type": "cosine",
        "warmup_ratio": 0.1,
        "fp16": True,
        "logging_steps": 10,
        "save_steps": 500,
    }
    head = "# llamafactory-cli train train.yaml      run it in this folder; the set-up of arXiv 2511.22826\n"
    return "train.yaml", head + yaml.safe_dump(settings, sort_keys=False)


def ms_swift(dataset: str, *, interleaved: bool) -> tuple[str, str]:
    """Return name and content of a script that runs ms-swift in the export's folder.

    Its `--target_modules` would also match the layers of the audio tower, so a pattern names those of the language
    model.
    """
    options = {
        "model": _BASE,
        "dataset": f"{dataset}.jsonl",
        "tuner_type": "lora",
        "target_regex": f"'{_LANGUAGE_MODEL}'",
        "lora_rank": "8",
        "lora_alpha": "16",
        "lora_dropout": "0.05",
        "freeze_vit": "true",
        "freeze_aligner": "true",
        "torch_dtype": "float16",
        "per_device_train_batch_size": "4",
        "gradient_accumulation_steps": "4",
        "learning_rate": "1e-4",
        "num_train_epochs": "1",
        "lr_scheduler_type": "cosine",
        "warmup_ratio": "0.1",
        "gradient_checkpointing": "true",
        "max_length": "32768",
        "output_dir": "saves",
    }
    lines = [
        "#!/usr/bin/env bash",
        "# The set-up of arXiv 2511.22826. For ms-swift 4; versions 3 say --train_type instead of --tuner_type.",
        'cd "$(dirname "${BASH_SOURCE[0]}")"',
        f"export FPS={_FPS} VIDEO_MAX_PIXELS={_PIXELS} ENABLE_AUDIO_OUTPUT=0 USE_AUDIO_IN_VIDEO={int(interleaved)}",
        "swift sft \\",
    ]
    lines += [f"    --{name} {value} \\" for name, value in options.items()]
    return "train.sh", "\n".join(lines).removesuffix(" \\") + "\n"


TRAINING = {"llama-factory": llama_factory, "ms-swift": ms_swift}
