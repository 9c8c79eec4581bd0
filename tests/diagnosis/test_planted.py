"""Truth that is planted in a model is found by every part, and nothing where there is nothing."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch

from mma_bench.diagnosis.numbers import Number
from mma_bench.diagnosis.omni_prompt import OmniPrompt
from mma_bench.diagnosis.parts.attention import ANSWERING, Attention
from mma_bench.diagnosis.parts.cohens_d import PAIRED, POOLED, CohensD
from mma_bench.diagnosis.parts.heads import EFFECT, Heads, ranking, ranks
from mma_bench.diagnosis.parts.knockout import FLIPPED, MARGIN, KnockOut
from mma_bench.diagnosis.parts.lens import CONTROL, HEARD, LOG_PROB, RIGHT, Lens
from mma_bench.diagnosis.parts.patching import TURN, patched_groups, patched_layers
from mma_bench.diagnosis.patches import EMBEDDINGS, Patch, WholePrompt
from mma_bench.diagnosis.registry import Measured, Part, schema_of
from mma_bench.diagnosis.subject import Case, Subject
from mma_bench.diagnosis.token_map import Group
from mma_bench.models.omni import EncodeOnce
from mma_bench.schema import Question
from tests.diagnosis.models import (
    CAPTION_HEAD,
    FAMILIES,
    LETTERS,
    TEXTS,
    make_engine,
    masked,
    planted_engine,
    planted_subject,
    prompt_of,
    renamed,
    subject_of,
    told,
)
from tests.models.test_omni import sound, video

CAPTION = "misleading_caption"


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def by_caption() -> list[Subject]:
    """Clips whose streams agree, asked under a wrong caption, of a model that decides by the caption in layer 1."""
    engine = planted_engine(caption=4000.0)
    lies = dict(zip(LETTERS, [*LETTERS[1:], LETTERS[0]], strict=True))
    return [planted_subject(engine, right, right, clip, lie) for clip, (right, lie) in enumerate(lies.items())]


def numbers(kind: type[Part], subjects: Sequence[Subject], **more: pa.Table) -> list[Number]:
    """What a part says of some stimuli."""
    rows = [row for subject in subjects for row in kind().measure(subject)]
    tables = {**more, kind.name: pa.Table.from_pylist(rows, schema=schema_of(kind))}
    return kind().numbers(Measured(tables, layers=3, heads=4, seed=0))


def test_knock_out_says_that_the_caption_decides(by_caption: list[Subject]) -> None:
    found = numbers(KnockOut, by_caption[:1])
    flips = {(n.modality, n.detail, n.group, n.layer): n.value for n in found if n.quantity == FLIPPED}
    decides = {
        (modality, f"from {ANSWERING}", "caption", layer) for modality in ("visual", "audio") for layer in (1, -1)
    }
    assert all(flips[place] == 1 for place in decides), "the right label is back"
    # The control of a large group, such as the video, may hit the caption's one word.
    others = {place for place in flips if "random" not in place[1] or place[2] == "caption"} - decides
    assert {"video", "audio", "question", "option"} < {group for _, _, group, _ in others}
    assert len([place for place in others if "random" in place[1]]) == 8
    assert all(flips[place] == 0 for place in others)
    margins = {(n.modality, n.detail, n.group, n.layer): n for n in found if n.quantity == MARGIN}
    assert min(margins[place].value for place in decides) > 1
    assert max(abs(margins[place].value) for place in others) < 1


def test_attention_says_that_the_caption_is_looked_at(by_caption: list[Subject]) -> None:
    rows = pd.DataFrame([row for subject in by_caption for row in Attention().measure(subject)])
    own = rows[(rows["source"] == ANSWERING) & (rows["group"] == "caption")]
    masses = own.groupby(["layer", "head"])["mass"].min()
    assert masses[CAPTION_HEAD] > 0.99
    assert masses.drop(index=CAPTION_HEAD).max() < 0.05
    schema = schema_of(Attention)
    measured = Measured({"attention": pa.Table.from_pandas(rows, schema, preserve_index=False)}, 3, 4, seed=0)
    efficient = [n for n in Attention().numbers(measured) if n.quantity == "efficiency" and n.detail == ANSWERING]
    for number in efficient:
        if (number.group, number.layer) == ("caption", 1):
            assert number.low > 10
        elif number.layer != 1:
            assert number.value == pytest.approx(1, abs=1e-4), "there, all tokens are looked at alike"


def test_the_lens_says_where_the_caption_wins(by_caption: list[Subject]) -> None:
    """The right label leads after layer 0, which reads the video, and is not said."""
    found = numbers(Lens, by_caption)
    heard = {(n.modality, n.group): n.value for n in found if n.quantity == HEARD}
    for modality in ("visual", "audio"):
        assert heard[modality, RIGHT] == 1
        assert heard[modality, CONTROL] == 0
        right, competing = (
            {
                n.layer: n.value
                for n in found
                if n.quantity == LOG_PROB and (n.modality, n.group, n.detail) == (modality, role, "at answer")
            }
            for role in ("right", "competing")
        )
        assert [right[layer] > competing[layer] for layer in range(3)] == [True, False, False]


def test_patching_says_that_the_caption_carries_the_label_up_to_layer_1(by_caption: list[Subject]) -> None:
    for subject in by_caption[:1]:
        for case in subject.conflicts:
            donor = Case(
                prompt_with(case, told(case.question, case.right)), case.clip, case.right, case.competing, None
            )
            places = {**patched_groups(case), "caption": case.prompt.map.of(Group.CAPTION)}
            shares = shares_of(case, donor, places)
            assert [shares["caption", layer] for layer in (EMBEDDINGS, 0, 1)] == pytest.approx([1, 1, 0], abs=1e-3)
            assert [shares[TURN, layer] for layer in (EMBEDDINGS, 0, 1)] == pytest.approx([0, 0, 1], abs=1e-3)
            for group in ("video", "audio", "question", "option"):
                assert [shares[group, layer] for layer in (EMBEDDINGS, 0, 1)] == pytest.approx([0, 0, 0], abs=1e-3)


def test_the_head_that_reads_the_caption_is_ranked_first(by_caption: list[Subject]) -> None:
    assert any(ranks(subject) for subject in by_caption)
    rows = [row for subject in by_caption for row in Heads().measure(subject)]
    table = pa.Table.from_pylist(rows, schema=schema_of(Heads))
    for (condition, _), order in ranking(table.to_pandas()).items():
        assert (condition, order[0]) == (CAPTION, CAPTION_HEAD)
    effects = [n for n in Heads().numbers(Measured({"heads": table}, 3, 4, seed=0)) if n.quantity == EFFECT]
    large = {(n.layer, int(n.group[5:])) for n in effects if n.value > 1}
    assert large == {CAPTION_HEAD}


def prompt_with(case: Case, question: Question) -> OmniPrompt:
    """Another question about the same stimulus."""
    assert isinstance(case.prompt, OmniPrompt)
    return OmniPrompt(case.prompt.engine, case.prompt.inputs, case.prompt.prefix, question)


def shares_of(case: Case, donor: Case, places: dict[str, np.ndarray]) -> dict[tuple[str, int], float]:
    recipient, states = WholePrompt(case.prompt, case.labels), WholePrompt(donor.prompt, case.labels).states()
    before, aligned = (scores[0] - scores[1] for scores in (recipient.states().scores, states.scores))
    assert aligned - before > 1, "the caption must matter for this to show anything"
    named = [(name, layer) for name in places for layer in patched_layers(3)]
    scores = recipient.patched(states, [Patch(layer, places[name]) for name, layer in named])
    return {place: (one[0] - one[1] - before) / (aligned - before) for place, one in zip(named, scores, strict=True)}


def d_by_place(subjects: Sequence[Subject]) -> dict[tuple[str, str, int], Number]:
    """Both kinds of d at the answering position, by kind, group and layer."""
    rows = [row for subject in subjects for row in Attention().measure(subject)]
    table = pa.Table.from_pylist(rows, schema=schema_of(Attention))
    found = CohensD().numbers(Measured({"attention": table}, layers=3, heads=4, seed=0))
    return {(n.quantity, n.group, n.layer): n for n in found if n.detail == ANSWERING}


def clips(engine: EncodeOnce) -> list[Subject]:
    """Three clips of other videos and sounds, equally long."""
    return [renamed(subject_of(engine, "A", "B", (video(n), sound(n)), classes=LETTERS), n) for n in range(3)]


def test_audio_that_is_not_seen_has_no_d() -> None:
    """A model that sees no audio from layer 1 on: there, attention to it cannot follow the question."""
    engine = make_engine(FAMILIES[0], texts=TEXTS)
    audio = prompt_of(engine).map.of(Group.AUDIO)
    with masked(engine, range(1, 3), np.ones(len(audio), bool), audio):
        found = d_by_place(clips(engine))
    for kind in (POOLED, PAIRED):
        for layer in (1, 2):
            number = found[kind, "audio", layer]
            assert (number.value, number.low, number.high) == (0, 0, 0)
            assert found[kind, "video", layer].value != 0
        assert found[kind, "audio", 0].value != 0


def test_the_same_question_asked_twice_has_no_d() -> None:
    """Two identical inputs: whatever the model attends to, nothing follows the question."""
    subjects = clips(make_engine(FAMILIES[0], texts=TEXTS))
    for subject in subjects:
        visual, audio = subject.sample.questions
        same = audio.changed(prompt=visual.prompt, parts=visual.parts)
        told_twice = subject.sample.stimulus.changed(questions=[visual, same])
        subject.sample = type(subject.sample)(told_twice, [visual, same], subject.sample.media)
    found = d_by_place(subjects)
    assert {group for _, group, _ in found} == {"video", "audio"}
    assert {(n.value, n.low, n.high) for n in found.values()} == {(0, 0, 0)}
