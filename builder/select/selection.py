"""The stage: ontology, rules and segment lists in; candidates, dropped rows and provenance out."""

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from builder.select.decisions import decide_nodes
from builder.select.judged_list import JudgedList, judge_list, without_duplicates
from builder.select.label_filter import LabelFilter
from builder.select.official import agreement, keep_official, official_classes, official_list
from builder.select.ontology import Node, Ontology, read_ontology
from builder.select.rules import DEFAULT_RULES, Rules, read_rules
from builder.select.segments import read_segments
from builder.select.summary import Summary, summarise
from builder.select.tables import write_tables
from mma_bench import __version__
from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import write_json
from mma_bench.files.hashing import sha256_file, sha256_json

Report = Callable[[str], None]


@dataclass(frozen=True)
class Selection:
    """Result of the stage."""

    candidates: Path
    dropped: Path
    provenance: Path
    summary: Summary


def judge_lists(
    ontology: Ontology,
    rules: Rules,
    segment_paths: Sequence[Path],
    *,
    skip_bad_rows: bool = False,
    report: Report = lambda _: None,
) -> list[JudgedList]:
    """Read segment lists and judge every row.

    Raises:
        MMABenchError: a list cannot be read, two lists have the same name, or the rules leave a node undecided.
    """
    names = [path.stem for path in segment_paths]
    if twice := {name for name in names if names.count(name) > 1}:
        raise MMABenchError(
            f"two segment lists are called {twice.pop()}: rename one, the tables tell them apart by name"
        )
    label_filter = LabelFilter(ontology, decide_nodes(rules, ontology), list(rules.classes))
    lists: list[JudgedList] = []
    for path in segment_paths:
        report(f"reading {path.name}")
        segments = read_segments(path, ontology.nodes, skip_bad_rows=skip_bad_rows)
        report(f"judging {len(segments.table):,} segments")
        lists.append(without_duplicates(judge_list(segments, label_filter), lists))
    return lists


def select(
    out: Path,
    *,
    ontology_path: Path | None = None,
    segment_paths: Sequence[Path] = (),
    rules_path: Path = DEFAULT_RULES,
    official: bool = False,
    skip_bad_rows: bool = False,
    report: Report = lambda _: None,
) -> Selection:
    """Write the candidates to ``out``, and the other rows and the provenance next to it.

    Args:
        out: Parquet file for the candidates. `NAME.dropped.parquet` and `NAME.provenance.json` are next to it.
        ontology_path: AudioSet's `ontology.json`. May be left out with ``official`` and no lists.
        segment_paths: Segment lists in AudioSet's format.
        rules_path: Rules file.
        official: Select exactly the 658 published clips; lists, if any, are checked against them.
        skip_bad_rows: Skip damaged rows and count them.
        report: Called with a description of each step.

    Raises:
        MMABenchError: an input is invalid; nothing was written.
    """
    if out.suffix != ".parquet":
        raise MMABenchError(f"{out}: the candidates are a Parquet file; call it {out.with_suffix('.parquet').name}")
    inputs: dict[str, Any] = {}
    published: dict[str, int] | None = None
    nodes: Sequence[Node] = ()
    if official and not segment_paths:
        lists = [official_list()]
        names = official_classes()
    else:
        if ontology_path is None or not segment_paths:
            raise MMABenchError("give --ontology and at least one --segments, or --preset official alone")
        ontology, rules = read_ontology(ontology_path), read_rules(rules_path)
        lists = judge_lists(ontology, rules, segment_paths, skip_bad_rows=skip_bad_rows, report=report)
        names, nodes = list(rules.classes), list(ontology.nodes.values())
        inputs = _input_hashes(ontology_path, rules_path, rules)
        published = agreement(lists, names)
        if official:
            lists, names = keep_official(lists), official_classes()
    report("writing tables")
    summary = summarise(lists, names, published)
    selection = Selection(out, out.with_suffix(".dropped.parquet"), out.with_suffix(".provenance.json"), summary)
    selection.provenance.unlink(missing_ok=True)  # its presence shows that both tables are complete and belong together
    node_names, node_ids = (pa.array([getattr(node, name) for node in nodes], pa.string()) for name in ("name", "id"))
    write_tables(lists, node_names, node_ids, candidates=selection.candidates, dropped=selection.dropped)
    settings = {"preset": "official" if official else None, "skip_bad_rows": skip_bad_rows}
    write_json(selection.provenance, _provenance(selection, inputs, settings))
    return selection


def _input_hashes(ontology_path: Path, rules_path: Path, rules: Rules) -> dict[str, Any]:
    return {
        "ontology": {"file": ontology_path.name, "sha256": sha256_file(ontology_path)},
        "rules": {
            "file": rules_path.name,
            "name": rules.name,
            "sha256": sha256_file(rules_path),
            "content_sha256": sha256_json(rules.model_dump(mode="json")),  # the same with other comments
        },
    }


def _provenance(selection: Selection, inputs: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    return {
        "stage": "select",
        "settings": settings,
        "inputs": inputs,
        "counts": selection.summary.as_dict(),
        "outputs": {path.name: sha256_file(path) for path in (selection.candidates, selection.dropped)},
        "versions": {"mma_bench": __version__, "pyarrow": pa.__version__, "python": platform.python_version()},
    }
