"""The decision of the rules on each node of the ontology."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from builder.select.ontology import Ontology
from builder.select.rules import Drop, Rules
from mma_bench.errors import MMABenchError


class Status(StrEnum):
    """The status of a node."""

    ROOT = "class"
    ABSORBED = "absorbed"
    EXCLUDED = "excluded_node"
    ACTION_LESS = "action_less"
    AMBIGUOUS = "ambiguous"
    RESTRICTED = "restricted"
    NO_CLASS = "no_class"
    UNLISTED = "unlisted"


@dataclass(frozen=True)
class Decision:
    """The decision on one node.

    Attributes:
        status: The status of the node.
        label: The class, or None.
        reason: The reason in the rules file.
        source: Id of the node that the rules file names: this one or one above it. None if it names none.
    """

    status: Status
    label: str | None
    reason: str
    source: str | None


@dataclass(frozen=True)
class _Statement:
    """An entry of the rules that excludes a node."""

    status: Status
    reason: str
    covers_subtree: bool


def decide_nodes(rules: Rules, ontology: Ontology) -> dict[str, Decision]:
    """Decide every node of ``ontology``.

    A class includes its roots and everything below them, except its exclusions and the drops inside. A node that no
    class includes follows the nearest entry above it.

    Raises:
        MMABenchError: the rules name an unknown node, contradict themselves, or assign a node to two classes.
    """
    _check_names(rules, ontology)
    roots = {label: [ontology.resolve(text) for text in rule.roots] for label, rule in rules.classes.items()}
    drops = _drops(rules, ontology, {root for found in roots.values() for root in found})
    claims = {label: _claim(label, rules, ontology, roots, drops) for label in rules.classes}
    owners: dict[str, list[str]] = {id_: [] for id_ in ontology.nodes}
    for label, claim in claims.items():
        for id_ in claim:
            owners[id_].append(label)
    _check_undecided(owners, roots, ontology)
    statements = _exclusions(rules, ontology) | drops  # a drop by name is more specific than an exclusion
    decisions: dict[str, Decision] = {}
    for id_, (label, *_) in ((id_, found or [""]) for id_, found in owners.items()):
        if label:
            source = next(node for node in nearest_first(id_, ontology) if node in roots[label])
            status = Status.ROOT if source == id_ else Status.ABSORBED
            decisions[id_] = Decision(status, label, rules.classes[label].reason, source)
        else:
            decisions[id_] = _left_out(id_, statements, ontology)
    return decisions


def nearest_first(node_id: str, ontology: Ontology) -> Iterator[str]:
    """Yield ``node_id``, its parents, their parents and so on, each once."""
    level, seen = [node_id], {node_id}
    while level:
        yield from level
        level = list(dict.fromkeys(parent for id_ in level for parent in ontology.parents[id_] if parent not in seen))
        seen.update(level)


def _left_out(node_id: str, statements: dict[str, _Statement], ontology: Ontology) -> Decision:
    level = [node_id]
    while level:
        found = [(id_, statements[id_]) for id_ in level if id_ in statements]
        found = [(id_, entry) for id_, entry in found if entry.covers_subtree or id_ == node_id]
        if found:
            order = list(Status)
            id_, entry = min(found, key=lambda pair: order.index(pair[1].status))
            return Decision(entry.status, None, entry.reason, id_)
        level = list(dict.fromkeys(parent for id_ in level for parent in ontology.parents[id_]))
    return Decision(Status.UNLISTED, None, "the rules do not mention it", None)


def _claim(
    label: str,
    rules: Rules,
    ontology: Ontology,
    roots: dict[str, list[str]],
    drops: dict[str, _Statement],
) -> set[str]:
    claim = set[str]().union(*(ontology.subtree(root) for root in roots[label]))
    given_up: set[str] = set()
    for exclusion in rules.classes[label].exclude:
        node = ontology.resolve(exclusion.node)
        if node not in claim:
            raise MMABenchError(
                f"rules: {label} excludes {exclusion.node!r}, which is not below its roots; remove the exclusion"
            )
        given_up |= ontology.subtree(node)
    for node, entry in drops.items():
        if node in claim:
            given_up |= ontology.subtree(node) if entry.covers_subtree else {node}
    if lost := given_up.intersection(roots[label]):
        names = ", ".join(ontology.name(id_) for id_ in sorted(lost))
        raise MMABenchError(f"rules: {label} has the root {names}, which its own exclusions or a drop list take away")
    return claim - given_up


def _drops(rules: Rules, ontology: Ontology, class_roots: set[str]) -> dict[str, _Statement]:
    drops: dict[str, _Statement] = {}
    marked: dict[str, _Statement] = {}
    for kind, drop in _each_drop(rules):
        if drop.ontology_restriction:
            for node in ontology.nodes.values():
                if drop.ontology_restriction in node.restrictions and node.id not in class_roots:
                    marked.setdefault(node.id, _Statement(kind, drop.reason, covers_subtree=False))
            continue
        for text in drop.nodes:
            id_ = ontology.resolve(text)
            if id_ in drops:
                raise MMABenchError(f"rules: {text!r} is in the drop lists twice; keep one entry")
            drops[id_] = _Statement(kind, drop.reason, drop.subtree)
    return marked | drops  # what the rules say about a node by name takes precedence over the ontology's own mark


def _exclusions(rules: Rules, ontology: Ontology) -> dict[str, _Statement]:
    return {
        ontology.resolve(exclusion.node): _Statement(Status.EXCLUDED, f"{label}: {exclusion.reason}", True)
        for label, rule in rules.classes.items()
        for exclusion in rule.exclude
    }


def _each_drop(rules: Rules) -> Iterator[tuple[Status, Drop]]:
    lists: Iterable[tuple[Status, tuple[Drop, ...]]] = (
        (Status.ACTION_LESS, rules.drop.action_less),
        (Status.AMBIGUOUS, rules.drop.ambiguous),
        (Status.RESTRICTED, rules.drop.restricted),
        (Status.NO_CLASS, rules.drop.no_class),
    )
    for status, drops in lists:
        for drop in drops:
            yield status, drop


def _check_names(rules: Rules, ontology: Ontology) -> None:
    wanted = [
        *((f"class {label}", text) for label, rule in rules.classes.items() for text in rule.roots),
        *((f"class {label}", entry.node) for label, rule in rules.classes.items() for entry in rule.exclude),
        *((f"drop.{status}", text) for status, drop in _each_drop(rules) for text in drop.nodes),
    ]
    faults = []
    for where, text in wanted:
        try:
            ontology.resolve(text)
        except MMABenchError as error:
            faults.append(f"{where}: {error}")
    if faults:
        more = f" (and {len(faults) - 3} more)" if len(faults) > 3 else ""
        raise MMABenchError(f"rules {rules.name}, {ontology.source}: {'. '.join(faults[:3])}{more}")


def _check_undecided(owners: dict[str, list[str]], roots: dict[str, list[str]], ontology: Ontology) -> None:
    undecided = [(id_, labels) for id_, labels in owners.items() if len(labels) > 1]
    if not undecided:
        return
    shown = []
    for id_, labels in undecided[:5]:
        above = {label: [root for root in roots[label] if id_ in ontology.subtree(root)] for label in labels}
        paths = [f"{label} (through {', '.join(map(ontology.name, above[label]))})" for label in labels]
        shown.append(f"{ontology.name(id_)!r} ({id_}) lies below {' and '.join(paths)}")
    more = f" and {len(undecided) - 5} more nodes" if len(undecided) > 5 else ""
    raise MMABenchError(
        f"rules leave nodes to two classes: {'; '.join(shown)}{more}. "
        "Decide each: name it under `exclude` of all classes but one, or in a `drop` list"
    )
