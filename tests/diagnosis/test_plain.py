"""A diagnosis of a family that runs through its own processor: Gemma 4, with sliding windows shorter than the media."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import torch
import transformers

from mma_bench import MMABenchError
from mma_bench.diagnosis import PARTS, Measured, Number, Part, part, samples
from mma_bench.diagnosis.parts.choice import chosen_parts
from mma_bench.diagnosis.parts.lens import Lens
from mma_bench.diagnosis.plain_map import _times, merged_frames
from mma_bench.diagnosis.plain_prompt import PlainSubject, require_readable
from mma_bench.diagnosis.run import _possible
from mma_bench.diagnosis.silencing import Silencing
from mma_bench.diagnosis.token_map import Group
from mma_bench.models.omni.attention import hooked
from mma_bench.models.plain import PlainEngine
from scripts.official import family_diagnosis
from scripts.official.family_checkpoints import GEMMA4_TEMPLATE
from tests.models.test_plain import STREAMS, Unshared, gemma


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def engine() -> PlainEngine:
    """A Gemma 4 with random weights."""
    made = gemma()
    require_readable(made)
    return made


def subject_of(engine: PlainEngine) -> PlainSubject:
    return family_diagnosis.subject_of(engine, engine.prompts.media(*STREAMS["video and audio"]))


@pytest.mark.parametrize("kernel", ["sdpa", "eager"])
def test_what_is_read_is_that_of_transformers_own_passes(kernel: str) -> None:
    """Attention against the weights of an eager pass, knock-out against an explicit mask, the lens against states."""
    engine = gemma()
    row = family_diagnosis.compare("Gemma 4", engine, engine.prompts.media(*STREAMS["video and audio"]), kernel)
    assert {"template", "video", "audio", "question", "option"} == set(row.tokens)
    window = engine.family.text_config.sliding_window
    assert window < row.tokens["question"] + row.tokens["option"], "some layers do not see the media at all"
    assert row.attention_gap < 1e-5
    assert row.cut_gap < 1e-4
    assert row.cut_effect > 1e-2
    assert row.lens_gap < 1e-4


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


def test_the_lens_ends_with_the_models_own_scores(engine: PlainEngine) -> None:
    subject = subject_of(engine)
    rows = list(Lens().measure(subject))
    for case in subject.answerable:
        (reading,) = case.prompt.read([case.right], [None])
        own = [r for r in rows if (r["question_id"], r["label"]) == (case.question.question_id, case.right)]
        at_answer = [r["log_prob"] for r in own if r["place"] == "answer"]
        assert len(at_answer) == case.prompt.layers
        assert at_answer[-1] == pytest.approx(reading.scores[0], abs=1e-4)
        assert len({round(score, 3) for score in at_answer}) == len(at_answer)


def test_each_head_changes_the_answer(engine: PlainEngine) -> None:
    subject = subject_of(engine)
    case = subject.conflicts[0]
    heads = [(layer, head) for layer in range(subject.layers) for head in range(subject.heads)]
    before, *after = case.prompt.read(case.labels, [None, *(Silencing([head]) for head in heads)])
    assert len({tuple(reading.scores.round(4)) for reading in after}) == len(heads) == 24
    assert all(abs(reading.scores - before.scores).max() > 0 for reading in after)


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


@pytest.mark.parametrize(
    ("runs", "frames", "merged", "expected"),
    [
        ([12], 4, 2, [0, 1]),
        ([6, 6], 4, 2, [0, 1]),
        ([4, 4], 3, 2, [0, 1]),
        ([12], 4, 1, [0, 0.5, 1, 1.5]),
        ([4, 4, 4], 3, None, [0, 0.5, 1]),
        ([12], 4, None, None),
        ([12, 12], 4, None, None),
        ([7], 4, 2, None),
    ],
)
def test_video_tokens_have_times_only_if_the_processor_says_how_frames_are_merged(
    runs: list[int], frames: int, merged: int | None, expected: list[float] | None
) -> None:
    places = np.concatenate([np.arange(run) + 100 * number for number, run in enumerate(runs)])
    found = _times(places, frames, 2.0, merged)
    if expected is None:
        assert np.isnan(found).all()
    else:
        assert found.tolist() == np.repeat(expected, len(places) // len(expected)).tolist()


def test_pictures_are_never_merged_and_videos_as_the_processor_states() -> None:
    engine = gemma()
    assert merged_frames(engine) == 1
    engine.prompts.frames_as = "video"
    assert merged_frames(engine) is None
    engine.family.processor.video_processor = SimpleNamespace(temporal_patch_size=2)
    assert merged_frames(engine) == 2


def test_the_page_says_that_times_are_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr(samples, "figure_bytes", lambda figure, **_: drawn.append(figure) or b"")
    media = samples._Decoded(np.zeros((4, 8, 8, 3), np.uint8), np.zeros(32_000, np.float32))
    for seconds in (np.nan, 0.5):
        rows = pd.DataFrame({"group": ["video", "audio"], "seconds": seconds, "attention": 0.1, "row": None})
        samples._picture(media, rows)
    unknown, known = ([text.get_text() for text in figure.texts] for figure in drawn)
    assert unknown == ["Which frame each video token is about is not known."]
    assert known == []
    assert ["not shaded" in figure.axes[-1].get_xlabel() for figure in drawn] == [True, False]


class Reader(Part):
    name = "reader"
    help = "reads patching"
    reads = ("patching",)

    def numbers(self, measured: Measured) -> list[Number]:
        return []


def test_parts_that_read_one_that_is_not_for_the_family_are_left_out_or_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = cast("Any", SimpleNamespace(name="transformers:other"))
    part(Reader)
    try:
        kept = [kind.name for kind in _possible(chosen_parts(None), model, None)]
        assert "lens" in kept
        assert not {"patching", "reader"} & set(kept)
        assert "reader reads patching" in capsys.readouterr().err
        with pytest.raises(MMABenchError, match=r"not for this family: .*patching needs.*reader reads patching"):
            _possible(chosen_parts(["reader"]), model, ["reader"])
    finally:
        PARTS._known.pop("reader")


def test_a_kernel_is_observed_without_those_of_encoders_in_the_same_configuration() -> None:
    """As in Phi-4-multimodal, whose vision encoder has another eager attention."""
    config = transformers.Phi4MultimodalConfig(attn_implementation="eager")
    layers = [SimpleNamespace(self_attn=SimpleNamespace(config=config, layer_idx=0))]
    before = config.vision_config._attn_implementation
    with hooked(cast("Any", SimpleNamespace(layers=layers)), lambda attention, output: output):
        assert config._attn_implementation != "eager"
        assert config.vision_config._attn_implementation == before


def test_a_template_that_rewrites_the_question_is_refused() -> None:
    engine = gemma(template=GEMMA4_TEMPLATE.replace("{{ p.text }}", "{{ p.text | upper }}"))
    with pytest.raises(MMABenchError, match="writes the question in a way that a diagnosis cannot follow"):
        _ = subject_of(engine).cases[0].prompt.map
