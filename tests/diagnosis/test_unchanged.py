"""A change that runs only from where it first differs gives the numbers of a run of all layers and all tokens."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch

from mma_bench.diagnosis.blocking import Blocking
from mma_bench.diagnosis.parts.patching import TURN, patched_groups, patched_layers
from mma_bench.diagnosis.patches import EMBEDDINGS, Patch, WholePrompt
from mma_bench.diagnosis.reading import Prompt
from mma_bench.diagnosis.silencing import Silencing
from mma_bench.diagnosis.subject import Case
from mma_bench.diagnosis.token_map import Group
from mma_bench.diagnosis.unchanged import Start
from mma_bench.models.omni.attention import Attention
from tests.diagnosis.models import FAMILIES, QUESTIONS, explicit, make_engine, prompt_of
from tests.models.test_omni import sound, video

LABELS = ["Dog bark", "Water"]
LAYERS = 3


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@dataclass
class Passes:
    """Counts the tokens that each layer runs."""

    tokens: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(LAYERS), 0))

    def watch(self, engine: Any) -> list[Any]:
        def count(number: int) -> Callable[..., None]:
            def hook(module: Any, inputs: Any, output: Any) -> None:
                hidden = output[0] if isinstance(output, tuple) else output
                self.tokens[number] += hidden.shape[0] * hidden.shape[1]

            return hook

        return [layer.self_attn.register_forward_hook(count(n)) for n, layer in enumerate(engine.thinker.layers)]


def changes(prompt: Prompt) -> list[Blocking | Silencing]:
    """All windows of three kinds of knock-out, and all heads."""
    found = prompt.map
    new = found.length - found.media_end
    sources = [np.arange(new) == prompt.answering, found.of(Group.QUESTION)[found.media_end :], np.ones(new, bool)]
    windows = [range(0, 2), range(1, 3), range(1, 2), range(2, 3), range(3)]
    groups = [found.of(group) for group in (Group.VIDEO, Group.AUDIO, Group.OPTION)]
    cuts = [Blocking(window, rows, group) for rows in sources for window in windows for group in groups]
    return [*cuts, *(Silencing([(layer, head)]) for layer in range(LAYERS) for head in range(4))]


@pytest.mark.parametrize("family", FAMILIES)
def test_knock_outs_and_heads_are_as_in_runs_of_all_layers(family: str, kernel: str) -> None:
    """A reading with a watch runs everything, with a row for each label."""
    prompt = prompt_of(make_engine(family, kernel, texts=[QUESTIONS[0].prompt]))
    assert min(len(prompt.label_places(label)) for label in LABELS) > 1
    wanted = changes(prompt)
    found = prompt.read(LABELS, [None, *wanted, None])
    whole = prompt.read(LABELS, [None, *wanted, None], watch=lambda layer, hidden: None)
    for one, expected in zip(found, whole, strict=True):
        assert one.scores == pytest.approx(expected.scores, abs=1e-4)
        assert one.first == expected.first
    effects = [abs(one.scores - found[0].scores).max() for one in found[1:-1]]
    assert np.median(effects) > 0.01, "the changes must matter for this to show anything"


@pytest.mark.parametrize(("family", "kernel"), zip(FAMILIES, ("sdpa", "eager"), strict=True))
def test_patches_are_as_in_transformers_own_pass_with_the_states_replaced(family: str, kernel: str) -> None:
    """Also with features that the vision encoder adds between the layers, and labels of several tokens."""
    engine = make_engine(family, kernel, texts=[QUESTIONS[0].prompt])
    donor = WholePrompt(prompt_of(engine, streams=(video(1), sound(2))), LABELS).states()
    prompt = prompt_of(engine)
    layers = patched_layers(LAYERS)
    assert layers == [EMBEDDINGS, 0, 1]
    groups = patched_groups(Case(prompt, "a", *LABELS, None))
    some = np.random.default_rng(0).random(prompt.map.length) < 0.3
    patches = [
        Patch(layer, places) for layer in layers for places in (groups["audio"], groups["option"], groups[TURN], some)
    ]
    recipient = WholePrompt(prompt, LABELS, layers)
    found = recipient.patched(donor, patches)
    assert recipient.states().scores == pytest.approx(
        [replaced(prompt, donor.after, None, x) for x in LABELS], abs=2e-4
    )
    for patch, scores in zip(patches, found, strict=True):
        expected = [replaced(prompt, donor.after, patch, label) for label in LABELS]
        assert scores == pytest.approx(expected, abs=2e-4)
    assert np.ptp(found, axis=0).min() > 0.01, "the patches must matter for this to show anything"


def replaced(prompt: Prompt, states: dict[int, torch.Tensor], patch: Patch | None, label: str) -> float:
    """The log-probability of a label by one pass of transformers over the whole conversation."""
    engine = prompt.engine

    def put(hidden: torch.Tensor) -> torch.Tensor:
        assert patch is not None
        hidden = hidden.clone()
        places = np.flatnonzero(patch.places)
        hidden[0, places] = states[patch.layer][places]
        return hidden

    def enter(module: Any, inputs: Any, named: dict[str, Any]) -> Any:
        return (put(inputs[0]), *inputs[1:]), named

    def after(module: Any, inputs: Any, output: Any) -> Any:
        return (put(output[0]), *output[1:]) if isinstance(output, tuple) else put(output)

    handles = []
    if patch:
        layer = engine.thinker.layers[max(patch.layer, 0)]
        handles = [
            layer.register_forward_pre_hook(enter, with_kwargs=True)
            if patch.layer == EMBEDDINGS
            else layer.register_forward_hook(after)
        ]
    try:
        logits = explicit(engine, prompt.question, label).logits[0]
    finally:
        for handle in handles:
            handle.remove()
    ids = torch.tensor(engine.chat.text(label))
    answering = prompt.map.answering
    return float(logits[answering : answering + len(ids)].log_softmax(-1).gather(1, ids[:, None]).sum())


def test_layers_and_tokens_before_the_change_do_not_run() -> None:
    engine = make_engine(FAMILIES[0], texts=[QUESTIONS[0].prompt])
    prompt, passes = prompt_of(engine), Passes()
    new = prompt.map.length - prompt.map.media_end
    video_tokens = prompt.map.of(Group.VIDEO)
    tail = sum(len(prompt.label_places(label)) - 1 for label in LABELS)
    handles = passes.watch(engine)
    prompt.read(LABELS, [None])
    assert passes.tokens == dict.fromkeys(range(LAYERS), new + tail), "once for both labels"
    passes.tokens = dict.fromkeys(range(LAYERS), -new - tail)  # less the run without a change
    prompt.read(LABELS, [Silencing([(2, 0)]), Silencing([(1, 1)]), Silencing([(2, 3)])])
    assert passes.tokens == {0: 0, 1: new + tail, 2: 3 * (new + tail)}
    passes.tokens = dict.fromkeys(range(LAYERS), -new - tail)
    prompt.read(LABELS, [Blocking([1], np.arange(new) == prompt.answering, video_tokens)])
    assert passes.tokens == {0: 0, 1: 1 + tail, 2: 1 + tail}
    whole = WholePrompt(prompt, LABELS)
    states = whole.states()
    passes.tokens = dict.fromkeys(range(LAYERS), 0)
    turn = np.arange(prompt.map.length) >= prompt.map.length - 2
    whole.patched(states, [Patch(0, turn), Patch(1, video_tokens)])
    rest = prompt.map.length - int(np.argmax(video_tokens)) + tail
    assert passes.tokens == {0: 0, 1: 2 + tail, 2: 2 + tail + rest}
    for handle in handles:
        handle.remove()


def test_a_change_that_does_not_say_where_it_begins_runs_whole() -> None:
    """A part of a package may bring its own."""
    prompt = prompt_of(make_engine(FAMILIES[0]))
    known = Silencing([(1, 2)])

    class Unknown:
        start = "of something else"

        def __call__(self, attention: Attention, output: torch.Tensor, rows: slice) -> torch.Tensor:
            return known(attention, output, rows)

    own, ours = prompt.read(LABELS, [Unknown(), known])
    assert known.start == Start(layer=1)
    assert own.scores == pytest.approx(ours.scores, abs=1e-4)


def test_the_model_is_left_as_it_was() -> None:
    engine = make_engine(FAMILIES[0])
    prompt = prompt_of(engine)
    layer = engine.thinker.layers[0]
    assert "forward" not in vars(layer)

    def spread(*inputs: Any, **named: Any) -> Any:  # as accelerate sets it
        return type(layer).forward(layer, *inputs, **named)

    layer.forward = spread
    (before,) = prompt.read(LABELS, [None])
    prompt.read(LABELS, [Silencing([(2, 0)])])
    assert vars(layer)["forward"] is spread
    assert "forward" not in vars(engine.thinker.layers[1])
    (after,) = prompt.read(LABELS, [None])
    assert after.scores == pytest.approx(before.scores, abs=1e-6)
