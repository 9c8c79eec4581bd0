"""A hand-made ontology that has what makes AudioSet's hard: several parents, several roots, nested classes."""

from builder.select.ontology import Node, Ontology
from builder.select.rules import Rules

CHILDREN = {
    "Animal": ["Pets", "Wild"],
    "Pets": ["Dog", "Cat"],
    "Wild": ["Wolf", "Snake"],
    "Dog": ["Bark", "Growl"],
    "Cat": ["Meow", "Growl", "Hiss"],
    "Wolf": ["Growl"],
    "Snake": ["Hiss"],
    "Things": ["Liquid", "Car"],
    "Liquid": ["Spray", "Pour"],
    "Spray": ["Mist"],
    "Speech": [],
    "Room": [],
}


def tiny_ontology() -> Ontology:
    names = dict.fromkeys([*CHILDREN, *(child for children in CHILDREN.values() for child in children)])
    nodes = [
        Node(id=f"/m/{name.lower()}", name=name, child_ids=tuple(f"/m/{c.lower()}" for c in CHILDREN.get(name, [])))
        for name in names
    ]
    marked = [
        node.model_copy(update={"restrictions": ("blacklist",)}) if node.name == "Mist" else node for node in nodes
    ]
    return Ontology(marked, source="tiny.json")


def tiny_rules(**changes: object) -> Rules:
    value: dict[str, object] = {
        "name": "tiny",
        "classes": {
            "dog": {"roots": ["Dog"], "reason": "dogs"},
            "cat": {"roots": ["Cat"], "reason": "cats", "exclude": [{"node": "Growl", "reason": "dogs growl more"}]},
            "liquid": {"roots": ["Liquid"], "reason": "wet", "exclude": [{"node": "Spray", "reason": "own class"}]},
            "spray": {"roots": ["Spray"], "reason": "cans"},
        },
        "drop": {
            "action_less": [{"nodes": ["Room"], "reason": "no action"}],
            "ambiguous": [
                {"nodes": ["Hiss"], "reason": "cat or snake"},
                {"nodes": ["Animal"], "subtree": False, "reason": "which?"},
            ],
            "restricted": [{"ontology_restriction": "blacklist", "reason": "marked"}],
            "no_class": [{"nodes": ["Wild", "Speech"], "reason": "no place"}],
        },
    }
    return Rules.model_validate({**value, **changes})
