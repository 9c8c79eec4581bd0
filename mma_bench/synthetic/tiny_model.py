"""A tiny Qwen2.5-Omni of about a million weights, for procedural clips: small enough to train on a CPU."""

import json
from pathlib import Path
from typing import Any

from mma_bench.files.atomic import write_json
from mma_bench.models.omni.chat import Chat
from mma_bench.models.omni.random_weights import Size, random_thinker
from mma_bench.models.omni.thinker import Thinker
from mma_bench.models.omni.training_batch import TrainingBatch
from mma_bench.questions import prompts
from mma_bench.schema import Modality
from mma_bench.synthetic.kinds import CLASSES

REPEAT = "Repeat:"
"""Prefix of a sentence to be repeated. A model must be able to say that there is nothing to hear, as every published
model is; pretraining does not teach when to say it."""

SAID = {Modality.VISUAL: "Seen:", Modality.AUDIO: "Heard:"}
"""Beginning of a caption that names the asked modality."""

ARCHITECTURE = "Qwen2_5OmniThinkerForConditionalGeneration"
FPS = 4.0
FRAME_SIZE = 56
"""Height and width of the frames that the model sees, pixels."""

MODEL_OPTIONS = {"fps": str(FPS), "min_pixels": str(FRAME_SIZE**2), "max_pixels": str(FRAME_SIZE**2)}
"""Options with which `mma-bench eval` must load the model; the defaults are for models of the published size."""

SIZE = Size(
    layers=4,
    hidden=128,
    intermediate=256,
    heads=4,
    key_value_heads=2,
    encoder_layers=2,
    vision_hidden=64,
    vision_intermediate=192,
    vision_heads=4,
    full_attention_blocks=(0, 1),
    audio_hidden=64,
    audio_intermediate=192,
    audio_heads=4,
    mel_bands=32,
    spread=0.1,
)


def make_tiny_model(seed: int) -> tuple[Thinker, Any, Any]:
    """Return the model with random weights, its tokenizer and its feature extractor."""
    return random_thinker(ARCHITECTURE, SIZE, seed=seed, texts=_texts())


def training_batch(thinker: Thinker, tokenizer: Any, extractor: Any) -> TrainingBatch:
    """Return the object that makes the model's training batches."""
    chat = Chat(tokenizer, thinker.media_tokens, thinker.system_prompt)
    frame_format = thinker.frame_format({}, FRAME_SIZE**2, FRAME_SIZE**2)
    return TrainingBatch(thinker, chat, extractor, frame_format, FPS)


def save_checkpoint(folder: Path, thinker: Thinker, tokenizer: Any, extractor: Any) -> None:
    """Write a folder that `transformers:FOLDER` loads, with MODEL_OPTIONS."""
    thinker.model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    extractor.save_pretrained(folder)
    path = folder / "preprocessor_config.json"
    settings = {"image_mean": list(thinker.mean), "image_std": list(thinker.std)}
    write_json(path, json.loads(path.read_text("utf-8")) | settings)


def _texts() -> list[str]:
    """Return what the model reads and writes, so that each word and each letter of noise is a token."""
    standard = [prompts.standard(modality) for modality in Modality]
    asked = [
        prompts.render(parts, CLASSES) for plain in standard for parts in (plain, prompts.captioned(plain, CLASSES[0]))
    ]
    letters = prompts.random_letters(2000, "letters")
    said = [
        *CLASSES,
        *(f"{REPEAT} {sentence}" for sentence in prompts.ABSTENTIONS.values()),
        *SAID.values(),
        "system\nYou are a helpful assistant.",
        "user\n",
        "assistant\n",
    ]
    return [*asked, letters, *said]
