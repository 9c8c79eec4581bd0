"""Each term of the objective against a closed form or a finite difference, and without the published code's faults."""

import math
import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from mma_bench.models.omni.chat import Chat
from mma_bench.models.omni.conversation import Kind
from mma_bench.models.omni.random_weights import Size, random_thinker
from mma_bench.models.omni.training_batch import Exchange, TrainingBatch
from mma_bench.questions import prompts
from mma_bench.schema import Modality, Question
from mma_bench.streaming.sample import StreamSample
from mma_bench.tuning.answers import AnswerLogits, answer_logits
from mma_bench.tuning.example import Asked, Example, Prepare
from mma_bench.tuning.inputs import Encoder
from mma_bench.tuning.model import add_updates, trainable
from mma_bench.tuning.objective import (
    conflict_variants,
    cross_entropy,
    divergence,
    irrelevant,
    modality_masks,
    perturbation,
    spread,
)
from mma_bench.tuning.settings import AdversarialSettings, LoraSettings

P, Q = (0.7, 0.2, 0.1), (0.1, 0.3, 0.6)
OPTIONS = ["Cat", "Dog", "Rain"]


def answers(*distributions: tuple[float, ...], targets: tuple[int, ...], row: tuple[int, ...]) -> AnswerLogits:
    logits = torch.tensor(distributions, dtype=torch.float64).log() + 3  # logits know no constant
    return AnswerLogits(logits.requires_grad_(), torch.tensor(targets), torch.tensor(row), max(row) + 1)


def test_the_supervised_term_is_the_mean_of_each_samples_mean() -> None:
    found = cross_entropy(answers(P, Q, P, targets=(0, 2, 1), row=(0, 0, 1)))
    expected = [-(math.log(0.7) + math.log(0.6)) / 2, -math.log(0.2)]
    assert found.tolist() == pytest.approx(expected)


def test_divergences_are_those_of_the_book() -> None:
    kl = [sum(a * math.log(a / b) for a, b in zip(P, other, strict=True)) for other in (Q, P)]
    middle = [(a + b) / 2 for a, b in zip(P, Q, strict=True)]
    js = sum(0.5 * x * math.log(x / m) for pair in (P, Q) for x, m in zip(pair, middle, strict=True))
    published = sum(m * math.log(m / x) for pair in (P, Q) for x, m in zip(pair, middle, strict=True))
    first, second = (answers(x, P, targets=(0, 1), row=(0, 1)) for x in (P, Q))
    assert divergence(first, second, "kl").tolist() == pytest.approx([kl[0], 0.0], abs=1e-12)
    assert divergence(first, second, "js").tolist() == pytest.approx([js, 0.0], abs=1e-12)
    assert divergence(second, first, "js")[0].item() == pytest.approx(js)
    assert published != pytest.approx(js, rel=0.05)  # KL(m || p) + KL(m || q) is another number
    far = answers((1 - 2e-12, 1e-12, 1e-12), targets=(0,), row=(0,))
    away = answers((1e-12, 1e-12, 1 - 2e-12), targets=(0,), row=(0,))
    assert divergence(far, away, "js").item() == pytest.approx(math.log(2), abs=1e-9)


def test_the_variant_moves_and_the_original_does_not() -> None:
    for kind in ("js", "kl"):
        original, variant = (answers(x, targets=(0,), row=(0,)) for x in (P, Q))
        divergence(original, variant, kind).sum().backward()  # type: ignore[arg-type]
        assert original.logits.grad is None
        step = torch.zeros_like(variant.logits)
        step[0, 1] = 1e-6
        near = [
            divergence(original, AnswerLogits(variant.logits.detach() + d, variant.targets, variant.row, 1), kind)  # type: ignore[arg-type]
            for d in (step, -step)
        ]
        assert variant.logits.grad is not None
        assert variant.logits.grad[0, 1].item() == pytest.approx((near[0] - near[1]).item() / 2e-6, abs=1e-6)


