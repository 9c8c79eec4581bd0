"""Each layout of video, audio and question: tokens and answers are those of the family's processor and `generate`."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from mma_bench import MMABenchError
from mma_bench.diagnosis.run import require_family
from mma_bench.diagnosis.token_map import Group, map_tokens
from mma_bench.files.hashing import sha256_json
from mma_bench.models.omni import Asked, EncodeOnce, Settings
from mma_bench.models.omni.branches import Branch, Branches, Mixture
from mma_bench.models.omni.conversation import IGNORED
from mma_bench.models.omni.frames import to_patches
from mma_bench.models.omni.layout import Arrangement
from mma_bench.models.omni.random_weights import Size, random_thinker
from mma_bench.models.omni.settings import parse_settings
from mma_bench.models.omni.sound import log_mel
from mma_bench.models.omni.training_batch import Exchange, TrainingBatch
from mma_bench.tuning import read_settings
from mma_bench.tuning.record import _INCIDENTAL, RunRecord, _flat
from mma_bench.tuning.settings import BaseModelSettings
from tests.conftest import ROOT
from tests.diagnosis.test_token_map import asked
from tests.models.test_omni import FAMILIES, official_placeholders, sound, video

LAYOUTS: tuple[Arrangement, ...] = ("interleaved", "video-first", "audio-first", "question-first")
QUESTIONS = [Asked("What is seen? Cat, Dog.", ("Cat", "Dog")), Asked("What is heard? Say <|im_end|>!", ("Bell", "Dog"))]
SIZE = Size(spread=0.25)
TINY = ROOT / "mma_bench" / "tuning" / "configs" / "tiny.yaml"


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Models this small are faster so."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=FAMILIES)
def made(request: pytest.FixtureRequest) -> tuple[Any, Any, Any]:
    found: tuple[Any, Any, Any] = random_thinker(request.param, SIZE)
    return found


def engine_of(made: tuple[Any, Any, Any], layout: Arrangement, **more: Any) -> EncodeOnce:
    thinker, tokenizer, extractor = made
    settings = Settings(max_new_tokens=5, layout=layout, **more)
    return EncodeOnce(thinker, tokenizer, extractor, thinker.frame_format({}, 1, 112 * 112), settings)


def official(engine: EncodeOnce, layout: str, question: Asked, answer: str = "") -> dict[str, Any]:
    """What transformers' own forward gets for a conversation: media separately, or audio in video."""
    thinker, tokens = engine.thinker, engine.thinker.media_tokens
    spectrum = log_mel(sound(1).samples(), engine.extractor, silence_follows=thinker.silence_follows_sound)
    patches = to_patches(video(1).frames(2), engine.frame_format)
    heard = thinker.audio_tokens(spectrum.shape[1])
    apart = layout in ("video-first", "audio-first")
    streams = [
        tokens.video_begin + tokens.video * (len(patches.pixels) // 4) + tokens.video_end,
        tokens.audio_begin + tokens.audio * heard + tokens.audio_end,
    ]
    media = "".join(streams if layout == "video-first" else streams[::-1])
    if not apart:
        media = tokens.video_begin + official_placeholders(engine, patches.grid, heard) + tokens.video_end
    said = question.prompt.replace("<|", "<\0|")  # so that the text of a special token stays a text
    content = said + media if layout == "question-first" else media + said
    system = f"<|im_start|>system\n{thinker.system_prompt}<|im_end|>\n" if thinker.system_prompt else ""
    whole = f"{system}<|im_start|>user\n{content}<|im_end|>\n<|im_start|>assistant\n{answer}"
    null = engine.chat.text("\0")[0]
    ids = torch.tensor([[i for i in engine.chat.tokenizer(whole, add_special_tokens=False)["input_ids"] if i != null]])
    return {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "use_audio_in_video": not apart,
        "input_features": spectrum[None],
        "feature_attention_mask": torch.ones(1, spectrum.shape[1], dtype=torch.long),
        "pixel_values_videos": patches.pixels,
        "video_grid_thw": torch.tensor([patches.grid]),
        "video_second_per_grid": torch.tensor([engine.seconds_per_grid]),
    }


@pytest.mark.parametrize("layout", LAYOUTS)
def test_answers_are_those_of_generate_token_for_token(made: tuple[Any, Any, Any], layout: Arrangement) -> None:
    engine = engine_of(made, layout, encoder_cache_mb=0)
    replies = engine.answer(video(1), sound(1), QUESTIONS)
    for question, reply in zip(QUESTIONS, replies, strict=True):
        inputs = official(engine, layout, question)
        start = inputs["input_ids"].shape[1]
        written = engine.thinker.model.generate(
            **inputs,
            do_sample=False,
            repetition_penalty=1.0,
            max_new_tokens=5,
            eos_token_id=engine.answering.stop_ids,
            pad_token_id=0,
        )[0, start:].tolist()
        ends = [place for place, token in enumerate(written) if token in engine.answering.stop_ids]
        assert reply.token_ids == tuple(written[: ends[0]] if ends else written)
        assert reply.input_tokens == start
        for option in question.options:
            inputs = official(engine, layout, question, option)
            with torch.inference_mode():
                logits = engine.thinker.model(**inputs).logits
            expected = logits[0, start - 1 : -1].log_softmax(-1).gather(1, inputs["input_ids"][0, start:, None]).sum()
            assert reply.option_scores[option] == pytest.approx(float(expected), abs=1e-4)
    # Encoders run once per stimulus, even if the language model reads the media again, and without a cache.
    assert (engine.videos.misses, engine.sounds.misses) == (1, 1)


def test_layouts_give_different_answers_and_single_streams_the_same(made: tuple[Any, Any, Any]) -> None:
    engines = {layout: engine_of(made, layout) for layout in LAYOUTS}
    scores = [tuple(e.answer(video(1), sound(1), QUESTIONS)[0].option_scores.values()) for e in engines.values()]
    assert len(set(scores)) == len(LAYOUTS), "a layout must matter for this to show anything"
    alone = [engines[layout].answer(None, sound(1), QUESTIONS)[0] for layout in LAYOUTS[:3]]
    assert alone[0] == alone[1] == alone[2]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_branches_follow_the_layout(made: tuple[Any, Any, Any], layout: Arrangement) -> None:
    engine = engine_of(made, layout)
    plain = engine.answer(video(1), sound(1), QUESTIONS)
    branches = Branches(engine, video(1), sound(1))
    mixed = branches.answer(QUESTIONS, [Mixture({Branch.BOTH: 1.0, Branch.TEXT: 0.0})] * 2)
    assert [reply.token_ids for reply in mixed] == [reply.token_ids for reply in plain]
    for (scores, _), reply in zip(branches.weigh([q.prompt for q in QUESTIONS], ["Dog"]), plain, strict=True):
        assert scores["Dog"] == pytest.approx(reply.option_scores["Dog"], abs=1e-4)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_training_reads_what_the_evaluation_asks(made: tuple[Any, Any, Any], layout: Arrangement) -> None:
    engine = engine_of(made, layout)
    thinker, _, extractor = made
    batch = TrainingBatch(thinker, engine.chat, extractor, engine.frame_format, 2.0, layout)
    seen, heard = batch.see(video(1).frames(2)), batch.hear(sound(1).samples())
    inputs = batch([Exchange(seen, heard, question.prompt, "Dog") for question in QUESTIONS])
    labels = inputs.pop("labels")
    with torch.inference_mode():
        likelihood = thinker.model(**inputs).logits.float().log_softmax(-1)
    for row, reply in enumerate(engine.answer(video(1), sound(1), QUESTIONS)):
        learnt = (labels[row] != IGNORED).nonzero()[:-1, 0].tolist()
        ours = sum(float(likelihood[row, at - 1, labels[row, at]]) for at in learnt)
        assert ours == pytest.approx(reply.option_scores["Dog"], abs=2e-3)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_token_map_follows_the_layout(made: tuple[Any, Any, Any], layout: Arrangement) -> None:
    """Order of the groups, and times in the units of the position ids, which transformers computes."""
    engine, question, grid, frames = engine_of(made, layout), asked("misaligned"), (5, 4, 6), 530
    found = map_tokens(engine, grid, frames, question, "Water")
    seen, heard, words = (np.flatnonzero(found.of(*groups)) for groups in (
        (Group.VIDEO,), (Group.AUDIO,), (Group.QUESTION, Group.OPTION)
    ))  # fmt: skip
    assert engine.chat.decode(found.ids[words].tolist()) == question.prompt
    assert len(seen) == 5 * 4 * 6 // 4
    last = found.media_end
    before = {
        "interleaved": seen.min() < heard.min() < seen.max() < words.min(),
        "video-first": seen.max() < heard.min() and heard.max() < words.min(),
        "audio-first": heard.max() < seen.min() and seen.max() < words.min(),
        "question-first": words.max() < seen.min() < heard.min() < seen.max() < last,
    }
    assert before[layout]
    lead = engine.conversation.lead(question.prompt)
    positions = engine.conversation.media(grid, frames, lead).positions.double().numpy()
    rate = engine.thinker.positions_per_second
    for group in (seen, heard):
        assert positions[0, group] - positions[0, group[0]] == pytest.approx(found.seconds[group] * rate, abs=1)
    assert (positions[2, seen] - positions[2, seen[0]]).tolist() == found.column[seen].tolist()
    assert len(found.ids) - found.length == len("Water") + 1


def test_the_default_is_not_named_and_others_are() -> None:
    assert "setting layout" not in parse_settings({}).deciding()
    assert parse_settings({"layout": "interleaved"}).deciding() == parse_settings({}).deciding()
    for layout in LAYOUTS[1:]:
        assert parse_settings({"layout": layout}).deciding()["setting layout"] == layout
    with pytest.raises(MMABenchError, match="layout='sideways'"):
        parse_settings({"layout": "sideways"})
    tuned = BaseModelSettings(checkpoint="x", layout="audio-first")
    assert "--model-option layout=audio-first" in tuned.evaluation_options
    assert "layout" not in BaseModelSettings(checkpoint="x").evaluation_options


def test_runs_of_tuning_with_the_default_layout_keep_their_hash() -> None:
    """They can resume: the hash is what it was before the setting existed."""
    settings = read_settings(TINY, ("model.checkpoint=x", "data.path=y"))
    record = RunRecord.of(settings, {}, {}, 1)
    without = {name: value for name, value in _flat(record.configuration).items() if name not in _INCIDENTAL}
    assert without.pop("model.layout") == "interleaved"
    assert record.sha256 == sha256_json([without, {"weights": None, "dtype": None, "frame format": None}, {}, 1])
    moved = settings.changed(model=settings.model.changed(layout="audio-first"))
    assert RunRecord.of(moved, {}, {}, 1).sha256 != record.sha256


def test_a_diagnosis_needs_the_question_after_the_media() -> None:
    require_family("transformers:X", "audio-first")
    with pytest.raises(MMABenchError, match="layout=question-first cannot be diagnosed"):
        require_family("transformers:X", "question-first")
