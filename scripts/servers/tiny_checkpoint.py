"""Write a tiny Qwen3-Omni with random weights in the form that `transformers serve` loads.

    .venv-serve/bin/python scripts/servers/tiny_checkpoint.py FOLDER

It has the official processors, a chat template and all three media tokens. What it says is noise, but noise that
depends on every input. Why not Qwen2.5-Omni: the `generate` of transformers 5.24 fails on it without its talker.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import transformers

from mma_bench.models.omni.random_weights import Size, random_thinker
from mma_bench.models.omni.thinker import MediaTokens

ARCHITECTURE = "Qwen3OmniMoeThinkerForConditionalGeneration"
IMAGE = "<|image_pad|>"


def template(tokens: MediaTokens) -> str:
    """Return the chat template: media where they are in the message, then the text."""
    return (
        "{% for message in messages %}<|im_start|>{{ message.role }}\n"
        "{% if message.content is string %}{{ message.content }}{% else %}{% for part in message.content %}"
        f"{{% if part.type == 'image' %}}{tokens.video_begin}{IMAGE}{tokens.video_end}"
        f"{{% elif part.type == 'video' %}}{tokens.video_begin}{tokens.video}{tokens.video_end}"
        f"{{% elif part.type == 'audio' %}}{tokens.audio_begin}{tokens.audio}{tokens.audio_end}"
        "{% else %}{{ part.text }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )


def write_checkpoint(folder: Path) -> None:
    """Write model and processors to ``folder``."""
    thinker, tokenizer, extractor = random_thinker(ARCHITECTURE, Size(spread=0.25))
    tokens, model = thinker.media_tokens, thinker.model
    tokenizer.add_tokens([IMAGE], special_tokens=True)
    names = {
        "image_token": IMAGE,
        "audio_token": tokens.audio,
        "video_token": tokens.video,
        "vision_bos_token": tokens.video_begin,
        "vision_eos_token": tokens.video_end,
        "audio_bos_token": tokens.audio_begin,
        "audio_eos_token": tokens.audio_end,
    }
    saved = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer.backend_tokenizer,
        pad_token=tokenizer.pad_token,
        eos_token=tokenizer.eos_token,
        extra_special_tokens=names,
    )
    model.config.image_token_id = saved.convert_tokens_to_ids(IMAGE)
    # Of a thinker alone, `transformers serve` drops the audio without a word: to it only the whole model can hear.
    config = transformers.Qwen3OmniMoeConfig(
        thinker_config=model.config.to_dict(),
        enable_audio_output=False,
        im_start_token_id=saved.convert_tokens_to_ids("<|im_start|>"),
        im_end_token_id=saved.eos_token_id,
    )
    whole = transformers.Qwen3OmniMoeForConditionalGeneration(config)
    whole.thinker.load_state_dict(model.state_dict())
    frames = thinker.frame_format({}, 56 * 56, 112 * 112)
    looks = {
        "size": {"shortest_edge": frames.min_pixels, "longest_edge": frames.max_pixels},
        "patch_size": frames.patch_size,
        "temporal_patch_size": frames.temporal_patch_size,
        "merge_size": frames.merge_size,
    }
    processor = transformers.Qwen3OmniMoeProcessor(
        image_processor=transformers.Qwen2VLImageProcessor(**looks),
        video_processor=transformers.Qwen2VLVideoProcessor(**looks),
        feature_extractor=extractor,
        tokenizer=saved,
        chat_template=template(tokens),
    )
    whole.save_pretrained(folder)
    processor.save_pretrained(folder)


if __name__ == "__main__":
    write_checkpoint(Path(sys.argv[1]))
