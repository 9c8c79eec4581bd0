"""Omni models: answers from one pass over the media are those of one pass a question.

The models are real, of a quarter of a million random weights, wide enough that every input shows in the answer.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from mma_bench import MMABenchError, evaluate, load, models
from mma_bench.evaluation import AnswerStore
from mma_bench.models.omni import Asked, AudioStream, EncodeOnce, Settings, VideoStream, answering
from mma_bench.models.omni.frames import to_patches
from mma_bench.models.omni.model import TransformersOmni
from mma_bench.models.omni.random_weights import Size, random_thinker
from mma_bench.models.omni.several import Stimulus, answer_several
from mma_bench.models.omni.sound import log_mel
from tests.conftest import run_command

FAMILIES = ("Qwen2_5OmniThinkerForConditionalGeneration", "Qwen3OmniMoeThinkerForConditionalGeneration")
SIZE = Size(spread=0.25)
SETTINGS = Settings(max_new_tokens=5, batch_size=4)
OPTIONS = ("Cat", "Church_bell", "Dog", "Didgeridoo", "X")
QUESTIONS = [
    Asked(f"{'What is seen? ' * (number % 4 + 1)}Question {number}. Options: {', '.join(OPTIONS)}.", OPTIONS)
    for number in range(6)
] + [Asked("z" * 150 + " What is heard?", OPTIONS), Asked("Say <|im_end|> or <|VIDEO|> or <|video_pad|>.", ("a", "b"))]


def video(seed: int, frames: int = 9) -> VideoStream:
    values = np.random.default_rng(seed).integers(0, 256, (frames, 90, 120, 3), dtype=np.uint8)
    return VideoStream(f"video {seed}", lambda fps: values)


def sound(seed: int, seconds: float = 5.3) -> AudioStream:
    values = np.random.default_rng(seed).normal(0, 0.1, round(seconds * 16_000)).astype(np.float32)
    return AudioStream(f"sound {seed}", lambda: values)


STREAMS: dict[str, tuple[VideoStream | None, AudioStream | None]] = {
    "video and sound": (video(1), sound(1)),
    "sound ends late": (video(2, frames=4), sound(2, seconds=7)),
    "video ends late in the last chunk": (video(3, frames=12), sound(3, seconds=4.4)),
    "video": (video(1), None),
    "sound": (None, sound(1)),
}


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Models this small are faster so, and prompts run in parts as the long ones of a benchmark do."""
    before, part = torch.get_num_threads(), answering._TOKENS_AT_ONCE
    torch.set_num_threads(1)
    answering._TOKENS_AT_ONCE = 100
    yield
    torch.set_num_threads(before)
    answering._TOKENS_AT_ONCE = part


@pytest.fixture(scope="module", params=FAMILIES)
def engine(request: pytest.FixtureRequest) -> EncodeOnce:
    thinker, tokenizer, extractor = random_thinker(request.param, SIZE)
    frame_format = thinker.frame_format({}, 1, 112 * 112)
    return EncodeOnce(thinker, tokenizer, extractor, frame_format, SETTINGS)


def plain_inputs(engine: EncodeOnce, streams: tuple[VideoStream | None, AudioStream | None]) -> dict[str, Any]:
    """The inputs of transformers' own forward for the beginning of a conversation, as its processor makes them."""
    video, audio = streams
    inputs: dict[str, Any] = {"use_audio_in_video": bool(video and audio)}
    tokens, thinker = engine.thinker.media_tokens, engine.thinker
    heard = seen = 0
    if audio:
        spectrum = log_mel(audio.samples(), engine.extractor, silence_follows=thinker.silence_follows_sound)
        inputs["input_features"] = spectrum[None]
        inputs["feature_attention_mask"] = torch.ones(1, spectrum.shape[1], dtype=torch.long)
        heard = len(thinker.encode_audio(spectrum).tokens)
    if video:
        patches = to_patches(video.frames(2), engine.frame_format)
        inputs["pixel_values_videos"] = patches.pixels
        inputs["video_grid_thw"] = torch.tensor([patches.grid])
        inputs["video_second_per_grid"] = torch.tensor([engine.seconds_per_grid])
        seen = len(patches.pixels) // 4
    if video and audio:
        media = official_placeholders(engine, patches.grid, heard)
    else:
        media = tokens.video * seen or tokens.audio_begin + tokens.audio * heard + tokens.audio_end
    if video:
        media = tokens.video_begin + media + tokens.video_end
    system = thinker.system_prompt
    text = f"<|im_start|>system\n{system}<|im_end|>\n" if system else ""
    return {"text": f"{text}<|im_start|>user\n{media}", **inputs}