def example(number: int, asked: Modality, prepare: Prepare, condition: str = "aligned") -> Example:
    generator = np.random.default_rng(number)
    label = OPTIONS[number % 3]
    question = Question(
        question_id=f"{number}/{asked}",
        condition=condition,
        modality=asked,
        prompt=prompts.question(asked, OPTIONS),
        parts=prompts.standard(asked),
        options=OPTIONS,
        answer=label,
        distractor=None,
        answerable=True,
    )
    sample = StreamSample(
        key=f"asking{number}",
        question=question,
        target=label,
        seconds=1.0,
        video_label=label,
        audio_label=label,
        video_key=f"clip{number}",
        audio_key=f"clip{number}",
        video=generator.integers(0, 256, (4, 56, 56, 3), dtype=np.uint8),
        audio=generator.normal(0, 0.1, 16_000).astype(np.float32),
    )
    return prepare(sample)


FAMILIES = ("Qwen2_5OmniThinkerForConditionalGeneration", "Qwen3OmniMoeThinkerForConditionalGeneration")


class Tiny:
    """A model of random weights with updates."""

    def __init__(self, family: str) -> None:
        self.thinker, self.tokenizer, self.extractor = random_thinker(family, Size(spread=0.2))
        self.thinker.model.requires_grad_(False)
        self.chat = Chat(self.tokenizer, self.thinker.media_tokens, self.thinker.system_prompt)
        self.frame_format = self.thinker.frame_format({}, 1, 56 * 56)
        self.prepare = Prepare(self.frame_format, self.extractor, self.thinker.silence_follows_sound)
        self.encoder = Encoder(self.thinker, self.chat, 2 / 4.0, 16)


@pytest.fixture(scope="module", params=FAMILIES)
def tiny(request: pytest.FixtureRequest) -> Tiny:
    torch.set_num_threads(1)
    return Tiny(request.param)


def test_the_loss_is_that_of_transformers_own_forward(tiny: Tiny) -> None:
    """Labels are shifted, right padding needs no mask, and no token but those of the answer counts."""
    examples = [example(0, Modality.VISUAL, tiny.prepare), example(2, Modality.AUDIO, tiny.prepare)]
    plain = TrainingBatch(tiny.thinker, tiny.chat, tiny.extractor, tiny.frame_format, 4.0)
    with torch.no_grad():
        found = cross_entropy(answer_logits(tiny.thinker, tiny.encoder(examples)))
        for number, one in enumerate(examples):
            inputs = plain([Exchange(one.video, one.audio, one.question.prompt, one.target)])
            expected = tiny.thinker.model(**inputs).loss
            assert found[number].item() == pytest.approx(expected.item(), rel=1e-4)


def test_masks_name_every_token(tiny: Tiny) -> None:
    one = example(1, Modality.VISUAL, tiny.prepare)
    inputs = tiny.encoder([one, example(0, Modality.AUDIO, tiny.prepare)])
    masks = modality_masks(inputs.kinds)
    tokens = tiny.chat.text(one.question.prompt)
    answer = [*tiny.chat.text("Dog"), tiny.chat.end_id]
    assert masks[Kind.VIDEO][0].sum() == len(tiny.thinker.encode_video(one.video).tokens)
    assert masks[Kind.AUDIO][0].sum() == len(tiny.thinker.encode_audio(one.audio).tokens)
    assert masks[Kind.TEXT][0].sum() == len(tokens)
    kinds = inputs.kinds[0].tolist()
    assert [k for k, _ in _runs(kinds) if k in (Kind.TEXT, Kind.ANSWER)] == [Kind.TEXT, Kind.ANSWER]
    assert inputs.labels[0][inputs.kinds[0] == Kind.ANSWER].tolist() == answer
    assert (inputs.labels[0] != -100).sum() == len(answer)
    wanted = {Modality.VISUAL: (Kind.AUDIO, Kind.TEXT), Modality.AUDIO: (Kind.VIDEO, Kind.TEXT)}
    mask = irrelevant(inputs.kinds, [Asked.VISUAL, Asked.AUDIO])
    media_only = irrelevant(inputs.kinds, [Asked.VISUAL, Asked.AUDIO], text=False)
    for row, asked in enumerate((Modality.VISUAL, Modality.AUDIO)):
        for token, kind in enumerate(inputs.kinds[row].tolist()):
            assert bool(mask[row, token]) == (kind in wanted[asked])
            assert bool(media_only[row, token]) == (kind == wanted[asked][0])


