"""AudioSet's ontology: 632 kinds of sound in a directed acyclic graph.

It is not a tree: it has 7 roots, and 38 nodes have several parents ("Hiss" is below Cat, Snake, Steam and
Onomatopoeia).
"""

import difflib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from mma_bench.errors import MMABenchError
from mma_bench.files.faults import first_fault


class Node(BaseModel):
    """One kind of sound."""

    model_config = ConfigDict(frozen=True, extra="ignore")  # citation and examples are not used

    id: str = Field(min_length=1)
    name: str = Field(min_length=1)
    child_ids: tuple[str, ...]
    restrictions: tuple[str, ...] = ()
    description: str = ""


class Ontology:
    """The graph. Nodes keep the order of the file."""

    def __init__(self, nodes: Sequence[Node], *, source: str = "ontology") -> None:
        """Check that ``nodes`` form a directed acyclic graph.

        Raises:
            MMABenchError: an id occurs twice, a child is missing, or the graph has a cycle.
        """
        self.source = source
        self.nodes: Mapping[str, Node] = {node.id: node for node in nodes}
        if len(self.nodes) != len(nodes):
            twice = Counter(node.id for node in nodes).most_common(1)[0][0]
            raise MMABenchError(f"{source}: the id {twice} occurs twice; take the ontology from its publisher again")
        parents: defaultdict[str, list[str]] = defaultdict(list)
        for node in nodes:
            for child in node.child_ids:
                if child not in self.nodes:
                    raise MMABenchError(
                        f"{source}: {node.name!r} ({node.id}) has a child {child} that the file does not define; "
                        "the file is incomplete, take it from its publisher again"
                    )
                parents[child].append(node.id)
        self.parents: Mapping[str, tuple[str, ...]] = {id_: tuple(parents[id_]) for id_ in self.nodes}
        self._ancestors = self._find_ancestors()

    def __len__(self) -> int:
        return len(self.nodes)

    def __contains__(self, node_id: str) -> bool:
        return node_id in self.nodes

    @property
    def roots(self) -> list[str]:
        """Ids of nodes without a parent."""
        return [id_ for id_, parents in self.parents.items() if not parents]

    def name(self, node_id: str) -> str:
        """Return the display name of a node."""
        return self.nodes[node_id].name

    def ancestors(self, node_id: str) -> frozenset[str]:
        """Return all nodes above ``node_id`` over every parent, without itself."""
        return self._ancestors[node_id]

    def subtree(self, node_id: str) -> frozenset[str]:
        """Return ``node_id`` and all nodes below it."""
        return self._subtrees[node_id]

    def resolve(self, text: str) -> str:
        """Return the id of the node whose id or display name is ``text``.

        Raises:
            MMABenchError: no node or several nodes have that name; the message lists similar names.
        """
        if text in self.nodes:
            return text
        found = self._by_name.get(text, [])
        if len(found) == 1:
            return found[0]
        if found:
            raise MMABenchError(f"{len(found)} nodes are called {text!r} ({', '.join(found)}): use the id")
        close = self._close_names(text)
        hint = f"; close: {', '.join(map(repr, close))}" if close else ""
        raise MMABenchError(f"the ontology has no node {text!r}{hint}")

    def _close_names(self, text: str) -> list[str]:
        folded = {name.casefold(): name for name in [*self._by_name, *self.nodes]}
        within = [name for key, name in folded.items() if text.casefold() in key.replace(",", "").split()]
        similar = [folded[key] for key in difflib.get_close_matches(text.casefold(), folded, n=4, cutoff=0.6)]
        return list(dict.fromkeys([*similar, *within]))[:4]

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        by_name: defaultdict[str, list[str]] = defaultdict(list)
        for node in self.nodes.values():
            by_name[node.name].append(node.id)
        return dict(by_name)

    @cached_property
    def _subtrees(self) -> dict[str, frozenset[str]]:
        below: defaultdict[str, set[str]] = defaultdict(set)
        for id_, above in self._ancestors.items():
            below[id_].add(id_)
            for ancestor in above:
                below[ancestor].add(id_)
        return {id_: frozenset(found) for id_, found in below.items()}

    def _find_ancestors(self) -> dict[str, frozenset[str]]:
        ancestors: dict[str, frozenset[str]] = {}
        waiting = {id_: len(parents) for id_, parents in self.parents.items()}
        ready = self.roots
        for id_ in ready:  # grows during the loop: a node is ready once all its parents are done
            above = [ancestors[parent] | {parent} for parent in self.parents[id_]]
            ancestors[id_] = frozenset().union(*above)
            for child in self.nodes[id_].child_ids:
                waiting[child] -= 1
                if not waiting[child]:
                    ready.append(child)
        if len(ancestors) < len(self.nodes):
            stuck = [node.name for id_, node in self.nodes.items() if id_ not in ancestors]
            raise MMABenchError(
                f"{self.source}: nodes are their own ancestors, or hang below such nodes: {', '.join(stuck[:5])}; "
                "remove the child_ids that close the circle"
            )
        return ancestors


def read_ontology(path: Path) -> Ontology:
    """Read an ontology in AudioSet's JSON format: a list of `{id, name, child_ids, restrictions, ...}`.

    Raises:
        MMABenchError: the file cannot be read or is not such a list.
    """
    try:
        nodes = TypeAdapter(list[Node]).validate_json(path.read_bytes())
    except OSError as error:
        raise MMABenchError(f"cannot read the ontology {path}: {error.strerror}") from error
    except ValidationError as error:
        raise MMABenchError(
            f"{path} is not an AudioSet ontology ({first_fault(error)}); expected the published ontology.json"
        ) from error
    if not nodes:
        raise MMABenchError(f"{path}: the ontology is empty; expected the published ontology.json")
    return Ontology(nodes, source=path.name)
