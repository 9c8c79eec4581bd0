"""A page that shows the effect of the rules: the tree of sounds, the classes and the funnel."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from builder.select.decisions import Decision, Status, decide_nodes
from builder.select.funnel_plot import FunnelPlot, draw_funnel
from builder.select.judged_list import JudgedList
from builder.select.ontology import Ontology, read_ontology
from builder.select.rules import DropLists, Rules, read_rules
from builder.select.selection import Report, judge_lists
from builder.select.summary import Summary, summarise, warnings
from mma_bench.files.atomic import write_text
from mma_bench.files.hashing import sha256_file
from mma_bench.report.render.html import TEMPLATES

STATUS_TEXT: dict[Status, str] = {
    Status.ROOT: "names a class",
    Status.ABSORBED: "absorbed by a class",
    Status.EXCLUDED: "given up by a class",
    **{status: str(DropLists.model_fields[status.value].description) for status in list(Status)[3:7]},
    Status.UNLISTED: "not mentioned by the rules",
}


@dataclass(frozen=True)
class TreeNode:
    """One line of the tree. A node with several parents has one line below each."""

    name: str
    id: str
    decision: Decision
    source: str | None
    elsewhere: tuple[str, ...]
    restrictions: tuple[str, ...]
    description: str
    labelled: int
    deciding: int
    open: bool
    children: tuple["TreeNode", ...]


@dataclass(frozen=True)
class ClassRow:
    """One line of the table of classes."""

    name: str
    roots: tuple[str, ...]
    reason: str
    nodes: int
    taken_away: tuple[str, ...]
    counts: tuple[int, ...]


def write_ontology_page(
    out: Path,
    *,
    ontology_path: Path,
    rules_path: Path,
    segment_paths: Sequence[Path] = (),
    skip_bad_rows: bool = False,
    report: Report = lambda _: None,
) -> dict[str, int]:
    """Write the page and return the number of nodes by status.

    Without segment lists, the page has no counts and no funnel.

    Raises:
        MMABenchError: an input is invalid; nothing was written.
    """
    ontology, rules = read_ontology(ontology_path), read_rules(rules_path)
    decisions = decide_nodes(rules, ontology)
    lists = judge_lists(ontology, rules, segment_paths, skip_bad_rows=skip_bad_rows, report=report)
    summary = summarise(lists, list(rules.classes))
    labelled, deciding = count_labels(lists, ontology)
    by_status = Counter(decision.status for decision in decisions.values())
    statuses = [(status, STATUS_TEXT[status], by_status[status]) for status in Status if by_status[status]]
    page = _render(
        rules=rules,
        rules_file=rules_path.name,
        rules_sha256=sha256_file(rules_path),
        ontology_file=ontology_path.name,
        ontology_sha256=sha256_file(ontology_path),
        nodes=len(ontology),
        statuses=statuses,
        summary=summary,
        warnings=warnings(summary),
        funnel=draw_funnel(summary) if lists else None,
        classes=_class_rows(rules, ontology, decisions, summary),
        most=max([1, *summary.classes.values()]),
        tree=[tree_node(root, ontology, decisions, labelled, deciding) for root in ontology.roots],
    )
    write_text(out, page)
    return {status.value: count for status, _, count in statuses}


def count_labels(lists: Sequence[JudgedList], ontology: Ontology) -> tuple[Counter[str], Counter[str]]:
    """Return for each node how many clips have it as a label, and how many candidates it decides."""
    ids = list(ontology.nodes)
    labelled: Counter[str] = Counter()
    deciding: Counter[str] = Counter()
    for judged in lists:
        if judged.sets is None:
            continue
        for found, sets, nodes in (
            (labelled, judged.label_set, judged.sets.nodes),
            (deciding, judged.label_set[judged.label >= 0], judged.sets.deciding),
        ):
            clips = np.repeat(np.bincount(sets, minlength=len(nodes)), np.diff(nodes.offsets.to_numpy()))
            counts = np.bincount(nodes.flatten().to_numpy(), weights=clips, minlength=len(ids))
            found.update({id_: int(count) for id_, count in zip(ids, counts, strict=True)})
    return labelled, deciding


def tree_node(
    node_id: str,
    ontology: Ontology,
    decisions: dict[str, Decision],
    labelled: Counter[str],
    deciding: Counter[str],
    parent: str | None = None,
) -> TreeNode:
    """Return ``node_id`` as a line below ``parent``, with all lines below it."""
    node, decision = ontology.nodes[node_id], decisions[node_id]
    children = [tree_node(child, ontology, decisions, labelled, deciding, parent=node_id) for child in node.child_ids]
    named_above = decision.source is not None and decision.source != node_id
    return TreeNode(
        name=node.name,
        id=node_id,
        decision=decision,
        source=ontology.name(decision.source) if decision.source and named_above else None,
        elsewhere=tuple(ontology.name(other) for other in ontology.parents[node_id] if other != parent),
        restrictions=node.restrictions,
        description=node.description,
        labelled=labelled[node_id],
        deciding=deciding[node_id],
        open=parent is None,
        children=tuple(children),
    )


def _class_rows(rules: Rules, ontology: Ontology, decisions: dict[str, Decision], summary: Summary) -> list[ClassRow]:
    rows = []
    for name, rule in rules.classes.items():
        roots = [ontology.resolve(text) for text in rule.roots]
        below = set[str]().union(*map(ontology.subtree, roots))
        lost = [id_ for id_ in ontology.nodes if id_ in below and decisions[id_].label != name]
        taken_away = [f"{ontology.name(id_)} ({decisions[id_].label or decisions[id_].status})" for id_ in lost]
        rows.append(
            ClassRow(
                name=name,
                roots=tuple(map(ontology.name, roots)),
                reason=rule.reason,
                nodes=len(below) - len(lost),
                taken_away=tuple(taken_away),
                counts=tuple(part.classes[name] for part in summary.lists),
            )
        )
    return rows


def _render(*, funnel: FunnelPlot | None, **values: Any) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # The same colours and fonts as the report's pages.
    palette = Markup((TEMPLATES / "palette.css").read_text(encoding="utf-8"))  # noqa: S704  (our own file)
    environment.filters["thousands"] = lambda number: f"{number:,}"
    return environment.get_template("ontology_page.html.jinja").render(funnel=funnel, palette=palette, **values)
