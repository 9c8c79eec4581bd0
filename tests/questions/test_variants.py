"""Every wording of a question, made of the standard ones that the builder stored."""

import re
from pathlib import Path

import pytest

from builder.select.rules import DEFAULT_RULES, read_rules
from mma_bench import load
from mma_bench.errors import MMABenchError
from mma_bench.questions import VARIANTS, Context, applies, prompts, reword, unrelated_sentences, vary
from mma_bench.questions.detection import detects
from mma_bench.questions.unrelated import sentence_pool
from mma_bench.schema import Modality, Question

CLASSES = ["Bird", "Cat", "Dog", "Horse", "Rain", "Sea", "Truck"]
ANIMALS = dict.fromkeys(["Bird", "Cat", "Dog", "Horse"], "Animal") | dict.fromkeys(["Rain", "Sea"], "Nature")
CONTEXT = Context(CLASSES, ANIMALS | {"Truck": "Thing"}, seed=3)


def asked(condition: str = "misaligned", modality: Modality = Modality.AUDIO, **changes: object) -> Question:
    parts = prompts.standard(modality)
    question = Question(
        question_id=f"{condition}_clip_0/{condition}/{modality}",
        condition=condition,
        modality=modality,
        prompt=prompts.render(parts, CLASSES),
        parts=parts,
        options=CLASSES,
        answer="Cat",
        distractor="Truck",
        answerable=True,
    )
    return question.model_copy(update=changes)


SAYS_TRUCK = prompts.captioned(prompts.standard(Modality.AUDIO), "Truck")
LIED_TO = prompts.with_prompt(asked("misleading_caption"), SAYS_TRUCK)
PADDED = reword(asked("long_context"), after="a b c")


@pytest.mark.parametrize("question", [asked(), LIED_TO, PADDED, asked(answerable=False, distractor=None)])
def test_every_variant_lists_its_options_in_the_prompt_and_is_the_same_each_time(question: Question) -> None:
    for known in VARIANTS.values():
        name = f"{known.name}_4" if known.numbered else known.name
        if not applies(question, name):
            with pytest.raises(MMABenchError, match="does not apply"):
                vary(question, name, CONTEXT)
            continue
        made = vary(question, name, CONTEXT)
        assert made == vary(question, name, CONTEXT)
        assert made.answer in made.options
        if detects(made):
            assert (made.options, made.distractor, made.answerable) == (["Yes", "No"], None, True)
        else:
            assert f"Options: {', '.join(made.options)}." in made.prompt
            assert (made.distractor, made.answerable) == (question.distractor, question.answerable)
        assert made.question_id == question.question_id + (f"/{name}" if name != "standard" else "")
        assert made.variant == name
        assert type(made).model_validate(made.model_dump()) == made


def test_a_transcript_names_the_asked_class_or_both_and_never_joins_another_text() -> None:
    said = "The sound of this video was recognised as: Cat."
    assert vary(asked(), "transcript_asked", CONTEXT).prompt == f"{said} {asked().prompt}"
    both = {vary(asked(), "transcript_both", Context(CLASSES, seed=seed)).prompt for seed in range(20)}
    seen = "The picture of this video was recognised as: Truck."
    assert both == {f"{said} {seen} {asked().prompt}", f"{seen} {said} {asked().prompt}"}
    for question in (LIED_TO, PADDED, asked(answerable=False)):
        assert not applies(question, "transcript_asked")
    assert not applies(asked(distractor=None), "transcript_both")


def test_detection_asks_for_yes_where_a_stream_is_there_and_no_where_it_was_removed() -> None:
    heard = vary(asked(), "detect_presence", CONTEXT)
    silent = vary(asked("audio_removed", answerable=False, distractor=None), "detect_presence", CONTEXT)
    assert heard.prompt == silent.prompt == "Is there anything to hear in this video? Answer with Yes or No."
    assert (heard.answer, silent.answer) == ("Yes", "No")
    seen = asked(modality=Modality.VISUAL)
    assert "to see" in vary(seen, "detect_presence", CONTEXT).prompt
    assert vary(seen, "detect_match", CONTEXT).answer == "No"
    aligned = asked("aligned", Modality.VISUAL, distractor=None)
    assert vary(aligned, "detect_match", CONTEXT).answer == vary(aligned, "detect_in_time", CONTEXT).answer == "Yes"
    shifted = asked("shifted_audio", Modality.VISUAL, distractor=None)
    assert vary(shifted, "detect_in_time", CONTEXT).answer == "No"
    for made in (vary(seen, "detect_match", CONTEXT), vary(shifted, "detect_in_time", CONTEXT)):
        assert not made.concerns_one_modality
        assert not made.changed(answer="Yes").concerns_one_modality, "a changed copy is of the same class"
    # Once per stimulus, and only where what is asked has an answer.
    assert not applies(asked(), "detect_match")
    for condition in ("audio_removed", "frames_zeroed", "mixed_audio", "misleading_caption"):
        question = asked(condition, Modality.VISUAL)
        assert not applies(question, "detect_match")
        assert not applies(question, "detect_in_time")
        assert applies(question, "detect_presence") == (condition in ("audio_removed", "frames_zeroed"))


