"""The dataset card: YAML that loaders read, and text that people read."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from mma_bench.columns import documentation, sample_features
from mma_bench.schema import CONDITIONS, Clip, Modality, Stimulus

TEMPLATES = Path(__file__).resolve().parents[2] / "cards"
_MANY_CLIPS = 100  # beyond that the attributions stand in metadata/clips.parquet alone


@dataclass(frozen=True)
class CardFacts:
    """What the card tells."""

    title: str
    clips: Sequence[Clip]
    stimuli: Sequence[Stimulus]
    funnel: list[dict[str, Any]]
    provenance: dict[str, Any]


def render_card(facts: CardFacts) -> str:
    """Return the card as Markdown with YAML front matter."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  (Markdown; labels and attributions go through the `cell` filter)
    )
    environment.filters["cell"] = _table_cell
    classes = Counter(clip.visual_label for clip in facts.clips)
    heard = Counter(clip.audio_label for clip in facts.clips)
    return environment.get_template("dataset_card.md.jinja").render(
        facts=facts,
        front_matter=yaml.safe_dump(_front_matter(facts), sort_keys=False, allow_unicode=True).rstrip(),
        classes=[(name, classes[name], heard[name]) for name in sorted(classes | heard)],
        majority=max(classes.values(), default=0) / max(1, len(facts.clips)),
        questions=_question_counts(facts.stimuli),
        conditions=CONDITIONS,
        columns=documentation(Stimulus),
        clip_columns=documentation(Clip),
        verified=sorted(Counter(clip.verified_by for clip in facts.clips if clip.verified_by != "unverified").items()),
        notes=sorted({clip.notes for clip in facts.clips if clip.notes}),
        licences=Counter(clip.licence for clip in facts.clips).most_common(),
        credited=facts.clips if len(facts.clips) <= _MANY_CLIPS else [],
    )


def _front_matter(facts: CardFacts) -> dict[str, Any]:
    licences = {clip.licence for clip in facts.clips}
    configs = _configs(facts.stimuli)
    features = sample_features()._to_yaml_list()
    return {
        "pretty_name": facts.title,
        "license": "other",
        "license_name": "per-clip" if len(licences) > 1 else next(iter(licences), "unknown"),
        "task_categories": ["video-classification", "audio-classification", "visual-question-answering"],
        "tags": ["audio-visual", "modality-conflict", "benchmark", "webdataset", "video", "audio"],
        "size_categories": [_size_category(len(facts.stimuli))],
        "configs": configs,
        "dataset_info": [{"config_name": config["config_name"], "features": features} for config in configs],
    }


def _configs(stimuli: Sequence[Stimulus]) -> list[dict[str, Any]]:
    present = {stimulus.condition for stimulus in stimuli if stimulus.split == "test"}
    conditions = [name for name in CONDITIONS if name in present] + sorted(present - CONDITIONS.keys())
    configs: list[dict[str, Any]] = []
    if conditions:
        every = [f"data/{name}/test-*.tar" for name in conditions]
        configs.append({"config_name": "all", "default": True, "data_files": [{"split": "test", "path": every}]})
    for name in conditions:
        configs.append({"config_name": name, "data_files": [{"split": "test", "path": f"data/{name}/test-*.tar"}]})
    if any(stimulus.split == "train" for stimulus in stimuli):
        configs.append({"config_name": "train", "data_files": [{"split": "train", "path": "data/train/train-*.tar"}]})
    return configs


def _question_counts(stimuli: Sequence[Stimulus]) -> list[tuple[str, int, int, int]]:
    """Return (condition, stimuli, visual questions, audio questions), the conditions in their usual order."""
    asked = Counter((q.condition, q.modality) for s in stimuli if s.split == "test" for q in s.questions)
    carrying = Counter(name for s in stimuli if s.split == "test" for name in {q.condition for q in s.questions})
    names = [name for name in CONDITIONS if name in carrying] + sorted(carrying.keys() - CONDITIONS.keys())
    return [(name, carrying[name], asked[name, Modality.VISUAL], asked[name, Modality.AUDIO]) for name in names]


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


def _table_cell(text: str) -> str:
    """Return ``text`` so that it cannot break a Markdown table nor be read as HTML."""
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "&#124;"), ("`", "&#96;")):
        text = text.replace(character, entity)
    return " ".join(text.split())
