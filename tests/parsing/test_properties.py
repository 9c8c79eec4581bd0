"""What holds for every list of options and every text."""

import string
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from mma_bench.errors import MMABenchError
from mma_bench.parsing import Outcome, parse_answer, speaks_of_both

# The same examples on every run, so that a failure elsewhere is a failure here.
settings.register_profile("parsing", derandomize=True, deadline=None, max_examples=200)
settings.load_profile("parsing")

_NAMES = (
    "Accordion",
    "Bird",
    "Bowed_string_instrument",
    "Brass_instrument",
    "Breaking",
    "Canidae",
    "Cat",
    "Clapping",
    "Clock",
    "Cough",
    "Door",
    "Drawer_open_or_close",
    "Explosions",
    "Fire",
    "Flap",
    "Glass",
    "Hair_dryer",
    "Keyboard_musical",
    "Rain",
    "Scissors",
    "Shout",
    "Singing",
    "Singing_bowl",
    "Stir",
    "Tools",
    "Typing",
    "Utility_Liquid_Sounds",
    "Vehicle",
    "Whip",
    "Writing",
)
_CHATTER = (
    "If you have any other questions, feel free to ask.",
    "What do you think about the audio content?",
    "The clip lasts ten seconds and was filmed with a phone.",
    "I am not sure about the rest.",
    "There is no speech.",
    "This is because of the timbre, which is typical.",
    "Confidence: high (0.97)",
    "- point one\n- point two",
    "Is there anything else?",
    "这个视频很有意思。",
    "I cannot say more.",
)
# Pieces that the rules look for, to be put together in any order.
_PIECES = (
    *("Cat", "dog", "Birds", "Singing_bowl", "singing", "None of the above", "A", "b", "yes", "No"),
    *("not", "no", "never", "neither", "nor", "rather than", "except", "but", "if", "caption says", "isn't"),
    *("Answer:", "the answer is", "class", "best", "I choose", "therefore", "Options:", "is the answer"),
    *("cannot tell", "no sound", "silence", "is silent", "unknown", "as an AI", "is not present"),
    *(".", ",", "?", "!", "\n", "\n\n", "**", '"', "'", "_", "-", "/", "(", ")", ":", "{", "}", "1.", "(C)"),
    *("<think>", "</think>", "<answer>", "</answer>", '{"answer": "', '"}', "\\boxed{", "```\n", "<b>", "</s>"),
    *("Scratch that,", "Actually,", "wait", "my mistake", "[x]", "[ ]", "✅", "❌", "~~", "Visual:", "Audio:", "|"),
    *("10%", "0.9", "90 %", "most likely", "possibly", "first guess", "second guess", "coughing", "dogs", "food"),
    *("user:\n", "\nassistant\n", "是", "不是", "。", "\u200b", "\u202e", "\0", "🐱", "é", "İ", "ﷺ"),
)
_SENSES = (
    *("There is no sound.", "I hear a Cat.", "The screen is black.", "The video shows a dog.", "A Bird is visible,"),
    *("but", "the visual class is Cat.", "The audio class is Dog.", "I cannot hear anything,", "Singing.", "Maybe"),
)
_OPTIONS = ["Cat", "Dog", "Bird", "Singing", "Singing_bowl", "None of the above"]

option_lists = st.lists(st.sampled_from(_NAMES), min_size=1, max_size=12, unique=True)
made_up_names = st.text(string.ascii_letters, min_size=5, max_size=12)
noise = st.lists(st.sampled_from(_PIECES), max_size=25).flatmap(
    lambda pieces: st.sampled_from(["", " "]).map(lambda separator: separator.join(pieces))
)


@given(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=8))
def test_every_option_is_read_as_itself(options: list[str]) -> None:
    try:
        parse_answer("", options)
    except MMABenchError:
        assume(False)
    for option in options:
        parsed = parse_answer(option, options)
        assert (parsed.label, parsed.rule) == (option, "exact")
        assert parsed.outcome in {Outcome.ANSWERED, Outcome.ABSTAINED}


@given(
    option_lists | st.lists(made_up_names, min_size=1, max_size=6, unique_by=str.casefold),
    st.data(),
    st.text(" \t\n\u00a0\u200b", max_size=4),
    st.text(".,;:!?…。*\"'", max_size=4),
    st.sampled_from([str.upper, str.lower, str.title, str.swapcase, str.strip]),
)
def test_space_case_and_punctuation_around_an_option_do_not_count(
    options: list[str], data: st.DataObject, space: str, marks: str, change: Any
) -> None:
    option = data.draw(st.sampled_from(options))
    try:
        plain = parse_answer(option, options)
    except MMABenchError:
        assume(False)
    assert parse_answer(space + change(option) + marks + space, options) == plain