def test_options_are_shuffled_alike_for_both_questions_of_a_stimulus_and_otherwise_differ() -> None:
    orders = [tuple(vary(asked(), f"shuffled_options_{n}", CONTEXT).options) for n in range(1, 6)]
    assert len(set(orders)) == 5
    assert all(sorted(order) == CLASSES for order in orders)
    assert tuple(vary(asked(modality=Modality.VISUAL), "shuffled_options_1", CONTEXT).options) == orders[0]
    other = asked(question_id="misaligned_other_0/misaligned/audio")
    assert tuple(vary(other, "shuffled_options_1", CONTEXT).options) != orders[0]


def test_none_of_the_above_is_an_option_and_is_right_only_where_the_class_is_gone() -> None:
    present, absent = vary(asked(), "none_present", CONTEXT), vary(asked(), "none_absent", CONTEXT)
    assert (present.options, present.answer) == ([*CLASSES, "None of the above"], "Cat")
    assert absent.options == [*(name for name in CLASSES if name != "Cat"), "None of the above"]
    assert absent.answer == "None of the above"
    assert not applies(asked(answerable=False), "none_absent")


def test_hard_options_are_the_answer_what_misleads_and_what_is_like_the_answer() -> None:
    made = vary(asked(), "hard_options", CONTEXT)
    assert sorted(made.options) == ["Bird", "Cat", "Dog", "Horse", "Truck"]
    rain = vary(asked(answer="Rain", distractor=None), "hard_options", CONTEXT)
    assert len(rain.options) == 5
    assert {"Rain", "Sea"} <= set(rain.options)
    with pytest.raises(MMABenchError, match="super-class of 'Cat'"):
        vary(asked(), "hard_options", Context(CLASSES))


def test_captions_name_the_same_class_in_other_words() -> None:
    rest = LIED_TO.prompt.removeprefix("Video_caption: Truck.")
    made = [vary(LIED_TO, f"caption_{kind}", CONTEXT).prompt for kind in ("sentence", "expert", "negated")]
    assert all(re.fullmatch(r"Video_caption: .*\bTruck\b.*" + re.escape(rest), prompt) for prompt in made)
    assert len({*made, LIED_TO.prompt}) == 4
    assert "not show Truck" in made[2]


def test_noise_moves_and_has_the_length_asked_for() -> None:
    plain = prompts.question(Modality.AUDIO, CLASSES)
    assert vary(PADDED, "noise_before", CONTEXT).prompt == f"a b c {plain}"
    assert vary(PADDED, "noise_after", CONTEXT).prompt == PADDED.prompt
    letters = vary(PADDED, "noise_letters_40", CONTEXT).prompt.removeprefix(f"{plain} ").split(" ")
    assert len(letters) == 40
    assert all(len(letter) == 1 for letter in letters)
    words = vary(PADDED, "noise_tokens_40", CONTEXT).prompt.removeprefix(f"{plain} ").split(" ")
    assert len(words) == 40
    assert all(2 <= len(word) <= 8 and word.isalpha() for word in words)


@pytest.mark.parametrize("name", ["shuffled", "shuffled_options", "shuffled_options_0", "hard_options_2", ""])
def test_an_unknown_variant_is_named_with_those_there_are(name: str) -> None:
    with pytest.raises(MMABenchError, match=r"[Kk]nown: standard, "):
        vary(asked(), name, CONTEXT)


def test_a_variant_is_made_of_standard_questions_of_ours_alone() -> None:
    with pytest.raises(MMABenchError, match="is not a standard question"):
        vary(vary(asked(), "none_present", CONTEXT), "shuffled_options_1", CONTEXT)
    with pytest.raises(MMABenchError, match="its options cannot be changed, because its prompt is one text"):
        vary(asked(prompt="What is it?"), "none_present", CONTEXT)


def test_unrelated_sentences_name_no_class_of_the_benchmark(demo: Path) -> None:
    pool = sentence_pool()
    assert {name: len(set(sentences)) for name, sentences in pool.items()} == {"facts": 60, "falsehoods": 20}
    names = [*read_rules(DEFAULT_RULES).classes, *load(demo)[0].options]
    words = {word.casefold() for name in names for word in name.split("_") if len(word) > 3}
    for sentence in pool["facts"] + pool["falsehoods"]:
        assert not words & set(re.findall(r"\w+", sentence.casefold())), sentence
    text = unrelated_sentences("seed", true=False)
    assert text == unrelated_sentences("seed", true=False) != unrelated_sentences("other", true=False)
    assert sum(sentence in text for sentence in pool["falsehoods"]) == 10
