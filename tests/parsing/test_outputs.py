"""The agreed set of outputs is read as agreed."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mma_bench.parsing import Outcome, Parsed, parse_answer

_FILES = ("outputs.yaml", "outputs_structure.yaml", "outputs_names.yaml")
_READ = [yaml.safe_load(Path(__file__).with_name(name).read_text(encoding="utf-8")) for name in _FILES]
_SETS: dict[str, Any] = _READ[0]["sets"]
_GROUPS: list[dict[str, Any]] = [group for content in _READ for group in content["groups"]]


def _cases() -> Iterator[Any]:
    for group in _GROUPS:
        for number, case in enumerate(group["cases"], start=1):
            yield pytest.param(group, case, id=f"{group['name']} {number}")


@pytest.mark.parametrize(("group", "case"), _cases())
def test_output_is_read_as_agreed(group: dict[str, Any], case: dict[str, Any]) -> None:
    options = _SETS[group["options"]]
    parsed = parse_answer(
        case["text"],
        options,
        aliases=group.get("aliases"),
        letters=group.get("letters", False),
        modality=group.get("asked"),
    )
    expected = Parsed(
        label=case.get("label"),
        outcome=Outcome(case.get("outcome", "answered")),
        rule=case.get("rule", parsed.rule),
    )
    assert parsed == expected, f"{case['text']!r}: {case['why']}"


def test_the_set_is_large_and_says_why() -> None:
    cases = [case for group in _GROUPS for case in group["cases"]]
    outcomes = Counter(case.get("outcome", "answered") for case in cases)
    assert len(cases) >= 600
    assert all(case["why"] for case in cases)
    assert set(outcomes) == {outcome.value for outcome in Outcome}
