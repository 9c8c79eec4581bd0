"""Every node is decided by the rules, and what they leave open or get wrong stops the run by name."""

from pathlib import Path

import pytest

from builder.select.decisions import Status, decide_nodes
from builder.select.ontology import read_ontology
from builder.select.rules import DEFAULT_RULES, read_rules
from mma_bench.errors import MMABenchError
from tests.builder.select.tiny import tiny_ontology, tiny_rules


def test_each_kind_of_entry() -> None:
    decisions = decide_nodes(tiny_rules(), tiny_ontology())
    found = {id_.removeprefix("/m/"): (made.status, made.label) for id_, made in decisions.items()}
    assert found["dog"] == (Status.ROOT, "dog")
    assert found["bark"] == found["growl"] == (Status.ABSORBED, "dog")  # Growl: given up by cat
    assert found["hiss"] == (Status.AMBIGUOUS, None)  # a drop inside a class takes the node away
    assert found["spray"] == (Status.ROOT, "spray")
    assert found["mist"] == (Status.RESTRICTED, None)  # marked in the ontology
    assert found["wolf"] == (Status.NO_CLASS, None)  # the nearest entry above
    assert found["animal"] == (Status.AMBIGUOUS, None)
    assert found["pets"] == (Status.UNLISTED, None)  # Animal is meant without its subtree
    assert decisions["/m/wolf"].reason == "no place"


def test_exclusion_without_another_class_keeps_its_reason() -> None:
    classes = {
        "liquid": {"roots": ["Liquid"], "reason": "wet", "exclude": [{"node": "Spray", "reason": "too loud"}]},
        "cat": {"roots": ["Cat"], "reason": "cats"},
    }
    decision = decide_nodes(tiny_rules(classes=classes, drop={}), tiny_ontology())["/m/mist"]
    assert (decision.status, decision.reason) == (Status.EXCLUDED, "liquid: too loud")


def test_a_node_left_to_two_classes_stops_with_its_name() -> None:
    classes = {name: {"roots": [name.title()], "reason": "r"} for name in ("dog", "cat", "wolf")}
    with pytest.raises(MMABenchError, match=r"'Growl' \(/m/growl\) lies below dog \(through Dog\) and cat .* and wolf"):
        decide_nodes(tiny_rules(classes=classes, drop={}), tiny_ontology())


@pytest.mark.parametrize(
    ("classes", "drop", "message"),
    [
        ({"dog": ["Dgo"]}, {}, "class dog: the ontology has no node 'Dgo'; close: 'Dog'"),
        ({"dog": ["Dog"]}, {"ambiguous": ["Dog"]}, "dog has the root Dog, which"),
        ({"animal": ["Animal", "Dog"]}, {"ambiguous": ["Pets"]}, "animal has the root Dog, which"),
        ({"dog": ["Dog"]}, {"ambiguous": ["Hiss"], "no_class": ["Hiss"]}, "'Hiss' is in the drop lists twice"),
        ({"dog": ["Dog"]}, {"ambiguous": ["Hisss"]}, "drop.ambiguous: .* close: 'Hiss'"),
    ],
)
def test_contradictions_and_typing_errors(
    classes: dict[str, list[str]], drop: dict[str, list[str]], message: str
) -> None:
    rules = tiny_rules(
        classes={name: {"roots": roots, "reason": "r"} for name, roots in {**classes, "car": ["Car"]}.items()},
        drop={kind: [{"nodes": nodes, "reason": "r"}] for kind, nodes in drop.items()},
    )
    with pytest.raises(MMABenchError, match=message):
        decide_nodes(rules, tiny_ontology())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name: x\nclasses: {a: {roots: [A], reason: r}, a: {roots: [B], reason: r}}", "'a' occurs twice"),
        ("name: x\nclasses: {a: {roots: [A], reason: r}, 'b, c': {roots: [B], reason: r}}", "separated by commas"),
        ("name: x\nclasses: {a: {roots: [A], reason: r}, A: {roots: [B], reason: r}}", "read the same in an answer"),
        (
            "name: x\nclasses: {a: {root: [A], reason: r}, b: {roots: [B], reason: r}}",
            r"classes\.a\.root: there is no such setting; did you mean 'roots'",
        ),
        ("name: x\nclasses: {a: {roots: [A]}, b: {roots: [B], reason: r}}", r"classes\.a\.reason"),
        ("- a", "YAML mapping"),
        ("a: [", "not valid YAML"),
    ],
)
def test_malformed_rules_are_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(content)
    with pytest.raises(MMABenchError, match=message):
        read_rules(path)


def test_shipped_rules_decide_every_node_with_a_reason(shared: Path) -> None:
    rules = read_rules(DEFAULT_RULES)
    assert list(rules.classes) == (shared / "mma_bench" / "classes.txt").read_text().split()
    ontology = read_ontology(shared / "audioset" / "ontology.json")
    decisions = decide_nodes(rules, ontology)
    assert decisions.keys() == ontology.nodes.keys()
    assert all(made.status is not Status.UNLISTED and made.reason for made in decisions.values())
    named = {name: decisions[ontology.resolve(name)] for name in ("Growling", "Spray", "Stir", "Hiss", "Pour")}
    assert {name: made.label or made.status for name, made in named.items()} == {
        "Growling": "ambiguous",
        "Spray": "Spray",
        "Stir": "Stir",
        "Hiss": "ambiguous",
        "Pour": "Utility_Liquid_Sounds",
    }


def test_shipped_rules_without_a_decision_stop(shared: Path, tmp_path: Path) -> None:
    text = DEFAULT_RULES.read_text()
    start = text.index("      - node: Spray")
    undecided = tmp_path / "rules.yaml"
    undecided.write_text(text[:start] + text[text.index("      - node: Stir") :])
    ontology = read_ontology(shared / "audioset" / "ontology.json")
    with pytest.raises(MMABenchError, match=r"'Spray' \(/m/\w+\) lies below Spray .* and Utility_Liquid_Sounds"):
        decide_nodes(read_rules(undecided), ontology)