def official_placeholders(engine: EncodeOnce, grid: tuple[int, int, int], heard: int) -> str:
    """What the family's processor in transformers writes for audio in video."""
    from types import SimpleNamespace

    from transformers.models.qwen2_5_omni.processing_qwen2_5_omni import Qwen2_5OmniProcessor
    from transformers.models.qwen3_omni_moe.processing_qwen3_omni_moe import Qwen3OmniMoeProcessor

    config, tokens = engine.thinker.config, engine.thinker.media_tokens
    family = Qwen3OmniMoeProcessor if "Qwen3" in engine.thinker.class_name else Qwen2_5OmniProcessor
    processor = family.__new__(family)  # __init__ asks for a video processor, which needs torchvision
    vars(processor).update(
        video_processor=SimpleNamespace(merge_size=2),
        video_token=tokens.video,
        audio_token=tokens.audio,
        audio_bos_token=tokens.audio_begin,
        audio_eos_token=tokens.audio_end,
    )
    timing = {"position_id_per_seconds": config.position_id_per_seconds, "seconds_per_chunk": 2.0}
    grids, seconds = torch.tensor([grid]), [engine.seconds_per_grid]
    if hasattr(processor, "replace_video_with_audio_token"):
        videos = {"video_grid_thw": grids, "video_second_per_grid": seconds}
        return str(processor.replace_video_with_audio_token(videos, 0, {"num_audio_tokens": [heard]}, 0, **timing))
    begin, end = tokens.video_begin, tokens.video_end  # in transformers 5.17 one function did all of it
    vars(processor).update(
        image_processor=SimpleNamespace(merge_size=2), image_token="none", vision_bos_token=begin, vision_eos_token=end
    )
    whole = processor.replace_multimodal_special_tokens(
        [begin + tokens.video + end], iter([heard]), iter([]), iter(grids), iter(seconds), True, **timing
    )
    return str(whole[0]).removeprefix(begin).removesuffix(end)


def plain_ids(engine: EncodeOnce, text: str, question: Asked, answer: str = "") -> torch.Tensor:
    prompt = question.prompt.replace("<|", "<\0|")  # so that the text of a special token stays a text
    whole = f"{text}{prompt}<|im_end|>\n<|im_start|>assistant\n{answer}"
    ids = engine.chat.tokenizer(whole, add_special_tokens=False)["input_ids"]
    null = engine.chat.text("\0")[0]
    return torch.tensor([[token for token in ids if token != null]])


@pytest.mark.parametrize("kind", STREAMS)
def test_answers_are_those_of_generate_token_for_token(engine: EncodeOnce, kind: str) -> None:
    inputs = plain_inputs(engine, STREAMS[kind])
    text = inputs.pop("text")
    expected = []
    for question in QUESTIONS:
        ids = plain_ids(engine, text, question)
        written = engine.thinker.model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            **inputs,
            do_sample=False,
            repetition_penalty=1.0,
            max_new_tokens=SETTINGS.max_new_tokens,
            eos_token_id=engine.answering.stop_ids,
            pad_token_id=0,
        )[0, ids.shape[1] :].tolist()
        ends = [place for place, token in enumerate(written) if token in engine.answering.stop_ids]
        expected.append(tuple(written[: ends[0]] if ends else written))
    assert len(set(expected)) > len(QUESTIONS) / 2, "answers must depend on the question for this to show anything"
    assert [reply.token_ids for reply in engine.answer(*STREAMS[kind], QUESTIONS)] == expected


