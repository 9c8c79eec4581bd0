"""Labels that are ancestors of others go first; what is left must lie in one class, all of it."""

import pyarrow as pa
import pytest

from builder.select.decisions import decide_nodes
from builder.select.label_filter import REASONS, LabelFilter
from tests.builder.select.tiny import tiny_ontology, tiny_rules


@pytest.mark.parametrize(
    ("labels", "label", "reason", "detail"),
    [
        ("animal pets dog bark", "dog", None, "Bark [dog]"),
        ("bark animal pets dog", "dog", None, "Bark [dog]"),
        ("animal cat growl", "dog", None, "Growl [dog]"),  # Cat is above Growl, and the rules give Growl to dogs
        ("bark bark", "dog", None, "Bark [dog]"),
        ("cat speech", None, "other_sound", "Cat [cat]; Speech [no_class]"),
        ("bark meow", None, "several_classes", "Bark [dog]; Meow [cat]"),
        ("bark meow speech", None, "several_classes", "Bark [dog]; Meow [cat]; Speech [no_class]"),
        ("pour liquid spray", None, "several_classes", "Pour [liquid]; Spray [spray]"),
        ("cat hiss", None, "ambiguous", "Hiss [ambiguous]"),
        ("animal", None, "ambiguous", "Animal [ambiguous]"),
        ("animal room", None, "no_class", "Animal [ambiguous]; Room [action_less]"),
        ("room", None, "action_less", "Room [action_less]"),
        ("mist", None, "restricted", "Mist [restricted]"),
        ("pets", None, "no_class", "Pets [unlisted]"),
    ],
)
def test_verdicts(labels: str, label: str | None, reason: str | None, detail: str) -> None:
    ontology, rules = tiny_ontology(), tiny_rules()
    label_filter = LabelFilter(ontology, decide_nodes(rules, ontology), list(rules.classes))
    text = ",".join(f"/m/{name}" for name in labels.split())
    judged = label_filter.judge(pa.array(["/m/meow", text, "/m/dog,/m/cat"]))  # neighbours must not matter
    assert judged.detail.to_pylist() == ["Meow [cat]", detail, "Dog [dog]; Cat [cat]"]
    assert (judged.label[1] >= 0, judged.reason[1] >= 0) == (label is not None, reason is not None)
    if label is not None:
        assert label_filter.class_names[judged.label[1]] == label
    if reason is not None:
        assert REASONS[judged.reason[1]] == reason
