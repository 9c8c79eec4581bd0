"""Run lmms-eval's own Qwen2.5-Omni wrapper on our tasks, with a tiny checkpoint of random weights, without a GPU.

    cd FOLDER_THAT_HOLDS_mma-bench
    .venv-lmms/bin/python scripts/harnesses/lmms_eval_qwen.py --work FOLDER -- --tasks mma_bench_misaligned --limit 4

What follows `--` goes to lmms-eval's own command line; `--force_simple` asks for the simple kind of wrapper. The
wrapper asks for a GPU and takes its processor from the hub by a fixed name. Both are met from outside: tensors for
`cuda` stay on the CPU, and FOLDER, where it runs, holds a checkpoint under that name. The dataset is the one that
MMA_BENCH_DATA names. The exit code is 1 if an answer is empty: the wrapper answers so where an error was raised.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

NAME = "Qwen/Qwen2.5-Omni-7B"
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{% for part in message.content %}"
    "{% if part.type == 'video' %}<|vision_bos|><|VIDEO|><|vision_eos|>"
    "{% elif part.type == 'audio' %}<|audio_bos|><|AUDIO|><|audio_eos|>"
    "{% elif part.type == 'text' %}{{ part.text }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""The model's own template, less what this task never uses."""


def write_checkpoint(folder: Path) -> None:
    """Write an Omni model of a quarter of a million random weights, without the part that speaks."""
    import torch
    import transformers

    from mma_bench.models.omni.random_weights import Size, random_thinker

    thinker, tokenizer, extractor = random_thinker("Qwen2_5OmniThinkerForConditionalGeneration", Size(spread=0.25))
    config = transformers.Qwen2_5OmniConfig(thinker_config=thinker.config.to_dict(), enable_audio_output=False)
    torch.manual_seed(0)
    model = transformers.Qwen2_5OmniForConditionalGeneration(config)
    model.thinker.load_state_dict(thinker.model.state_dict())
    model.save_pretrained(folder)
    torch.save({"Chelsie": {}}, folder / "spk_dict.pt")  # its default voice, looked for where nothing speaks too
    tokens = thinker.media_tokens
    names = {
        "image_token": "<|endoftext|>",
        "audio_token": tokens.audio,
        "video_token": tokens.video,
        "vision_bos_token": tokens.video_begin,
        "vision_eos_token": tokens.video_end,
        "audio_bos_token": tokens.audio_begin,
        "audio_eos_token": tokens.audio_end,
    }
    tokenizer.init_kwargs["extra_special_tokens"] = names
    tokenizer._set_model_specific_special_tokens(names)
    processor = transformers.Qwen2_5OmniProcessor(
        image_processor=transformers.Qwen2VLImageProcessor(),
        video_processor=transformers.Qwen2VLVideoProcessor(),
        feature_extractor=extractor,
        tokenizer=tokenizer,
        chat_template=TEMPLATE,
    )
    processor.save_pretrained(folder)


def keep_on_the_cpu() -> None:
    """Make the wrapper's `inputs.to("cuda")` a move to the CPU."""
    from transformers import BatchFeature

    move = BatchFeature.to

    def to(self: Any, *arguments: Any, **named: Any) -> Any:
        return move(self, *("cpu" if argument == "cuda" else argument for argument in arguments), **named)

    BatchFeature.to = to


def answers(results: Path) -> list[str]:
    """Return what the model said, from the samples that lmms-eval logged."""
    lines = [line for path in sorted(results.rglob("*samples*.jsonl")) for line in path.read_text("utf-8").splitlines()]
    return [str(json.loads(line)["filtered_resps"]) for line in lines]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for the checkpoint and the results")
    parser.add_argument("rest", nargs="*", help="arguments of lmms-eval, after --")
    given = parser.parse_args()
    import torch

    import mma_bench.harnesses.lmms_eval as tasks
    from mma_bench.dataset.load import load

    data = Path(os.environ.get("MMA_BENCH_DATA", "mma-bench")).absolute()
    load(data, limit=1)
    checkpoint = given.work / NAME
    if not (checkpoint / "config.json").is_file():
        write_checkpoint(checkpoint)
    os.chdir(given.work)
    os.environ["MMA_BENCH_DATA"] = str(data)
    if not Path("mma-bench").exists():
        Path("mma-bench").symlink_to(data)
    if not torch.cuda.is_available():
        keep_on_the_cpu()
    from lmms_eval.__main__ import cli_evaluate

    options = ["--model", "qwen2_5_omni", "--model_args", f"pretrained={NAME},device=cpu,device_map=auto"]
    options += ["--include_path", tasks.__path__[0], "--batch_size", "1", "--output_path", "results", "--log_samples"]
    sys.argv = ["lmms_eval", *options, *given.rest]
    cli_evaluate()
    said = answers(Path("results"))
    empty = sum(not text for text in said)
    print(f"{len(said)} answers, {empty} of them empty")
    return int(empty > 0 or not said)


if __name__ == "__main__":
    sys.exit(main())
