"""Training batches are, token for token, what the adapter asks when it evaluates."""

import numpy as np
import pytest
import torch

from mma_bench.models.omni import Asked, AudioStream, EncodeOnce, Settings, VideoStream
from mma_bench.models.omni.conversation import IGNORED
from mma_bench.models.omni.random_weights import Size, random_thinker
from mma_bench.models.omni.training_batch import Exchange, TrainingBatch

FAMILIES = ("Qwen2_5OmniThinkerForConditionalGeneration", "Qwen3OmniMoeThinkerForConditionalGeneration")
CASES = [("Is it a bell?", "Bell"), ("Look at the picture. Is it <|im_end|> or a drum?", "A drum, surely")]
STREAMS = [(True, True), (True, False), (False, True)]


@pytest.mark.parametrize("architecture", FAMILIES)
def test_likelihoods_of_a_padded_batch_are_those_of_the_evaluation(architecture: str) -> None:
    thinker, tokenizer, extractor = random_thinker(architecture, Size(spread=0.25), texts=["Is it a bell or a drum?"])
    frame_format = thinker.frame_format({}, 1, 56 * 56)
    engine = EncodeOnce(thinker, tokenizer, extractor, frame_format, Settings(max_new_tokens=1))
    batch = TrainingBatch(thinker, engine.chat, extractor, frame_format, 2.0)
    random = np.random.default_rng(0)
    frames = random.integers(0, 256, (5, 90, 90, 3), dtype=np.uint8)
    sounds = [random.normal(0, 0.1, length).astype(np.float32) for length in (37_000, 16_000)]
    for seen, heard in STREAMS:
        video = batch.see(batch.scale(frames)) if seen else None
        examples = [
            Exchange(video, batch.hear(sound) if heard else None, prompt, target)
            for sound, (prompt, target) in zip(sounds, CASES, strict=True)
        ]
        inputs = batch(examples)
        labels = inputs.pop("labels")
        with torch.inference_mode():
            likelihood = thinker.model(**inputs).logits.float().log_softmax(-1)
        for row, (sound, (prompt, target)) in enumerate(zip(sounds, CASES, strict=True)):
            learnt = (labels[row] != IGNORED).nonzero()[:, 0].tolist()
            assert labels[row, learnt[-1]] == engine.chat.end_id
            ours = sum(float(likelihood[row, at - 1, labels[row, at]]) for at in learnt[:-1])
            (reply,) = engine.answer(
                VideoStream("video", lambda fps: frames) if seen else None,
                AudioStream(f"sound {row}", lambda sound=sound: sound) if heard else None,  # type: ignore[misc]
                [Asked(prompt, (target, "x"))],
            )
            assert ours == pytest.approx(reply.option_scores[target], abs=2e-3)


def test_text_alone_is_a_conversation_without_media_beside_others_with_them() -> None:
    thinker, tokenizer, extractor = random_thinker(FAMILIES[0], Size())
    frame_format = thinker.frame_format({}, 1, 56 * 56)
    chat = EncodeOnce(thinker, tokenizer, extractor, frame_format, Settings()).chat
    batch = TrainingBatch(thinker, chat, extractor, frame_format, 2.0)
    text = Exchange(None, None, "What?", "Nothing")
    seen = Exchange(batch.see(np.zeros((4, 56, 56, 3), np.uint8)), None, "What?", "Nothing")
    alone, mixed = batch([text]), batch([text, seen])
    asked = "<|im_start|>user\nWhat?<|im_end|>\n<|im_start|>assistant\nNothing<|im_end|>"
    length = alone["input_ids"].shape[1]
    assert tokenizer.decode(alone["input_ids"][0]).endswith(asked)
    assert alone["position_ids"].unique(dim=0).tolist() == [[list(range(length))]]
    assert "pixel_values_videos" not in alone
    assert torch.equal(mixed["input_ids"][:1, :length], alone["input_ids"])
    assert mixed["attention_mask"][0].sum() == length
    with torch.inference_mode():
        apart, together = (thinker.model(**inputs).logits[0, :length] for inputs in (alone, mixed))
    assert torch.allclose(apart, together, atol=1e-4)
