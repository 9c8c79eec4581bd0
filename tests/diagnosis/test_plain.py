"""A diagnosis of families that run through their own processor: Gemma 4 with sliding windows, and LLaVA."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import pytest
import torch

from mma_bench import MMABenchError
from mma_bench.dataset.load import Sample
from mma_bench.dataset.media import Media
from mma_bench.diagnosis.blocking import Blocking
from mma_bench.diagnosis.parts.attention import Masses
from mma_bench.diagnosis.parts.heads import Heads
from mma_bench.diagnosis.parts.lens import Lens
from mma_bench.diagnosis.plain_prompt import PlainSubject, require_readable
from mma_bench.diagnosis.silencing import Silencing
from mma_bench.diagnosis.subject import Case
from mma_bench.diagnosis.token_map import GROUPS, Group
from mma_bench.models.plain import PlainEngine
from scripts.official.family_checkpoints import GEMMA4_TEMPLATE
from tests.diagnosis.models import CLASSES
from tests.models.test_plain import STREAMS, Unshared, gemma
from tests.planted import stimulus


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=["sdpa", "eager"])
def engine(request: pytest.FixtureRequest) -> PlainEngine:
    """A Gemma 4 with random weights, whose sliding windows are shorter than the media."""
    made = gemma()
    set_kernel(made, str(request.param))
    require_readable(made)
    return made


def set_kernel(engine: PlainEngine, kernel: str) -> None:
    for config in {id(layer.self_attn.config): layer.self_attn.config for layer in engine.family.layers}.values():
        config._attn_implementation = kernel


def subject_of(engine: PlainEngine) -> PlainSubject:
    told = stimulus("a", "misaligned", "Dog", "Water", CLASSES)
    subject = PlainSubject(engine, Sample(told, told.questions, cast("Media", None)), {}, 0)
    vars(subject)["media"] = engine.prompts.media(*STREAMS["video and audio"])
    return subject


def whole(engine: PlainEngine, case: Case, label: str = "", **more: Any) -> Any:
    """What transformers' own forward pass says of the whole conversation, from the processor, with eager attention."""
    subject = subject_of(engine)
    inputs = engine.prompts.inputs(subject.media, case.question.prompt)
    ids = inputs["input_ids"]
    after = torch.tensor([engine.prompts.option(label)[:-1] if label else []], dtype=ids.dtype)
    inputs["input_ids"] = torch.cat([ids, after], dim=1)
    for name, value in (("attention_mask", 1), ("token_type_ids", 0), ("mm_token_type_ids", 0)):
        if name in inputs:
            inputs[name] = torch.cat([inputs[name], torch.full_like(after, value)], dim=1)
    before = engine.family.layers[0].self_attn.config._attn_implementation
    set_kernel(engine, "eager")
    try:
        with torch.inference_mode():
            return engine.family.model(**inputs, **more)
    finally:
        set_kernel(engine, before)


