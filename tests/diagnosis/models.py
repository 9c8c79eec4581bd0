"""Small models whose inside is real or planted, and prompts about real arrays."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch

from mma_bench.dataset.load import Sample
from mma_bench.dataset.media import Media
from mma_bench.diagnosis.reading import Prompt
from mma_bench.diagnosis.subject import Subject
from mma_bench.models.omni import AudioStream, EncodeOnce, Settings, VideoStream
from mma_bench.models.omni.conversation import Kind
from mma_bench.models.omni.random_weights import Size, random_thinker
from mma_bench.schema import Question
from tests.models.test_omni import FAMILIES, plain_ids, plain_inputs, sound, video
from tests.planted import stimulus

CLASSES = ["Church_bell", "Dog", "Dog bark", "Water"]
STREAMS = video(1), sound(1)
QUESTIONS = stimulus("a", "misaligned", "Dog", "Water", CLASSES).questions

__all__ = [
    "AUDIO_HEAD",
    "CLASSES",
    "FAMILIES",
    "LETTERS",
    "QUESTIONS",
    "STREAMS",
    "VIDEO_HEAD",
    "explicit",
    "make_engine",
    "masked",
    "planted_engine",
    "planted_subject",
    "prompt_of",
    "subject_of",
]


def make_engine(family: str, kernel: str = "sdpa", *, layers: int = 3, seed: int = 0) -> EncodeOnce:
    """Return an engine with random weights, wide enough that every input shows in the answer."""
    thinker, tokenizer, extractor = random_thinker(family, Size(layers=layers, spread=0.25), seed=seed)
    thinker.decoder.config._attn_implementation = kernel
    frame_format = thinker.frame_format({}, 1, 112 * 112)
    return EncodeOnce(thinker, tokenizer, extractor, frame_format, Settings(max_new_tokens=5))


def prompt_of(
    engine: EncodeOnce, question: Question = QUESTIONS[0], streams: tuple[VideoStream, AudioStream] = STREAMS
) -> Prompt:
    """Return a question, ready to run."""
    with torch.inference_mode():
        inputs = engine.media_inputs(*streams)
        return Prompt(engine, inputs, engine.run(inputs), question)


def explicit(engine: EncodeOnce, question: Question = QUESTIONS[0], answer: str = "", **more: Any) -> Any:
    """Return what transformers' own forward pass says of the whole conversation, with eager attention."""
    from mma_bench.models.omni import Asked

    config = engine.thinker.decoder.config
    before = config._attn_implementation
    config._attn_implementation = "eager"
    inputs = plain_inputs(engine, STREAMS)
    ids = plain_ids(engine, inputs.pop("text"), Asked(question.prompt), answer)
    try:
        with torch.inference_mode():
            return engine.thinker.model(input_ids=ids, attention_mask=torch.ones_like(ids), **inputs, **more)
    finally:
        config._attn_implementation = before