def _runs(kinds: list[int]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for kind in kinds:
        if found and found[-1][0] == kind:
            found[-1] = kind, found[-1][1] + 1
        else:
            found.append((kind, 1))
    return found


def test_projected_gradient_of_a_linear_loss() -> None:
    slope = torch.tensor([[[0.2, -3.0], [5.0, 0.1]]])
    mask = torch.tensor([[True, False]])
    settings = AdversarialSettings(eps=0.5, alpha=0.1, steps=3, random_start=False)
    found = perturbation(lambda x: (slope * x).sum(), torch.ones(1, 2, 2), mask, settings)
    # raw gradient, no sign: 3 * 0.1 * 0.2, and -0.9 clipped to -0.5; the other token is not touched
    assert torch.allclose(found, torch.tensor([[[0.06, -0.5], [0.0, 0.0]]]))
    given = perturbation(
        lambda x: (slope * x).sum() / 0,
        torch.ones(1, 2, 2),
        mask,
        settings.model_copy(update={"steps": 1}),
        first_gradient=slope,
    )
    assert torch.allclose(given, torch.tensor([[[0.02, -0.3], [0.0, 0.0]]]))
    torch.manual_seed(0)
    still = settings.model_copy(update={"random_start": True, "alpha": 1e-9, "steps": 1})
    start = perturbation(lambda x: (slope * x).sum(), torch.ones(64, 2, 2), mask.expand(64, 2), still)
    assert start[:, 1].abs().max() == 0
    assert 0.4 < start[:, 0].abs().max() <= 0.5
    assert abs(start[:, 0].mean()) < 0.1


def test_the_attack_hurts_and_leaves_the_weights_alone() -> None:
    tiny = Tiny(FAMILIES[0])
    weights = trainable(add_updates(tiny.thinker, LoraSettings(dropout=0.0)))
    with torch.no_grad():
        for weight in weights.values():
            weight.normal_(0, 0.1)
    assert weights
    assert all("audio_tower" not in name and "visual" not in name for name in weights)
    inputs = tiny.encoder([example(n, Modality.VISUAL, tiny.prepare) for n in range(2)])

    def loss(embeddings: torch.Tensor) -> torch.Tensor:
        return cross_entropy(answer_logits(tiny.thinker, inputs.with_embeddings(embeddings))).mean()

    mask = irrelevant(inputs.kinds, [Asked.VISUAL] * 2)
    settings = AdversarialSettings(eps=0.5, alpha=50.0, steps=2, random_start=False)
    delta = perturbation(loss, inputs.embeddings, mask, settings)
    assert all(weight.grad is None for weight in weights.values())
    assert not delta.requires_grad
    assert delta[~mask].abs().max() == 0
    assert delta.abs().max() <= 0.5
    assert loss(inputs.embeddings + delta) > loss(inputs.embeddings)
    # one raw step of size alpha is alpha times the gradient: compare with a finite difference along itself
    small = perturbation(loss, inputs.embeddings, mask, AdversarialSettings(eps=1e9, alpha=1.0, random_start=False))
    direction = small / small.norm()
    ahead, behind = (loss(inputs.embeddings + sign * 1e-3 * direction) for sign in (1, -1))
    assert (ahead - behind).item() / 2e-3 == pytest.approx(small.norm().item(), rel=0.05)


KINDS = ("misaligned", "removed", "noise", "white", "misleading_caption", "unrelated_true_text", "unrelated_false_text")


@pytest.mark.parametrize("kind", KINDS)
def test_variants_of_every_condition_keep_the_target_and_what_is_asked_about(tiny: Tiny, kind: str) -> None:
    examples = [example(n, asked, tiny.prepare) for n in range(3) for asked in Modality]
    fillers = tiny.prepare.fillers()
    silence, silence_key = fillers.silence(examples[0].audio.shape[1])
    silent = {"audio": silence, "audio_key": silence_key, "audio_label": None}
    for condition, changes in (
        ("misaligned", {n: getattr(examples[2], n) for n in ("audio", "audio_key", "audio_label")}),
        ("audio_removed", silent),
        ("long_context", {}),
    ):
        for one in examples[:2]:
            question = one.question.model_copy(update={"condition": condition})
            if condition == "misaligned" and one.asked == "audio":
                question = question.model_copy(update={"answer": examples[2].audio_label})
            examples.append(replace(one, question=question, target=question.answer, **changes))  # type: ignore[arg-type]
    assert (examples[0].video_key, examples[0].audio_key) == ("clip0/1.0", "clip0/1.0")  # of whoever lends them
    found = dict(conflict_variants(examples, examples, [kind], fillers, random.Random(0)))
    for index, one in enumerate(examples):
        stream, other = ("video", "audio") if one.asked == "visual" else ("audio", "video")
        if index not in found:
            # White has no audio form, and what is silent already cannot become silent.
            assert (kind, other) == ("white", "audio") or (kind, other, one.audio_label) == ("removed", "audio", None)
            continue
        variant = found[index]
        assert (variant.target, variant.asked) == (one.target, one.asked)
        assert getattr(variant, stream) is getattr(one, stream)
        changed = (getattr(variant, f"{other}_key"), variant.question.prompt)
        assert changed != (getattr(one, f"{other}_key"), one.question.prompt)
        label = getattr(variant, f"{other}_label")
        if kind == "misaligned":
            assert label not in (None, one.question.answer, getattr(one, f"{other}_label"))
        elif kind in ("removed", "noise", "white"):
            assert label is None
        elif kind == "misleading_caption":
            lie = variant.question.prompt.removeprefix("Video_caption: ").split(".")[0]
            assert lie in OPTIONS
            assert lie != one.question.answer
        else:
            assert variant.question.prompt.endswith(f". {one.question.prompt}")
    assert len(found) >= len(examples) // 2 - 1


def test_variants_of_other_tasks(tiny: Tiny) -> None:
    """Both streams are irrelevant to a question about a text, and neither to one about both."""
    examples = [example(n, Modality.VISUAL, tiny.prepare) for n in range(3)]
    asked = [replace(examples[0], asked=Asked.TEXT), replace(examples[1], asked=Asked.BOTH)]
    fillers = tiny.prepare.fillers()
    for kind in KINDS:
        found = conflict_variants(asked, examples, [kind], fillers, random.Random(0))
        if kind in ("misaligned", "removed", "noise", "white"):
            ((index, variant),) = found
            assert index == 0
            assert variant.video_key != asked[0].video_key
            assert (variant.audio_key != asked[0].audio_key) is (kind != "white")
            assert variant.question == asked[0].question
        else:
            assert found == []
    kinds = tiny.encoder(asked).kinds
    mask = irrelevant(kinds, [one.asked for one in asked])
    assert torch.equal(mask[0], (kinds[0] == Kind.VIDEO) | (kinds[0] == Kind.AUDIO))
    assert not mask[1].any()


def test_fillers_are_what_the_towers_take_of_such_streams(tiny: Tiny) -> None:
    fillers = tiny.prepare.fillers()
    for level, make in ((0, fillers.black), (255, fillers.white)):
        made, _ = tiny.prepare.streams(np.full((4, 56, 56, 3), level, np.uint8), np.zeros(16_000, np.float32))
        patches, _ = make(made.grid)
        assert torch.equal(patches.pixels, made.pixels)
    silence = tiny.prepare.streams(np.zeros((4, 56, 56, 3), np.uint8), np.zeros(16_000, np.float32))[1]
    assert torch.equal(fillers.silence(silence.shape[1])[0], silence)
    # The same noise for the same key; its levels spread evenly from black to white.
    noise, key = fillers.noise((2, 4, 4), 3)
    again, same = fillers.noise((2, 4, 4), 3)
    assert key == same
    assert torch.equal(noise.pixels, again.pixels)
    level = (noise.pixels - fillers.black_patch) / (fillers.white_patch - fillers.black_patch)
    assert 0 <= level.min() < 0.01 < 0.99 < level.max() <= 1
    assert level.mean() == pytest.approx(0.5, abs=0.01)
    heard, _ = fillers.audio_noise(1500, 7)
    assert heard.shape == (silence.shape[0], 1500)
    assert heard.std() < 0.15  # every band sounds all the time
    assert heard.mean() > silence.mean() + 0.5


def test_a_random_start_depends_on_its_own_sample_alone() -> None:
    """Neither on padding nor on the samples that run with it."""
    settings = AdversarialSettings(scale="absolute", eps=0.5, alpha=0.001, steps=1, random_start=True)
    mask = torch.zeros(2, 12, dtype=torch.bool)
    mask[0, 1:4] = mask[1, :2] = True
    whole = perturbation(torch.sum, torch.zeros(2, 12, 8), mask, settings, seeds=["a", "b"])
    for row, seed in enumerate("ab"):
        alone = perturbation(torch.sum, torch.zeros(1, 5, 8), mask[row : row + 1, :5], settings, seeds=[seed])
        assert torch.equal(alone[0], whole[row, :5])
    assert whole.abs().max() > 0.3
    assert not torch.equal(whole[0, 1:3], whole[1, :2])


def test_eps_in_units_of_the_spread_is_felt_in_bfloat16() -> None:
    """The published eps is less than bfloat16 can hold at the spread of media embeddings."""
    kinds = torch.tensor([[Kind.TEMPLATE, *[Kind.VIDEO] * 40, *[Kind.AUDIO] * 40, *[Kind.TEXT] * 40]])
    scales = torch.tensor([[1.0, *[3.0] * 40, *[0.5] * 40, *[0.02] * 40]])[..., None]
    clean = (torch.randn(1, 121, 64, generator=torch.Generator().manual_seed(0)) * scales).bfloat16()
    found = spread(clean, kinds)
    assert found[0, 0] == 0
    assert torch.allclose(found[0, 1:], scales[0, 1:], rtol=0.05)
    changed = {}
    for scale, eps in (("absolute", 1e-3), ("spread", 0.05)):
        settings = AdversarialSettings(scale=scale, eps=eps, alpha=1e-9)  # type: ignore[arg-type]
        unit = spread(clean, kinds) if scale == "spread" else 1.0
        delta = perturbation(torch.sum, clean, kinds > Kind.TEMPLATE, settings, seeds=["x"], unit=unit)
        moved = (clean + delta).to(clean.dtype) != clean
        changed[scale] = [float(moved[0, (kinds == kind)[0]].float().mean()) for kind in (2, 3, 4)]
        assert delta[0, 0].abs().max() == 0
    assert changed["absolute"][0] < 0.1
    assert changed["absolute"][1] < 0.35
    assert min(changed["spread"]) > 0.85


def test_a_step_in_units_of_the_spread() -> None:
    """It is the step of x / s: twice the unit, four times the change, and twice the bound."""
    slope = torch.tensor([[[0.2, -3.0], [0.2, -3.0]]])
    unit = torch.tensor([[[1.0], [2.0]]])
    settings = AdversarialSettings(eps=0.5, alpha=0.1, steps=1, random_start=False)
    mask = torch.ones(1, 2, dtype=torch.bool)
    found = perturbation(lambda x: (slope * x).sum(), torch.ones(1, 2, 2), mask, settings, unit=unit)
    assert torch.allclose(found, torch.tensor([[[0.02, -0.3], [0.08, -1.0]]]))