@given(option_lists, st.data(), st.lists(st.sampled_from(_CHATTER), min_size=1, max_size=4))
def test_chatter_behind_an_answer_changes_nothing(options: list[str], data: st.DataObject, chatter: list[str]) -> None:
    option = data.draw(st.sampled_from(options))
    parsed = parse_answer(option + "\n" + " ".join(chatter), options)
    assert (parsed.label, parsed.outcome) == (option, Outcome.ANSWERED)


@given(option_lists, st.data(), noise)
def test_a_last_final_answer_counts_whatever_stands_before(
    options: list[str], data: st.DataObject, before: str
) -> None:
    assume(not any(mark in before for mark in ("{", "<", "`", "user", "assistant")))
    option = data.draw(st.sampled_from(options))
    parsed = parse_answer(f"{before}\n\nFinal answer: {option}", options)
    assert parsed.label == option


@given(option_lists | st.lists(made_up_names, min_size=1, max_size=6, unique_by=str.casefold), st.data())
def test_an_option_that_is_only_rejected_is_not_the_answer(options: list[str], data: st.DataObject) -> None:
    option = data.draw(st.sampled_from(options))
    sentence = data.draw(
        st.sampled_from(["It is not a {}.", "It isn't {}!", "There is no {}.", "Not {}", "{} cannot be heard."])
    )
    try:
        parsed = parse_answer(sentence.format(option), options)
    except MMABenchError:
        assume(False)
    assert parsed.outcome is not Outcome.ANSWERED or parsed.label != option


@given(option_lists, st.data())
def test_rejecting_one_option_for_another_answers_the_other(options: list[str], data: st.DataObject) -> None:
    assume(len(options) > 1)
    wrong, right = data.draw(st.lists(st.sampled_from(options), min_size=2, max_size=2, unique=True))
    form = data.draw(
        st.sampled_from(["not {} but {}", "Instead of {}, it is {}.", "It is not {}, it is {}.", "Not {}. {}"])
    )
    assert parse_answer(form.format(wrong, right), options).label == right


@given(option_lists, st.data())
def test_two_options_side_by_side_are_several(options: list[str], data: st.DataObject) -> None:
    assume(len(options) > 1)
    pair = data.draw(st.lists(st.sampled_from(options), min_size=2, max_size=2, unique=True))
    form = data.draw(st.sampled_from(["{} and {}", "{}, {}", "{}/{}", "It could be {} or {}.", "{}\n{}"]))
    assert parse_answer(form.format(*pair), options).outcome is Outcome.SEVERAL


_RETRACTIONS = (
    *(
        "{0}. Scratch that, {1}.",
        "{0}. On second thought, {1}",
        "{0}. My mistake, it's {1}.",
        "{0}\n\nWait, it is {1}.",
    ),
    *("{0}. No, {1}.", "{0}. Actually, it's {1}.", "{0}. Let me reconsider: the answer is {1}.", "~~{0}~~ {1}"),
    *("{0}: 10%, {1}: 90%", "{0} (0.2), {1} (0.8)", "- [ ] {0}\n- [x] {1}", "❌ {0}\n✅ {1}", "{0}: no, {1}: yes"),
    *("possibly {0}, most likely {1}", "Most likely {1}, possibly {0}"),
)


@given(option_lists, st.data())
def test_an_option_that_is_taken_back_scored_lower_or_not_ticked_loses(options: list[str], data: st.DataObject) -> None:
    assume(len(options) > 1)
    pair = data.draw(st.lists(st.sampled_from(options), min_size=2, max_size=2, unique=True))
    assert parse_answer(data.draw(st.sampled_from(_RETRACTIONS)).format(*pair), options).label == pair[1]


@given(option_lists, st.data())
def test_an_option_that_is_taken_back_for_nothing_is_not_the_answer(options: list[str], data: st.DataObject) -> None:
    option = data.draw(st.sampled_from(options))
    form = data.draw(st.sampled_from(["{}. Scratch that.", "{}. Wait, it is not {}.", "❌ {}", "[ ] {}", "{} (wrong)"]))
    assert parse_answer(form.replace("{}", option), options).label is None