@contextmanager
def masked(engine: EncodeOnce, layers: Collection[int], sources: np.ndarray, targets: np.ndarray) -> Iterator[None]:
    """Let no token of ``sources`` see one of ``targets`` in some layers, by the mask that transformers itself hands on.

    Both are bool, of shape [tokens of the whole prompt]; the last source also covers the tokens of the answer.
    """

    def change(module: Any, arguments: Any, named: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        mask, hidden, cache = named.get("attention_mask"), named.get("hidden_states"), named.get("past_key_values")
        hidden = arguments[0] if hidden is None else hidden
        new = hidden.shape[1]
        past = cache.get_seq_length(module.layer_idx) if cache is not None else 0
        tokens = past + new
        if mask is None:
            mask = torch.ones(new, tokens).tril(past).bool()[None, None]
        if mask.dtype == torch.bool:
            mask = torch.zeros(mask.shape).masked_fill(~mask, torch.finfo(torch.float32).min)
        rows = np.pad(sources, (0, max(0, tokens - len(sources))), constant_values=sources[-1])[past:tokens]
        columns = np.pad(targets, (0, max(0, tokens - len(targets))))[:tokens]
        blocked = torch.from_numpy(rows[:, None] & columns[None]) & ~torch.ones(new, tokens).triu(past).bool()
        return arguments, {**named, "attention_mask": mask.masked_fill(blocked, torch.finfo(torch.float32).min)}

    chosen = [layer for number, layer in enumerate(engine.thinker.layers) if number in layers]
    handles = [layer.self_attn.register_forward_pre_hook(change, with_kwargs=True) for layer in chosen]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def subject_of(
    engine: EncodeOnce,
    seen: str,
    heard: str,
    streams: tuple[VideoStream, AudioStream],
    *,
    aligned: tuple[VideoStream, AudioStream] | None = None,
    classes: Sequence[str] = CLASSES,
) -> Subject:
    """Return a stimulus of arrays in place of files, with the aligned one of its video if that is given."""
    told = stimulus("a", "aligned" if seen == heard else "misaligned", seen, heard, classes)
    subject = Subject(engine, Sample(told, told.questions, cast("Media", None)), {}, 0)
    vars(subject)["inputs"] = prompt_of(engine, streams=streams).inputs
    vars(subject)["partner"] = subject_of(engine, seen, seen, aligned, classes=classes) if aligned else None
    return subject


LETTERS = ["A", "B", "C", "D"]
"""Options of one token each."""

VIDEO_HEAD, AUDIO_HEAD = (0, 1), (2, 2)
"""Layer and head of the only two that write anything in `planted_engine`."""


def planted_engine() -> EncodeOnce:
    """Return a model of which one head alone copies the audio's label, and another, more weakly, the video's.

    The first four numbers of a hidden state hold the label of video tokens, the next four that of audio tokens
    (`planted_streams`), and the next four what is said. All other heads and layers write nothing.
    """
    engine = make_engine(FAMILIES[0])
    thinker = engine.thinker
    size = thinker.decoder.config.head_dim
    with torch.no_grad():
        thinker.model.get_input_embeddings().weight[:, :12] = 0
        for layer in thinker.layers:
            layer.mlp.down_proj.weight.zero_()
            layer.self_attn.o_proj.weight.zero_()
            for part in ("q_proj", "k_proj"):  # scores of zero: attention to all tokens alike
                getattr(layer.self_attn, part).weight.zero_()
                getattr(layer.self_attn, part).bias.zero_()
            layer.self_attn.v_proj.bias.zero_()
            layer.self_attn.v_proj.weight.zero_()
        for (layer, head), first, strength in ((VIDEO_HEAD, 0, 40.0), (AUDIO_HEAD, 4, 200.0)):
            attention = thinker.layers[layer].self_attn
            shared = thinker.decoder.config.num_attention_heads // thinker.decoder.config.num_key_value_heads
            for label in range(4):
                attention.v_proj.weight[head // shared * size + label, first + label] = 1
                attention.o_proj.weight[8 + label, head * size + label] = strength
        said = thinker.model.get_output_embeddings().weight
        said.zero_()
        for label, name in enumerate(LETTERS):
            said[engine.chat.text(name)[0], 8 + label] = 1
    return engine


def planted_subject(engine: EncodeOnce, seen: str, heard: str, clip: int) -> Subject:
    """Return a stimulus whose media tokens say their label, with its questions."""
    subject = subject_of(engine, seen, heard, STREAMS, classes=LETTERS)
    inputs = subject.inputs
    embeddings = inputs.embeddings.clone()
    embeddings[..., :12] = 0
    kinds = np.array(inputs.layout.kinds)
    embeddings[0, torch.from_numpy(kinds == Kind.VIDEO), LETTERS.index(seen)] = 1
    embeddings[0, torch.from_numpy(kinds == Kind.AUDIO), 4 + LETTERS.index(heard)] = 1
    vars(subject)["inputs"] = replace(inputs, embeddings=embeddings)
    video = subject.sample.stimulus.video.changed(clip_id=f"clip-{clip}")
    questions = [q.changed(question_id=f"clip-{clip}/{q.question_id}") for q in subject.sample.questions]
    told = subject.sample.stimulus.changed(key=f"clip-{clip}", video=video, questions=questions)
    subject.sample = replace(subject.sample, stimulus=told, questions=questions)
    return subject
