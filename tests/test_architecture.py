"""docs/architecture.md names files that exist, and a journey passes each of them once."""

import re

import pytest

from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
JOURNEYS = dict(re.findall(r"^### (.+)\n((?:(?!^#).*\n?)*)", PAGE, re.MULTILINE))
_OURS = re.compile(r"`((?:builder|mma_bench|cards|scripts|tests|docs)/[\w./-]*)`")


def test_every_file_and_folder_that_the_page_names_exists() -> None:
    named = set(_OURS.findall(PAGE)) | {f"docs/{link}" for link in re.findall(r"\]\((?!http)([\w./-]+)\)", PAGE)}
    assert len(named) > 60
    assert sorted(name for name in named if not (ROOT / name).exists()) == []
    modules = {path.as_posix() for folder in ("builder", "mma_bench") for path in (ROOT / folder).rglob("*.py")}
    short = {name for name in re.findall(r"`([\w/]+\.py)`", PAGE) if name not in named}
    assert sorted(name for name in short if not any(module.endswith(f"/{name}") for module in modules)) == []


@pytest.mark.parametrize("journey", JOURNEYS)
def test_a_journey_passes_each_file_once(journey: str) -> None:
    passed = _OURS.findall(JOURNEYS[journey])
    assert len(passed) >= 7
    assert sorted({name for name in passed if passed.count(name) > 1}) == []
    lines = [line for line in JOURNEYS[journey].splitlines() if re.match(r"\d\. ", line)]
    assert 3 <= len(lines) <= 10


def test_the_five_journeys_are_told() -> None:
    assert len(JOURNEYS) == 5