@pytest.mark.parametrize("kind", STREAMS)
def test_likelihoods_are_those_of_one_pass_an_option(
    engine: EncodeOnce, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = plain_inputs(engine, STREAMS[kind])
    text = inputs.pop("text")
    questions = [QUESTIONS[0], QUESTIONS[3], QUESTIONS[-1]]
    replies = engine.answer(*STREAMS[kind], questions)
    monkeypatch.setattr(engine.answering, "_packs", False)  # as with flash attention, which takes no mask of ours
    for other, reply in zip(engine.answer(*STREAMS[kind], questions), replies, strict=True):
        assert other.option_scores == pytest.approx(reply.option_scores, abs=1e-4)
    for question, reply in zip(questions, replies, strict=True):
        asked = plain_ids(engine, text, question).shape[1]
        for option in question.options:
            ids = plain_ids(engine, text, question, option)
            with torch.inference_mode():
                logits = engine.thinker.model(input_ids=ids, attention_mask=torch.ones_like(ids), **inputs).logits
            likelihood = logits[0, asked - 1 : -1].log_softmax(-1).gather(1, ids[0, asked:, None])
            assert reply.option_scores[option] == pytest.approx(float(likelihood.sum()), abs=1e-4)
            assert reply.option_tokens[option] == len(likelihood) == len(option)


def test_several_stimuli_at_a_time_are_answered_as_each_alone(engine: EncodeOnce) -> None:
    stimuli = [Stimulus(*streams, QUESTIONS[number:]) for number, streams in enumerate(STREAMS.values())]
    together = answer_several(engine, stimuli)
    for one, replies in zip(stimuli, together, strict=True):
        alone = engine.answer(one.video, one.audio, one.questions)
        assert [reply.token_ids for reply in replies] == [reply.token_ids for reply in alone]
        assert [reply.input_tokens for reply in replies] == [reply.input_tokens for reply in alone]
        for reply, other in zip(replies, alone, strict=True):
            assert reply.option_scores == pytest.approx(other.option_scores, abs=1e-4)


RATES = [0.25, 0.4, 0.5, 0.75, 1.5, 2.5, 7.5, 12.5, 14.985, 23.976, 29.97, *range(1, 17), 24, 25, 30]


@pytest.mark.parametrize("fps", RATES)
def test_tokens_have_the_order_of_the_official_processors(engine: EncodeOnce, fps: float) -> None:
    """30 frame rates and 60 lengths: where a time is rounded to just below a chunk's begin depends on both."""
    timed = EncodeOnce(engine.thinker, engine.chat.tokenizer, engine.extractor, engine.frame_format, Settings(fps=fps))
    tokens = engine.thinker.media_tokens
    rate = engine.thinker.config.position_id_per_seconds
    grids = [((steps, 2, 4), max(1, round(steps * timed.seconds_per_grid * rate))) for steps in range(1, 61)]
    for grid, heard in [*grids, ((1, 4, 2), 1), ((5, 2, 4), 250), ((13, 4, 6), 70), ((3, 8, 8), 999)]:
        order = timed.thinker.order(grid, timed.seconds_per_grid, heard)
        written = "".join(tokens.video if is_video else tokens.audio for is_video in order)
        assert tokens.audio_begin + written + tokens.audio_end == official_placeholders(timed, grid, heard)


def test_each_stream_is_encoded_once_and_only_the_last_are_kept(engine: EncodeOnce) -> None:
    fresh = EncodeOnce(engine.thinker, engine.chat.tokenizer, engine.extractor, engine.frame_format, SETTINGS)
    first = fresh.answer(video(1), sound(1), QUESTIONS[:1])
    fresh.answer(video(1), sound(2), QUESTIONS[:1])
    again = fresh.answer(video(1), sound(1), QUESTIONS[:1])
    assert first == again
    assert (fresh.videos.misses, fresh.videos.hits) == (1, 2)
    assert (fresh.sounds.misses, fresh.sounds.hits) == (2, 1)
    encoded = fresh.videos.get("video 1", lambda: pytest.fail("it is there"))
    fresh.videos._limit = 2 * encoded.size
    for name in ("a", "video 1", "b"):
        fresh.videos.get(name, lambda: encoded)
    assert list(fresh.videos._entries) == ["video 1", "b"]
    assert fresh.videos._size == 2 * encoded.size
    fresh.videos.get("huge", lambda: replace(encoded, deepstack=(encoded.tokens,) * 9))
    assert "huge" not in fresh.videos._entries


@pytest.mark.parametrize("samples", [16_000, 31_999, 80_123])
def test_sound_is_what_the_official_processors_make_of_it(engine: EncodeOnce, samples: int) -> None:
    values = np.random.default_rng(0).normal(0, 0.1, samples).astype(np.float32)
    follows = engine.thinker.silence_follows_sound
    padding = {"padding": "max_length"} if follows else {"padding": True, "truncation": False}
    official = engine.extractor(
        values, sampling_rate=16_000, return_attention_mask=True, return_tensors="pt", **padding
    )
    expected = official["input_features"][0][:, official["attention_mask"][0].bool()]
    assert torch.allclose(log_mel(values, engine.extractor, silence_follows=follows), expected, atol=1e-4)


def save(folder: Path, architecture: str = FAMILIES[0]) -> Path:
    thinker, tokenizer, extractor = random_thinker(architecture, SIZE)
    for part in (thinker.model, tokenizer, extractor):
        part.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("omni"))


