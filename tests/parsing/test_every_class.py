"""Each of the 61 class names is read in the sentences models use, whatever English word it is made of."""

from pathlib import Path

import pytest
import yaml

from mma_bench.parsing import Outcome, parse_answer

_SET = yaml.safe_load(Path(__file__).with_name("outputs.yaml").read_text(encoding="utf-8"))
_CLASSES: list[str] = _SET["sets"]["official"]


@pytest.mark.parametrize(
    "sentence",
    [
        "{}",
        "**{}**",
        "The answer is {}.",
        "The class that best describes the audio content is {}.",
        "This is the sound of {}.",
        "{} can be heard throughout the video.",
        "{}\n\nThis is because of what is seen.",
        "{} If you have any other questions about the audio content, feel free to ask.",
        "I am not sure, but I think it is {}",
        "There's no doubt it's {}.",
        '{{"answer": "{}"}}',
        "\\boxed{{\\text{{{}}}}}",
        "<think>hm</think>{}",
        "这是{}。",
        "La réponse est {}.",
    ],
)
def test_a_sentence_that_asserts_a_class(sentence: str) -> None:
    for name in _CLASSES:
        for written in (name, name.lower().replace("_", " ")):
            assert parse_answer(sentence.format(written), _CLASSES).label == name, written


@pytest.mark.parametrize(
    "sentence",
    [
        "It is not a {}.",
        "There is no {} in this video.",
        "I can't hear any {}",
        "I don't think this is the sound of {}.",
        "{} is not present.",
        "{} is absent",
        "neither {}",
    ],
)
def test_a_sentence_that_only_rejects_a_class(sentence: str) -> None:
    for name in _CLASSES:
        parsed = parse_answer(sentence.format(name.lower().replace("_", " ")), _CLASSES)
        assert parsed.outcome is Outcome.UNPARSED, name


@pytest.mark.parametrize(
    ("sentence", "outcome"),
    [
        ("{} and {}", Outcome.SEVERAL),
        ("It could be {} or {}.", Outcome.SEVERAL),
        ("{}, {}", Outcome.SEVERAL),
        ("not {} but {}", Outcome.ANSWERED),
        ("There is some {}, but the best class is {}", Outcome.ANSWERED),
        ("{} is wrong; {} is right", Outcome.ANSWERED),
    ],
)
def test_a_sentence_with_two_classes(sentence: str, outcome: Outcome) -> None:
    for first, second in zip(_CLASSES, _CLASSES[7:] + _CLASSES[:7], strict=True):
        parsed = parse_answer(sentence.format(first, second), _CLASSES)
        assert parsed.outcome is outcome, (first, second)
        assert parsed.label == (second if outcome is Outcome.ANSWERED else None)
