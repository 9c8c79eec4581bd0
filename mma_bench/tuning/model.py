"""The model that is tuned: a frozen thinker with low-rank updates in its language model, or with unfrozen layers."""

import warnings
from dataclasses import dataclass
from typing import Any

from mma_bench.errors import MMABenchError
from mma_bench.models.omni.chat import Chat
from mma_bench.models.omni.checkpoint import load_checkpoint
from mma_bench.models.omni.encode_once import EncodeOnce
from mma_bench.models.omni.random_weights import Size, random_thinker
from mma_bench.models.omni.settings import Settings
from mma_bench.models.omni.thinker import ARCHITECTURES, Thinker
from mma_bench.tuning.example import Prepare
from mma_bench.tuning.inputs import Encoder
from mma_bench.tuning.plain_text import PlainText, read_plain_text
from mma_bench.tuning.settings import BaseModelSettings, LoraSettings, TuneSettings

RANDOM = "random:"


@dataclass(frozen=True)
class TunedModel:
    """What a run needs from the model.

    Attributes:
        thinker: the model; only updates in its language model, or its layers, are trainable.
        chat: turns conversations into tokens.
        encoder: makes batches.
        prepare: makes examples, in any process.
        whole: the model with all weights: wrapped by peft, or plain if the layers themselves are tuned.
        identity: hash of the weights, architecture, versions.
        text: for the language term, if it is used.
    """

    thinker: Thinker
    chat: Chat
    encoder: Encoder
    prepare: Prepare
    whole: Any
    identity: dict[str, str]
    text: PlainText | None = None


def load_base(settings: BaseModelSettings) -> tuple[EncodeOnce, dict[str, str]]:
    """Load the base model, on a GPU if there is one.

    Raises:
        MMABenchError: it cannot be loaded.
    """
    import torch

    dtype = settings.dtype
    if dtype == "auto":
        dtype = "bfloat16" if torch.cuda.is_available() else "float32"
    how = Settings(
        dtype=dtype,
        device_map=None,
        attn_implementation=settings.attn_implementation,
        fps=settings.fps,
        min_pixels=settings.min_pixels,
        max_pixels=settings.max_pixels,
        layout=settings.layout,
        system_prompt=settings.system_prompt,
        revision=settings.revision,
        local_files_only=settings.local_files_only,
    )
    if not settings.checkpoint.startswith(RANDOM):
        return load_checkpoint(settings.checkpoint, how)
    architecture = settings.checkpoint.removeprefix(RANDOM)
    if architecture not in ARCHITECTURES:
        raise MMABenchError(f"{settings.checkpoint}: write {RANDOM} and one of {', '.join(ARCHITECTURES.names())}")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    thinker, tokenizer, extractor = random_thinker(architecture, Size(), dtype=getattr(torch, dtype), device=device)
    frame_format = thinker.frame_format({}, settings.min_pixels or 1, settings.max_pixels or 56 * 56)
    return EncodeOnce(thinker, tokenizer, extractor, frame_format, how), {"weights": f"{architecture}, random, seed 0"}


def load_for_tuning(settings: TuneSettings) -> TunedModel:
    """Load the base model, freeze it, and add the updates or unfreeze the layers.

    Raises:
        MMABenchError: a package, the model or a projection is missing.
    """
    engine, identity = load_base(settings.model)
    thinker = engine.thinker
    text = read_plain_text(settings.objective.language, engine.chat) if settings.objective.language else None
    thinker.model.requires_grad_(False)
    full = settings.train.weights == "full"
    whole = unfreeze_layers(thinker) if full else add_updates(thinker, settings.lora)
    if settings.train.gradient_checkpointing:
        recompute_activations(thinker.model)
    thinker.model.eval()
    thinker.decoder.train()  # the towers stay in evaluation mode
    prepare = Prepare(engine.frame_format, engine.extractor, thinker.silence_follows_sound)
    cache_mb, layout = settings.model.encoder_cache_mb, settings.model.layout
    encoder = Encoder(thinker, engine.chat, engine.seconds_per_grid, cache_mb, layout)
    return TunedModel(thinker, engine.chat, encoder, prepare, whole, identity, text)


def add_updates(thinker: Thinker, settings: LoraSettings) -> Any:
    """Add low-rank updates to projections of the language model, in place.

    Returns:
        The peft model that wraps it. The updates are float32, whatever the type of the weights.

    Raises:
        MMABenchError: peft is missing, or the language model has no such projection.
    """
    import peft
    import torch

    names = {id(module): name for name, module in thinker.model.named_modules()}
    prefix = names[id(thinker.decoder)]
    inside = [name for name, module in thinker.decoder.named_modules() if isinstance(module, torch.nn.Linear)]
    known = {name.rpartition(".")[2] for name in inside}
    if missing := sorted(set(settings.projections) - known):
        raise MMABenchError(
            f"lora.projections: the language model has no {missing[0]!r}; it has {', '.join(sorted(known))}"
        )
    config = peft.LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        # Full names: the audio tower has layers with the same last names, and peft reduces a pattern to these if
        # the model is a mixture of experts.
        target_modules=[f"{prefix}.{name}" for name in inside if name.rpartition(".")[2] in settings.projections],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft requires a name that transformers 5.23 has changed
        wrapped: Any = peft.get_peft_model(thinker.model, config)
    if outside := [name for name in trainable(wrapped) if not name.startswith(f"base_model.model.{prefix}.")]:
        raise MMABenchError(
            f"peft {peft.__version__} put an update outside the language model ({outside[0]}); choose other "
            "lora.projections or another version of peft"
        )
    return wrapped


def unfreeze_layers(thinker: Thinker) -> Any:
    """Make the layers of the language model trainable, in place; embeddings and head stay frozen.

    Their weights become float32, because steps of a usual learning rate are too small for bfloat16; they still compute
    in the type of the embeddings (`mma_bench.tuning.answers.answer_logits`).

    Returns:
        The model.
    """
    for layer in (*thinker.decoder.layers, thinker.decoder.norm):
        layer.float().requires_grad_(True)
    return thinker.model


def recompute_activations(model: Any) -> None:
    """Keep only the input of each layer, and recompute the rest in the backward pass."""
    if hasattr(model, "activation_checkpointing_enable"):
        model.activation_checkpointing_enable({"use_reentrant": False})
    else:  # before transformers 5.23
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})


def trainable(whole: Any) -> dict[str, Any]:
    """Return the trainable weights by name."""
    return {name: weight for name, weight in whole.named_parameters() if weight.requires_grad}
