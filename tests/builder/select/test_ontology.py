"""Ancestors go over every parent; a broken graph is refused with the name of the node."""

import json
from pathlib import Path

import pytest

from builder.select.ontology import Node, Ontology, read_ontology
from mma_bench.errors import MMABenchError
from tests.builder.select.tiny import tiny_ontology


def test_ancestors_and_subtrees_follow_all_parents() -> None:
    ontology = tiny_ontology()
    growl = ontology.ancestors("/m/growl")
    assert growl == {"/m/dog", "/m/cat", "/m/wolf", "/m/pets", "/m/wild", "/m/animal"}
    assert ontology.subtree("/m/wild") == {"/m/wild", "/m/wolf", "/m/snake", "/m/growl", "/m/hiss"}
    assert [ontology.name(root) for root in ontology.roots] == ["Animal", "Things", "Speech", "Room"]


def test_real_ontology(shared: Path) -> None:
    ontology = read_ontology(shared / "audioset" / "ontology.json")
    assert len(ontology) == 632
    assert len(ontology.roots) == 7
    assert sum(len(parents) > 1 for parents in ontology.parents.values()) == 38


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([("a", ["b"]), ("b", ["c"]), ("c", ["b"])], "own ancestors.*: B, C"),
        ([("a", ["b"]), ("b", []), ("b", [])], "id b occurs twice"),
        ([("a", ["x"])], "child x"),
    ],
)
def test_broken_graphs_are_refused(nodes: list[tuple[str, list[str]]], message: str) -> None:
    with pytest.raises(MMABenchError, match=message):
        Ontology([Node(id=id_, name=id_.upper(), child_ids=tuple(children)) for id_, children in nodes])


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '[{"id": "a"}]', json.dumps([{"id": 3, "name": "", "child_ids": 1}])]
)
def test_files_of_another_kind_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "ontology.json"
    path.write_text(content)
    with pytest.raises(MMABenchError, match="ontology"):
        read_ontology(path)


def test_unknown_names_come_with_close_ones() -> None:
    ontology = tiny_ontology()
    assert ontology.resolve("Dog") == ontology.resolve("/m/dog") == "/m/dog"
    with pytest.raises(MMABenchError, match="no node 'dogs'; close: 'Dog'"):
        ontology.resolve("dogs")