OPTIONS_TEXT = {"min_pixels": "1", "max_pixels": "3136", "max_new_tokens": "4", "dtype": "float32"}


def test_a_benchmark_is_evaluated_and_each_video_encoded_once(demo: Path, folder: Path, tmp_path: Path) -> None:
    conditions = ("aligned", "misaligned", "audio_removed", "frames_zeroed")
    model = cast("TransformersOmni", models.load(f"transformers:{folder}", OPTIONS_TEXT))
    model.engine.videos._limit = 15_000  # room for one: 10 steps of 2x2 tokens, 64 float32 each, are 10,240 bytes
    asked = {"condition": conditions, "limit": 2, "protocol": "paper", "allow_empty": True}  # weights are random
    evaluate(model, demo, run=tmp_path / "run", probe=False, progress=False, **asked)
    stored = AnswerStore(tmp_path / "run").read()
    assert len(stored) == 16
    for answer in stored.values():
        assert set(answer.option_scores) == set(answer.option_tokens)
        assert all(answer.option_tokens[option] == len(option) for option in answer.option_scores)
    videos = {sample.stimulus.video.sha256 for sample in load(demo, condition=conditions, limit=2).samples}
    assert (model.engine.videos.misses, model.engine.videos.hits) == (len(videos), 8 - len(videos))


def test_an_answer_stored_without_token_counts_stays_readable(tmp_path: Path) -> None:
    (tmp_path / "answers.jsonl").write_text('{"id": "a", "option_scores": {}, "question_id": "q", "text": "Cat"}\n')
    assert AnswerStore(tmp_path).read()["a"].option_tokens == {}


@pytest.mark.parametrize("architecture", FAMILIES)
def test_the_fingerprint_tells_weights_and_settings_apart(tmp_path: Path, architecture: str) -> None:
    name = f"transformers:{save(tmp_path / 'a', architecture)}"
    first = models.load(name, OPTIONS_TEXT).fingerprint()
    assert first == models.load(name, {**OPTIONS_TEXT, "local_files_only": "true"}).fingerprint()
    assert first != models.load(name, {**OPTIONS_TEXT, "fps": "1"}).fingerprint()
    weights = tmp_path / "a" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    changed = models.load(name, OPTIONS_TEXT).fingerprint()
    assert {key for key in first if first[key] != changed[key]} == {"weights"}


def copy(folder: Path, target: Path, config: dict[str, Any], weights: dict[str, torch.Tensor]) -> str:
    """Save a checkpoint like that in ``folder`` with another configuration and other weights; return its name."""
    target.mkdir()
    for path in folder.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    (target / "config.json").write_text(json.dumps(config))
    save_file(weights, target / "model.safetensors")
    return f"transformers:{target}"


