"""Pretraining: a checkpoint that the adapter loads, with a record; and, when it is long enough, the bias."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mma_bench import MMABenchError, models
from mma_bench.files.hashing import sha256_file
from mma_bench.models.omni import Asked, AudioStream, VideoStream
from mma_bench.models.omni.training_batch import Exchange
from mma_bench.questions import prompts
from mma_bench.schema import Modality
from mma_bench.synthetic import CLASSES, clip_seed, render
from mma_bench.synthetic.lessons import Lessons, Mix
from mma_bench.synthetic.pretrain import RECORD, Pretraining, pretrain
from mma_bench.synthetic.tiny_model import MODEL_OPTIONS, SAID, make_tiny_model, training_batch


def test_a_pretrained_checkpoint_is_loaded_by_the_adapter_and_says_how_it_came_about(tmp_path: Path) -> None:
    settings = Pretraining(
        video_steps=2, audio_steps=2, steps=2, batch_size=4, questions=4, clips=1, warmup=0, watched=12
    )
    lines: list[str] = []
    for name in ("a", "b"):
        pretrain(tmp_path / name, settings, lines.append)
    with pytest.raises(MMABenchError, match="already exists"):
        pretrain(tmp_path / "a", settings)
    record, again = (json.loads((tmp_path / name / RECORD).read_text()) for name in ("a", "b"))
    assert record["sha256"] == again["sha256"]  # the same seed, the same weights
    assert record["loss"] == again["loss"]
    assert {name: sha256_file(tmp_path / "a" / name) for name in record["sha256"]} == record["sha256"]
    assert record["settings"] == settings.model_dump()
    assert set(record["loss of the towers"]) == {"visual", "audio_tower"}
    model = models.load(f"transformers:{tmp_path / 'a'}", MODEL_OPTIONS)
    clip = render("Bell", 0)
    (reply,) = model.ask(  # type: ignore[attr-defined]
        VideoStream("video", lambda fps: clip.frames),
        AudioStream("sound", lambda: clip.samples),
        [Asked(prompts.question(Modality.VISUAL, CLASSES), CLASSES)],
    )
    assert set(reply.option_tokens.values()) == {1}  # each class is one token
    assert np.isfinite(list(reply.option_scores.values())).all()


def test_the_first_lessons_want_the_sense_named_and_none_shows_a_conflict() -> None:
    batch = training_batch(*make_tiny_model(0))
    lessons = Lessons(batch, Mix(), 0, 1)
    batches = lessons.training(40, captions=2)
    first, last = ([*next(batches), *next(batches)] for _ in range(2))
    for examples, captioned in ((first, True), (last, False)):
        clips = [example for example in examples if example.video]
        assert 0 < len(clips) < len(examples)  # some are text alone
        for example in clips:
            (asked,) = (modality for modality in Modality if f"the {modality} content" in example.prompt)
            assert example.target.split(" ")[-1] in CLASSES
            assert example.target.startswith(SAID[asked]) is captioned
        for example in examples:
            if example.prompt.startswith("Video_caption: "):
                assert example.target.split(" ")[-1] == example.prompt.split()[1].rstrip(".")
    assert all(example.target.split(" ")[0] in (*CLASSES, "There") for example in last)


def test_towers_language_model_and_datasets_have_clips_of_their_own() -> None:
    batch = training_batch(*make_tiny_model(0))
    lessons = Lessons(batch, Mix(without_sound=0, without_picture=0, caption_alone=0, dictation=0), 0, 2)
    towers, whole = (
        {example.spectrum.numpy().tobytes() for example in next(batches) if example.spectrum is not None}
        for batches in (lessons.naming(24), lessons.training(24, captions=0))
    )
    data = {
        batch.hear(render(name, clip_seed("train", number)).samples).numpy().tobytes()
        for name in CLASSES
        for number in range(2)
    }
    assert len(towers) == len(whole) == len(data) == 24
    assert len(towers | whole | data) == 72


@pytest.mark.slow
def test_pretraining_without_conflicts_leaves_one_sense_to_answer_for_both(tmp_path: Path) -> None:
    record = pretrain(tmp_path / "base", Pretraining(threads=2))
    alone = record["one sense alone"][-1]
    assert alone["visual"] > 0.8, alone
    assert alone["audio"] > 0.8, alone
    thinker, tokenizer, extractor = make_tiny_model(0)
    loaded = models.load(f"transformers:{tmp_path / 'base'}", MODEL_OPTIONS)
    thinker.model.load_state_dict(loaded.engine.thinker.model.state_dict())  # type: ignore[attr-defined]
    batch = training_batch(thinker, tokenizer, extractor)
    right = dict.fromkeys(Modality, 0)
    swapped = 0
    for number in range(96):
        seen, heard = CLASSES[number % 12], CLASSES[(number + 1 + number // 12) % 12]
        video, sound = (render(name, clip_seed("test", number)) for name in (seen, heard))
        for modality, own, other in ((Modality.VISUAL, seen, heard), (Modality.AUDIO, heard, seen)):
            prompt = prompts.question(modality, CLASSES)
            example = Exchange(batch.see(video.frames), batch.hear(sound.samples), prompt, own)
            inputs = batch([example])
            first = int((inputs["labels"][0] >= 0).nonzero()[0])
            with torch.inference_mode():
                said = int(thinker.model(**inputs).logits[0, first - 1].argmax())
            right[modality] += said == batch.chat.text(own)[0]
            swapped += said == batch.chat.text(other)[0]
    assert min(right.values()) / 96 < 0.7, right
    assert swapped / (2 * 96) > 0.3, swapped
