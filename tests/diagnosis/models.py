"""Small models whose inside is real or planted, and prompts about real arrays."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch

from mma_bench.dataset.load import Sample
from mma_bench.dataset.media import Media
from mma_bench.diagnosis.omni_prompt import OmniPrompt
from mma_bench.diagnosis.subject import OmniSubject
from mma_bench.models.omni import AudioStream, EncodeOnce, Settings, VideoStream
from mma_bench.models.omni.conversation import Kind
from mma_bench.models.omni.random_weights import Size, random_thinker
from mma_bench.questions import prompts
from mma_bench.schema import Modality, Question
from tests.models.test_omni import FAMILIES, plain_ids, plain_inputs, sound, video
from tests.planted import stimulus

CLASSES = ["Church_bell", "Dog", "Dog bark", "Water"]
STREAMS = video(1), sound(1)
QUESTIONS = stimulus("a", "misaligned", "Dog", "Water", CLASSES).questions

__all__ = [
    "AUDIO_HEAD",
    "CAPTION_HEAD",
    "CLASSES",
    "FAMILIES",
    "LETTERS",
    "QUESTIONS",
    "STREAMS",
    "TEXTS",
    "VIDEO_HEAD",
    "WORDS",
    "explicit",
    "make_engine",
    "masked",
    "planted_engine",
    "planted_subject",
    "prompt_of",
    "renamed",
    "subject_of",
    "told",
]


def make_engine(family: str, kernel: str = "sdpa", *, texts: Sequence[str] = ()) -> EncodeOnce:
    """Return an engine with random weights, wide enough that every input shows in the answer.

    Words of ``texts`` are one token each, which makes prompts short; all others are read byte by byte.
    """
    thinker, tokenizer, extractor = random_thinker(family, Size(layers=3, spread=0.25), texts=texts)
    thinker.decoder.config._attn_implementation = kernel
    frame_format = thinker.frame_format({}, 1, 112 * 112)
    settings = Settings.model_validate({"max_new_tokens": 5, "attn_implementation": kernel})
    return EncodeOnce(thinker, tokenizer, extractor, frame_format, settings)


def prompt_of(
    engine: EncodeOnce, question: Question = QUESTIONS[0], streams: tuple[VideoStream, AudioStream] = STREAMS
) -> OmniPrompt:
    """Return a question, ready to run."""
    with torch.inference_mode():
        inputs = engine.media_inputs(*streams)
        return OmniPrompt(engine, inputs, engine.run(inputs), question)


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
) -> OmniSubject:
    """Return a stimulus of arrays in place of files, with the aligned one of its video if that is given."""
    told = stimulus("a", "aligned" if seen == heard else "misaligned", seen, heard, classes)
    subject = OmniSubject(engine, Sample(told, told.questions, cast("Media", None)), {}, 0)
    vars(subject)["inputs"] = prompt_of(engine, streams=streams).inputs
    vars(subject)["partner"] = subject_of(engine, seen, seen, aligned, classes=classes) if aligned else None
    return subject


def renamed(subject: OmniSubject, clip: int) -> OmniSubject:
    """Return the stimulus as one of another clip."""
    told = subject.sample.stimulus
    questions = [q.changed(question_id=f"clip-{clip}/{q.question_id}") for q in told.questions]
    video = told.video.changed(clip_id=f"clip-{clip}")
    told = told.changed(key=f"clip-{clip}", video=video, questions=questions)
    subject.sample = replace(subject.sample, stimulus=told, questions=questions)
    return subject


LETTERS = ["A", "B", "C", "D"]
"""Options of one token each."""

WORDS = dict(zip(LETTERS, ("alpha", "bravo", "charlie", "delta"), strict=True))
"""What a caption calls them: a token that occurs nowhere else."""

TEXTS = [
    prompts.render(parts, LETTERS)
    for modality in Modality
    for plain in [prompts.standard(modality)]
    for parts in [plain, *(prompts.captioned(plain, word) for word in WORDS.values())]
]
"""All prompts about these options."""

VIDEO_HEAD, CAPTION_HEAD, AUDIO_HEAD = (0, 1), (1, 0), (2, 2)
"""Layer and head of the only ones that write anything in `planted_engine`."""


def planted_engine(*, caption: float = 0.0) -> EncodeOnce:
    """Return a model of which one head alone copies the audio's label, and another, more weakly, the video's.

    The first four numbers of a hidden state hold the label of video tokens, the next four that of audio tokens
    (`planted_subject`), then four what is said, then four the label of a caption's word. All other heads and layers
    write nothing, and all heads but the caption's attend to all tokens alike.

    Args:
        caption: with what strength a head that looks at nothing but the caption copies its label.
    """
    engine = make_engine(FAMILIES[0], texts=TEXTS)
    thinker = engine.thinker
    config = thinker.decoder.config
    size, shared = config.head_dim, config.num_attention_heads // config.num_key_value_heads
    with torch.no_grad():
        embeddings = thinker.model.get_input_embeddings().weight
        embeddings[:, :16] = 0
        for label, word in enumerate(WORDS.values()):
            (token,) = engine.chat.text(f" {word}")
            embeddings[token, 12 + label] = 1
        for layer in thinker.layers:
            layer.mlp.down_proj.weight.zero_()
            layer.self_attn.o_proj.weight.zero_()
            for part in ("q_proj", "k_proj"):  # scores of zero: attention to all tokens alike
                getattr(layer.self_attn, part).weight.zero_()
                getattr(layer.self_attn, part).bias.zero_()
            layer.self_attn.v_proj.bias.zero_()
            layer.self_attn.v_proj.weight.zero_()
        copied = ((VIDEO_HEAD, 0, 40.0), (CAPTION_HEAD, 12, caption), (AUDIO_HEAD, 4, 200.0))
        for (layer, head), first, strength in copied:
            attention = thinker.layers[layer].self_attn
            for label in range(4):
                attention.v_proj.weight[head // shared * size + label, first + label] = 1
                attention.o_proj.weight[8 + label, head * size + label] = strength
        layer, head = CAPTION_HEAD
        attention, slowest = thinker.layers[layer].self_attn, size // 2 - 1  # positions hardly turn this number
        attention.q_proj.bias[head * size + slowest] = 20
        attention.k_proj.weight[head // shared * size + slowest, 12:16] = 20
        said = thinker.model.get_output_embeddings().weight
        said.zero_()
        for label, name in enumerate(LETTERS):
            said[engine.chat.text(name)[0], 8 + label] = 1
    return engine


def planted_subject(engine: EncodeOnce, seen: str, heard: str, clip: int, caption: str | None = None) -> OmniSubject:
    """Return a stimulus whose media tokens say their label, with its questions.

    Args:
        engine: of `planted_engine`.
        seen: option that the video shows.
        heard: option that the audio shows.
        clip: number of the clip.
        caption: option that a caption claims; then only the questions with a caption are asked.
    """
    subject = subject_of(engine, seen, heard, STREAMS, classes=LETTERS)
    inputs = subject.inputs
    embeddings = inputs.embeddings.clone()
    embeddings[..., :16] = 0
    kinds = np.array(inputs.layout.kinds)
    embeddings[0, torch.from_numpy(kinds == Kind.VIDEO), LETTERS.index(seen)] = 1
    embeddings[0, torch.from_numpy(kinds == Kind.AUDIO), 4 + LETTERS.index(heard)] = 1
    vars(subject)["inputs"] = replace(inputs, embeddings=embeddings)
    if caption:
        questions = [told(question, caption) for question in subject.sample.questions]
        stimulus = subject.sample.stimulus.changed(questions=questions)
        subject.sample = replace(subject.sample, stimulus=stimulus, questions=questions)
    return renamed(subject, clip)


def told(question: Question, caption: str) -> Question:
    """Return the question under a caption that claims an option."""
    parts = prompts.captioned(prompts.standard(question.modality), WORDS[caption])
    lie = caption if caption != question.answer else None
    return prompts.with_prompt(question, parts).changed(condition="misleading_caption", distractor=lie)
