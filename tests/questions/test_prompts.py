"""A prompt is its parts: what changes a part makes the text again, and a text without parts is never taken apart."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mma_bench
from mma_bench.errors import MMABenchError
from mma_bench.evaluation import load_protocol
from mma_bench.evaluation.protocols import apply_protocol
from mma_bench.questions import Context, applies, prompts, reword, vary
from mma_bench.schema import Modality, Prompt, Question, Stimulus
from tests.planted import stimulus, write

CLASSES = ["Cat", "Dog", "C{}"]
PLAIN = prompts.standard(Modality.AUDIO)
TEXT = (
    "Which class best describes the audio content of this video? Options: Cat, Dog, C{}. "
    "Answer using a single class name."
)


def asked(condition: str = "aligned", **changes: object) -> Question:
    (question,) = [q for q in stimulus("a", "aligned", "Cat", "Cat", CLASSES).questions if q.modality == "audio"]
    return question.model_copy(update={"condition": condition, **changes})


def test_parts_are_joined_in_their_order_and_text_is_added_on_the_outside() -> None:
    assert prompts.render(PLAIN, CLASSES) == TEXT
    lie = prompts.captioned(PLAIN, "Dog")
    short = TEXT.replace("a single class name", "the question").replace(
        "Answer using the question.", "Answer the question using a single word or phrase."
    )
    assert prompts.render(lie, CLASSES) == f"Video_caption: Dog. {short}"
    noisy = prompts.padded(prompts.padded(prompts.padded(lie, "x y", "after"), "one", "before"), "two", "before")
    assert prompts.render(noisy, CLASSES) == f"two one Video_caption: Dog. {short} x y"


@pytest.mark.parametrize(
    "template", ["{options.__class__} {suffix}", "{options:>99999999}", "{options}{options}", "{0}", "{}", "{", "{x!r}"]
)
def test_the_template_of_a_hostile_dataset_is_never_formatted(template: str) -> None:
    hostile = asked(parts=PLAIN.changed(question=template))
    with pytest.raises(ValueError):  # noqa: PT011  (also what the standard library says of a single brace)
        prompts.render(hostile.parts, CLASSES)
    assert not prompts.is_rendered(hostile)
    with pytest.raises(MMABenchError, match="its options cannot be changed"):
        vary(hostile, "shuffled_options_1", Context(CLASSES))


@pytest.mark.parametrize("stale", [None, PLAIN])
def test_a_text_without_parts_takes_text_around_it_and_says_what_cannot_be_changed(stale: Prompt | None) -> None:
    free = asked("long_context", prompt="Is {it} a cat?", parts=stale)  # stale: parts of the text before
    assert prompts.settled(free).parts is None
    assert reword(free, before="Once.").prompt == "Once. Is {it} a cat?"
    lying = free.changed(condition="misleading_caption", distractor="Dog")
    names = {"shuffled_options_1": "options", "none_present": "options", "noise_before": "unrelated text"}
    for name, part in {**names, "caption_sentence": "caption"}.items():
        question = lying if part == "caption" else free
        assert applies(question, name)
        with pytest.raises(MMABenchError, match=f"^a/aligned/audio: its {part} cannot be changed.*questions.reword"):
            vary(question, name, Context(CLASSES))


def test_a_change_of_the_text_alone_leaves_no_parts_behind() -> None:
    assert asked().changed(answer="Dog").parts == PLAIN
    assert asked().changed(prompt="What?").parts is None
    with pytest.raises(TypeError, match="Prompt has no field befor"):
        reword(asked(), befor="Once.")


@pytest.mark.parametrize("template", ["{x}", "{", "{options}{options}", "{options:>9}"])
@pytest.mark.parametrize("options", [None, ["Cat", "Dog"]])
def test_a_part_that_is_no_template_is_one_line(template: str, options: list[str] | None) -> None:
    with pytest.raises(MMABenchError, match=r"^a/aligned/audio: its part `question` is not a template"):
        prompts.with_prompt(asked(), PLAIN.changed(question=template), options)


def test_every_part_can_be_changed_the_question_too() -> None:
    parts: dict[str, str] = dict.fromkeys(Prompt.model_fields, "x")
    changed = reword(asked(), **{**parts, "question": "What do you hear? {options} {suffix}"})
    assert changed.prompt == "x x What do you hear? Cat, Dog, C{} x x"


def test_a_caption_of_a_protocol_reaches_true_captions_too(tmp_path: Path) -> None:
    told = stimulus("a", "aligned", "Cat", "Cat", CLASSES)
    true = [
        prompts.with_prompt(q, prompts.captioned(prompts.standard(q.modality), "Cat")).changed(condition="true_caption")
        for q in told.questions
    ]
    data = write(tmp_path, [told.changed(questions=true)])
    protocol = load_protocol("paper")
    wording = protocol.wording.changed(caption="Somebody wrote: {caption}!")
    said = apply_protocol(protocol.changed(wording=wording, conditions="all"), mma_bench.load(data))
    assert {row.prompt.partition("!")[0] for row in said} == {"Somebody wrote: Cat"}


def test_a_dataset_written_before_prompts_had_parts_is_refused_with_what_to_do(tmp_path: Path) -> None:
    data = write(tmp_path, [stimulus("a", "aligned", "Cat", "Dog", CLASSES)])
    path = data / "metadata" / "stimuli.parquet"
    rows = pq.read_table(path).to_pylist()
    assert mma_bench.load(data)[0].parts == prompts.standard(Modality.VISUAL)
    for row in rows:
        for question in row["questions"]:
            del question["parts"]
    pq.write_table(pa.Table.from_pylist(rows), path)
    with pytest.raises(MMABenchError, match=r"earlier version \(it has no column questions.parts\); build the dataset"):
        mma_bench.load(data)
    assert Stimulus.model_validate(rows[0]).questions[0].parts is None


def test_every_prompt_of_a_build_has_parts(demo: Path) -> None:
    rows = mma_bench.load(demo, variant=None)
    assert len({row.condition for row in rows}) == 7
    assert all(row.parts and row.prompt == prompts.render(row.parts, row.options) for row in rows)


@pytest.mark.parametrize("own", [{"question": "What do you hear? {options} {suffix}"}, {"suffix": "One word."}])
def test_a_question_in_own_words_is_never_replaced_by_those_of_a_protocol(own: dict[str, str], tmp_path: Path) -> None:
    told = stimulus("a", "aligned", "Cat", "Cat", CLASSES)
    data = mma_bench.load(write(tmp_path, [told.changed(questions=[reword(q, **own) for q in told.questions])]))
    protocol = load_protocol("paper")
    assert [row.prompt for row in apply_protocol(protocol, data)] == [row.prompt for row in data]
    other = protocol.changed(wording=protocol.wording.changed(suffix="Briefly."))
    with pytest.raises(MMABenchError, match=f"cannot be worded by the protocol, because its {next(iter(own))} is not"):
        apply_protocol(other, data)