@given(option_lists, st.data())
def test_each_modality_gets_what_its_label_says(options: list[str], data: st.DataObject) -> None:
    assume(len(options) > 1)
    seen, heard = data.draw(st.lists(st.sampled_from(options), min_size=2, max_size=2, unique=True))
    form = data.draw(
        st.sampled_from(
            [
                *(
                    "Visual: {0}\nAudio: {1}",
                    "Audio: {1}\nVisual: {0}",
                    "I see {0} and hear {1}.",
                    '{{"visual": "{0}", ',
                ),
                *("The video shows {0} while the audio is {1}.", "| Visual | Audio |\n|---|---|\n| {0} | {1} |"),
            ]
        )
    )
    form += '"audio": "{1}"}}' if form.startswith("{{") else ""
    text = form.format(seen, heard)
    assert parse_answer(text, options, modality="visual").label == seen
    assert parse_answer(text, options, modality="audio").label == heard


@settings(max_examples=1500)
@given(st.text() | noise, st.booleans(), st.sampled_from([None, "visual", "audio"]))
def test_any_text_is_read_without_error(text: str, letters: bool, modality: str | None) -> None:
    for options in (_OPTIONS, ["Yes", "No"], ["A", "B", "C"], ["猫", "狗"], ["Cough", "Canidae", "Theremin"]):
        parsed = parse_answer(text, options, letters=letters, modality=modality)
        assert parsed.label is None or parsed.label in options
        assert parsed.rule
        if parsed.outcome is Outcome.ANSWERED:
            assert parsed.label is not None
        elif parsed.outcome is Outcome.ABSTAINED:
            assert parsed.label in (None, "None of the above")
        else:
            assert parsed.label is None


@pytest.mark.parametrize(
    "unit",
    [
        *("Cat ", "Cat, Dog, ", "not Cat nor Dog ", "the answer is Cat ", "I see. ", "a", " ", "\n", "?", "\u200b"),
        *("Actually, ", "Cat. Scratch that, ", "[x] Cat\n", "Visual: Cat\n", "Cat 10% ", "| Cat |", "~~Cat", "❌ Cat"),
        *("most likely Cat ", "Audio: Visual: ", "No, ", "- ", ": ", "the ", "i ", "Cat (", "1."),
        *('{"answer": "', "\\boxed{", "```\n", "<b>", "猫"),
    ],
)
def test_a_megabyte_before_the_answer_does_no_harm(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    assert parse_answer(text, _OPTIONS).label in ("Cat", None)
    assert parse_answer(f"{text}\n\nAnswer: Bird", _OPTIONS).label == "Bird"


def test_a_megabyte_of_reasoning_or_made_up_turns_is_left_out() -> None:
    assert parse_answer("<think>" + "Dog? " * 200_000 + "</think>Cat", _OPTIONS).rule == "exact"
    assert parse_answer("Cat\n" + "user:\nDog\n" * 100_000, _OPTIONS).rule == "exact"
    assert parse_answer("<think>" * 100_000 + "Cat", _OPTIONS).rule == "unfinished_reasoning"


def test_the_middle_of_a_very_long_text_is_not_read() -> None:
    padding = "word " * 40_000
    assert parse_answer(f"{padding} Cat {padding}", _OPTIONS).rule == "no_match"
    assert parse_answer(f"{padding} {padding} Cat", _OPTIONS).label == "Cat"
    assert parse_answer(f"Cat {padding} {padding}", _OPTIONS).label == "Cat"


@settings(max_examples=300)
@example("There is no sound. The video shows a dog.")
@example("The visual class is Cat. The audio class is Dog.")
@given(noise | st.lists(st.sampled_from(_SENSES), max_size=8).map(" ".join))
def test_the_asked_modality_matters_only_where_both_senses_are_spoken_of(text: str) -> None:
    plain = parse_answer(text, _OPTIONS)
    for modality in ("visual", "audio"):
        parsed = parse_answer(text, _OPTIONS, modality=modality)
        assert parsed == plain or speaks_of_both(text)
        if parsed.label != plain.label:  # it abstains, or chooses what was named for the asked modality
            is_choice = plain.outcome is Outcome.SEVERAL or parsed.rule == "labelled_pair"
            assert parsed.outcome is Outcome.ABSTAINED or is_choice
