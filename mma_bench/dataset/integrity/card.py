"""Check the card against the data: configurations, columns, numbers."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from mma_bench.dataset.composition import Composition
from mma_bench.dataset.integrity.problems import Problem
from mma_bench.dataset.layout import dataset_configs, dataset_features, table_cell
from mma_bench.files.documents import parse_yaml
from mma_bench.files.regular import read_inside
from mma_bench.files.text import shown
from mma_bench.schema import Clip, Stimulus

_CARD = "README.md"
_MAX_CARD_BYTES = 16 * 2**20


def check_card(
    folder: Path, clips: Sequence[Clip], stimuli: Sequence[Stimulus], *, ids_only: bool
) -> Iterator[Problem]:
    """Yield what the card says wrongly."""
    try:
        text = read_inside(folder, _CARD, _MAX_CARD_BYTES).decode("utf-8")
        _, front, body = re.split(r"^---\n", text, maxsplit=2, flags=re.MULTILINE)
        facts = parse_yaml(front)
        infos = {info["config_name"]: info for info in facts["dataset_info"]}
    except FileNotFoundError:
        yield Problem("missing_file", _CARD, "the dataset has no card")
        return
    except (OSError, ValueError, KeyError, TypeError) as error:
        yield Problem("wrong_card", _CARD, f"its YAML cannot be read: {shown(str(error))}")
        return
    found = Composition.of(clips, stimuli)
    expected = dataset_configs(found.test_conditions, has_training=found.has_training, ids_only=ids_only)
    if facts.get("configs") != expected:
        yield Problem(
            "wrong_card", _CARD, f"`configs` does not name the configurations of the data: {_names(expected)}"
        )
    for config in expected:
        name = config["config_name"]
        if infos.get(name, {}).get("features") != dataset_features(name, ids_only=ids_only):
            yield Problem("wrong_card", _CARD, f"`dataset_info` does not declare the columns of {name}")
    yield from _check_numbers(body, found)


def _check_numbers(body: str, found: Composition) -> Iterator[Problem]:
    if (sentence := found.size_sentence()) not in body:
        yield Problem("wrong_card", _CARD, f"it should say: {sentence}")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in body.splitlines() if line.startswith("|")]
    for name, *numbers in found.questions():
        if not any(row[0] == name and row[2:] == [str(number) for number in numbers] for row in rows):
            yield Problem("wrong_card", _CARD, f"composition of {shown(name)}: expected {', '.join(map(str, numbers))}")
    for name, met in found.meeting_rows():
        if [table_cell(name), table_cell(met)] not in rows:
            yield Problem("wrong_card", _CARD, f"conflicts of {shown(name)}: expected {shown(met)}")
    for name, seen, heard in found.classes():
        if [table_cell(name), str(seen), str(heard)] not in rows:
            yield Problem("wrong_card", _CARD, f"class {shown(name)}: expected {seen} seen and {heard} heard")


def _names(configs: Sequence[dict[str, object]]) -> str:
    return ", ".join(str(config["config_name"]) for config in configs)
