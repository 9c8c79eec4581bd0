"""The dataset card: YAML for loaders, and text for people."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from builder.package.croissant import distribution, record_sets
from builder.package.figures import COMPOSITION, CONFLICTS
from builder.package.seal import FileHashes
from builder.package.settings import PackageSettings
from builder.package.shortcut_record import ShortcutRun
from mma_bench.dataset.columns import documentation
from mma_bench.dataset.composition import Composition
from mma_bench.dataset.layout import dataset_configs, dataset_features, table_cell
from mma_bench.files.text import one_line
from mma_bench.questions import find_variant
from mma_bench.schema import CONDITIONS, Clip, Stimulus

TEMPLATES = Path(__file__).resolve().parents[2] / "cards"
CITATION = "MMA-Bench, arXiv:2511.22826 (https://arxiv.org/abs/2511.22826)"
MANY_CLIPS = 100  # above this number, the attributions are only in metadata/clips.parquet


@dataclass(frozen=True)
class CardFacts:
    """The contents of the card."""

    title: str
    found: Composition
    credited: Sequence[Clip]
    """The clips, where they are few enough to be named."""
    funnel: list[dict[str, Any]]
    provenance: dict[str, Any]
    settings: PackageSettings
    removed: int
    """Ids in `removed_ids.txt`."""
    super_classes: Mapping[str, str]
    shortcuts: Sequence[ShortcutRun] = ()

    @property
    def ids_only(self) -> bool:
        """Whether the dataset contains no media."""
        return bool(self.provenance["licence_mode"] == "ids-only")


_FILES = {
    "README.md": "dataset_card.md.jinja",
    "LICENSE": "dataset_license.txt.jinja",
    "CHANGES.md": "dataset_changes.md.jinja",
}


def render(facts: CardFacts, folder: Path, hashes: FileHashes) -> dict[str, str]:
    """Return the texts of a dataset's folder by their names; tables and shards must already be in ``folder``."""
    environment = _environment()
    values = _values(facts)
    texts = {name: environment.get_template(template).render(values) for name, template in _FILES.items()}
    if values["eval_configs"]:
        texts["eval.yaml"] = environment.get_template("eval.yaml.jinja").render(values)
    croissant = environment.get_template("croissant.json.jinja").render(
        values, distribution=distribution(folder, hashes), record_sets=record_sets(ids_only=facts.ids_only)
    )
    texts["croissant.json"] = json.dumps(json.loads(croissant), indent=2, ensure_ascii=False) + "\n"
    return texts


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  (Markdown; labels and attributions go through the `cell` filter)
    )
    environment.filters["cell"] = table_cell
    environment.filters["line"] = one_line
    return environment


def _values(facts: CardFacts) -> dict[str, Any]:
    found = facts.found
    return {
        "facts": facts,
        "front_matter": yaml.safe_dump(_front_matter(facts), sort_keys=False, allow_unicode=True).rstrip(),
        "size": found.size_sentence(),
        "classes": found.classes(),
        "majority": max(found.seen.values(), default=0) / max(1, found.clips),
        "questions": found.questions(),
        "conditions": CONDITIONS,
        "meetings": _meetings(facts),
        "levels": found.graded(),
        "variants": [(name, count, find_variant(name)[0].description) for name, count in found.stored_variants()],
        "columns": documentation(Stimulus),
        "clip_columns": documentation(Clip),
        "notices": facts.provenance.get("notices", []),
        "notes": sorted(found.notes),
        "licences": found.licences.most_common(),
        "credited": facts.credited,
        "mode": facts.provenance["licence_mode"],
        "where": facts.settings.hub_name or "mma-bench",
        "url": f"https://huggingface.co/datasets/{facts.settings.hub_name}" if facts.settings.hub_name else "./",
        "name": (facts.settings.hub_name or "mma-bench").rpartition("/")[2],
        "citation": CITATION,
        "sources": sorted(found.sources),
        "verified": sorted((name, count) for name, count in found.verified.items() if name != "unverified"),
        "eval_configs": [] if facts.ids_only else _test_configs(facts),
        "figure": COMPOSITION,
    }


def _meetings(facts: CardFacts) -> dict[str, Any]:
    """Return the card's text on which classes are combined in misaligned stimuli."""
    counts = facts.found.meetings()
    if not counts:
        return {}
    groups = facts.super_classes
    known = {pair: n for pair, n in counts.items() if pair[0] in groups and pair[1] in groups}
    return {
        "rows": facts.found.meeting_rows(),
        "pairs": sum(counts.values()),
        "kinds": len(counts),
        "most": max(counts.values()),
        "same": sum(n for (video, audio), n in known.items() if groups[video] == groups[audio]) if known else None,
        "policy": facts.provenance["config"].get("assemble", {}).get("partners", "any_other_class"),
        "figure": CONFLICTS,
    }


def _test_configs(facts: CardFacts) -> list[str]:
    configs = _configs(facts.found, ids_only=False)
    return [config["config_name"] for config in configs if config["data_files"][0]["split"] == "test"]


def _configs(found: Composition, *, ids_only: bool) -> list[dict[str, Any]]:
    return dataset_configs(found.test_conditions, has_training=found.has_training, ids_only=ids_only)


def _front_matter(facts: CardFacts) -> dict[str, Any]:
    licences = list(facts.found.licences)
    configs = _configs(facts.found, ids_only=facts.ids_only)
    names = [config["config_name"] for config in configs]
    return {
        "pretty_name": one_line(facts.title),
        "license": "other",
        "license_name": "per-clip" if len(licences) > 1 else one_line(next(iter(licences), "unknown")),
        "license_link": "LICENSE",
        "task_categories": ["video-classification", "audio-classification", "visual-question-answering"],
        "tags": ["audio-visual", "modality-conflict", "benchmark", "webdataset", "video", "audio"],
        "size_categories": [_size_category(facts.found.stimuli)],
        "configs": configs,
        "dataset_info": [
            {"config_name": name, "features": dataset_features(name, ids_only=facts.ids_only)} for name in names
        ],
    }


def _size_category(count: int) -> str:
    for limit, name in (
        (1_000, "n<1K"),
        (10_000, "1K<n<10K"),
        (100_000, "10K<n<100K"),
        (1_000_000, "100K<n<1M"),
    ):
        if count < limit:
            return name
    return "n>1M"