@contextmanager
def masked(engine: PlainEngine, layers: Collection[int], sources: np.ndarray, targets: np.ndarray) -> Iterator[None]:
    """Let no token of ``sources`` see one of ``targets``, by the mask that transformers itself hands to a layer."""

    def change(module: Any, arguments: Any, named: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        mask = named["attention_mask"]
        blocked = torch.from_numpy(sources[:, None] & targets[None]) & ~torch.eye(len(sources)).bool()
        return arguments, {**named, "attention_mask": mask.masked_fill(blocked, torch.finfo(torch.float32).min)}

    chosen = [layer for number, layer in enumerate(engine.family.layers) if number in layers]
    handles = [layer.self_attn.register_forward_pre_hook(change, with_kwargs=True) for layer in chosen]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def score(engine: PlainEngine, logits: torch.Tensor, first: int, label: str) -> float:
    ids = torch.tensor(engine.prompts.option(label))
    return float(logits[0, first : first + len(ids)].log_softmax(-1).gather(1, ids[:, None]).sum())


def test_tokens_are_named_by_the_processors_own_layout(engine: PlainEngine) -> None:
    for case in subject_of(engine).cases:
        found, prompt = case.prompt.map, case.question.prompt
        inputs = engine.prompts.inputs(subject_of(engine).media, prompt)
        assert found.ids.tolist() == inputs["input_ids"][0].tolist()
        ids = {"video": engine.prompts.tokenizer.image_token_id, "audio": engine.prompts.tokenizer.audio_token_id}
        for name, token in ids.items():
            assert (found.of(Group(name)) == (found.ids == token)).all()
            assert found.of(Group(name)).any()
        asked = found.of(Group.QUESTION, Group.OPTION)
        text = engine.prompts.tokenizer.decode(found.ids[asked].tolist())
        assert text == prompt
        assert "".join(text for text in case.prompt.texts if text) == prompt
        for number, option in enumerate(case.question.options):
            said = engine.prompts.tokenizer.decode(found.ids[found.option == number].tolist())
            assert said.strip() == option
        assert sorted(set(found.seconds[found.of(Group.VIDEO)].tolist())) == [0.0, 0.5, 1.0]
        assert not asked[: found.media_end].any()


def test_masses_are_sums_of_output_attentions(engine: PlainEngine) -> None:
    case = subject_of(engine).cases[0]
    masses = Masses(case)
    case.prompt.look(masses)
    found = case.prompt.map
    attentions = whole(engine, case, output_attentions=True).attentions
    assert len(attentions) == len(masses.by_group) == case.prompt.layers
    words = np.flatnonzero(found.of(Group.QUESTION))
    unseen = 0
    for layer, weights in enumerate(attentions):
        rows = weights[0].double().numpy()
        assert rows.shape[1] == found.length
        for number, taken in enumerate(([found.answering], words)):
            expected = rows[:, taken].mean(axis=1)
            for code in range(len(GROUPS)):
                of_group = expected[:, found.codes == code].sum(axis=1)
                assert masses.by_group[layer][number, :, code] == pytest.approx(of_group, abs=1e-5)
        unseen += int((rows[:, found.answering, : found.media_end] == 0).all())
    assert unseen == 3, "three layers have sliding windows, which end before the media"


def test_a_cut_changes_the_scores_as_an_explicit_mask_does(engine: PlainEngine) -> None:
    case = subject_of(engine).cases[0]
    found, layers = case.prompt.map, range(1, 5)
    new = found.length - found.media_end
    for group in (Group.VIDEO, Group.AUDIO, Group.OPTION):
        sources = np.arange(new) == case.prompt.answering
        cut = Blocking(layers, sources, found.of(group))
        before, after = case.prompt.read(["Dog", "Water"], [None, cut])
        for place, label in enumerate(("Dog", "Water")):
            more = len(engine.prompts.option(label)) - 1
            rows = np.concatenate([np.zeros(found.media_end, bool), sources, np.ones(more, bool)])
            columns = np.concatenate([found.of(group), np.zeros(more, bool)])
            plain = score(engine, whole(engine, case, label).logits, found.answering, label)
            with masked(engine, layers, rows, columns):
                expected = score(engine, whole(engine, case, label).logits, found.answering, label)
            assert before.scores[place] == pytest.approx(plain, abs=1e-4)
            assert after.scores[place] == pytest.approx(expected, abs=1e-4)
            assert abs(expected - plain) > 1e-3


def test_the_lens_reads_the_hidden_states_of_the_whole_pass(engine: PlainEngine) -> None:
    subject = subject_of(engine)
    rows = list(Lens().measure(subject))
    case = subject.answerable[0]
    states = whole(engine, case, output_hidden_states=True).hidden_states
    place = case.prompt.map.answering
    first = engine.prompts.option("Dog")[0]
    own = [row for row in rows if row["question_id"] == case.question.question_id]
    at_media = [row for row in own if row["place"] == "video tokens" and row["label"] == "Dog"]
    assert len(at_media) == case.prompt.layers
    family = engine.family
    for row in at_media[:-1]:  # the last of `hidden_states` is normalised already
        hidden = states[row["layer"] + 1][0, torch.from_numpy(case.prompt.map.of(Group.VIDEO))]
        logits = family.model.get_output_embeddings()(family.decoder.norm(hidden)).float()
        expected = (30 * (logits / 30).tanh()).log_softmax(-1)[:, first].mean()
        assert row["log_prob"] == pytest.approx(float(expected), abs=1e-4)
    (last,) = [
        row
        for row in own
        if row["place"] == "answer" and row["label"] == case.right and row["layer"] == case.prompt.layers - 1
    ]
    expected_last = score(engine, whole(engine, case, case.right).logits, place, case.right)
    assert last["log_prob"] == pytest.approx(expected_last, abs=1e-4)


def test_heads_are_silenced_where_the_question_is_read(engine: PlainEngine) -> None:
    case = subject_of(engine).conflicts[0]
    heads = [(layer, head) for layer in range(case.prompt.layers) for head in range(4)]
    before, *after = case.prompt.read(case.labels, [None, *(Silencing([head]) for head in heads)])
    assert len({tuple(reading.scores.round(4)) for reading in after}) == len(heads)
    assert all(abs(reading.scores - before.scores).max() > 0 for reading in after)
    subject = subject_of(engine)
    assert {(row["layer"], row["head"]) for row in Heads().measure(subject)} in ({*heads}, set())


def test_families_that_cannot_be_read_are_refused_in_one_line() -> None:
    with pytest.raises(MMABenchError, match="not for this family: a diagnosis continues on a copy of what Gemma4"):
        require_readable(gemma(Unshared))
    bent = gemma()
    require_readable(bent)
    head = bent.family.model.get_output_embeddings()
    bent.family.lens = lambda hidden: head(hidden).float()  # type: ignore[method-assign]
    with pytest.raises(MMABenchError, match=r"not for this family: what Gemma4.* does not follow from its last layer"):
        require_readable(bent)
    other = gemma()
    del other.family.layers[2].self_attn.layer_idx
    with pytest.raises(
        MMABenchError, match=r"not for this family: Gemma4.*does not go through transformers' attention"
    ):
        require_readable(other)


def test_a_template_that_rewrites_the_question_is_refused() -> None:
    engine = gemma(template=GEMMA4_TEMPLATE.replace("{{ p.text }}", "{{ p.text | upper }}"))
    with pytest.raises(MMABenchError, match="writes the question in a way that a diagnosis cannot follow"):
        _ = subject_of(engine).cases[0].prompt.map