@pytest.mark.parametrize("number", [0, 1])
def test_of_a_whole_omni_checkpoint_the_thinker_is_loaded(tmp_path: Path, number: int) -> None:
    folder = save(tmp_path / "thinker", FAMILIES[number])
    config = {
        "architectures": [("Qwen2_5OmniModel", "Qwen3OmniMoeForConditionalGeneration")[number]],
        "model_type": ("qwen2_5_omni", "qwen3_omni_moe")[number],
        "thinker_config": json.loads((folder / "config.json").read_text()),
    }
    weights = load_file(folder / "model.safetensors")
    others = {"talker.model.norm.weight": torch.ones(3), "token2wav.x": torch.ones(3), "code2wav.x": torch.ones(3)}
    whole = copy(folder, tmp_path / "whole", config, {f"thinker.{key}": weights[key] for key in weights} | others)
    question = [Asked("What is heard?", OPTIONS)]
    replies = [
        cast("TransformersOmni", models.load(name, OPTIONS_TEXT)).ask(video(1), sound(1), question)
        for name in (f"transformers:{folder}", whole)
    ]
    assert replies[0] == replies[1]


def test_a_checkpoint_that_lacks_a_weight_is_refused(folder: Path, tmp_path: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["model.norm.weight"]
    name = copy(folder, tmp_path / "part", json.loads((folder / "config.json").read_text()), weights)
    with pytest.raises(MMABenchError, match=r"lacks 1 weights, such as .*norm\.weight"):
        models.load(name, OPTIONS_TEXT)


def test_a_model_that_computes_no_numbers_is_an_error_and_no_answer(folder: Path, tmp_path: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"][0] = torch.inf
    name = copy(folder, tmp_path / "broken", json.loads((folder / "config.json").read_text()), weights)
    model = cast("TransformersOmni", models.load(name, OPTIONS_TEXT))
    with pytest.raises(MMABenchError, match="no finite numbers"):
        model.ask(video(1), None, QUESTIONS[:1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"colour": "red"}, "no option 'colour'"),
        ({"fps": "fast"}, "fps='fast'"),
        ({"batch_size": "0"}, "batch_size='0'"),
        ({"min_pixels": "9999", "max_pixels": "10"}, "above max_pixels"),
        ({"device_map": "cuda:0; rm"}, "device_map="),
    ],
)
def test_a_wrong_option_is_one_clear_error(folder: Path, options: dict[str, str], message: str) -> None:
    with pytest.raises(MMABenchError, match=message):
        models.load(f"transformers:{folder}", options)


def test_what_is_no_omni_checkpoint_is_one_clear_error(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(MMABenchError, match="name a checkpoint"):
        models.load("transformers:")
    with pytest.raises(MMABenchError, match="cannot be loaded"):
        models.load(f"transformers:{tmp_path}")
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = tmp_path / "config.json"
    config.write_text(config.read_text().replace(FAMILIES[0], "BertModel"))
    with pytest.raises(MMABenchError, match="is a BertModel; known are"):
        models.load(f"transformers:{tmp_path}")


def test_arrays_are_answered_without_the_libraries_of_the_loader() -> None:
    """GPU machines may have torch and transformers only."""
    program = """
import sys
for name in ("av", "datasets", "webdataset", "torchcodec", "librosa", "pyarrow", "cv2", "torchvision", "torchaudio"):
    sys.modules[name] = None
import numpy as np
from mma_bench.models.omni import Asked, AudioStream, EncodeOnce, Settings
from mma_bench.models.omni.random_weights import Size, random_thinker
thinker, tokenizer, extractor = random_thinker("Qwen2_5OmniThinkerForConditionalGeneration", Size())
settings = Settings(max_new_tokens=2)
engine = EncodeOnce(thinker, tokenizer, extractor, thinker.frame_format({}, None, None), settings)
print(len(engine.answer(None, AudioStream("a", lambda: np.zeros(16000, np.float32)), [Asked("What?")])))
"""
    assert run_command(sys.executable, "-c", program).stdout.splitlines()[-1] == "1"


def test_streams_that_cannot_be_used_are_refused(engine: EncodeOnce) -> None:
    with pytest.raises(MMABenchError, match="at least one"):
        engine.answer(None, None, QUESTIONS[:1])
    with pytest.raises(MMABenchError, match="sound must be"):
        engine.answer(None, AudioStream("nan", lambda: np.full(16_000, np.nan, np.float32)), QUESTIONS[:1])
    with pytest.raises(MMABenchError, match="frames must be"):
        engine.answer(VideoStream("none", lambda fps: np.zeros((0, 8, 8, 3), np.uint8)), None, QUESTIONS[:1])
