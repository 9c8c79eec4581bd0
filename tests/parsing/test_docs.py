"""The table in docs/parsing.md tells the truth."""

import re

import pytest

from mma_bench import parse_answer
from tests.conftest import ROOT

OPTIONS = ["Cat", "Dog", "Bird", "Singing", "Singing_bowl"]
ROW = re.compile(r"^\| `(\w+)` \| `(.*)`( \(asked about the audio\))? \| (\w+) \| (\w*) ?\|$", re.MULTILINE)
ROWS = ROW.findall((ROOT / "docs" / "parsing.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("rule", "text", "sound", "outcome", "label"), ROWS)
def test_row(rule: str, text: str, sound: str, outcome: str, label: str) -> None:
    parsed = parse_answer(text.replace("\\n", "\n"), OPTIONS, modality="audio" if sound else None)
    assert (parsed.rule, parsed.outcome.value, parsed.label or "") == (rule, outcome, label)


def test_every_row_was_found() -> None:
    assert len(ROWS) == 39
