"""What a dry run of a diagnosis reports."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mma_bench.console.dry_run import DryRun, check_space
from mma_bench.diagnosis.asked import Asked, what_is_asked
from mma_bench.diagnosis.comparison import check_other
from mma_bench.diagnosis.parts.choice import chosen_parts
from mma_bench.diagnosis.run import head_of, require_family
from mma_bench.diagnosis.store import Diagnosis, Store, open_diagnosis
from mma_bench.evaluation.protocols import Protocol, load_protocol, model_options
from mma_bench.models import preview as preview_model
from mma_bench.models.omni.settings import parse_settings

_BYTES_PER_QUESTION = 300_000
"""Rough size of what is stored per question of a model with 28 layers and 28 heads."""


def preview(
    model: str,
    data: str | Path,
    *,
    run: Path,
    options: Mapping[str, str],
    parts: Sequence[str] | None,
    condition: Sequence[str] | None,
    split: str,
    limit: int | None,
    protocol: str,
    seed: int,
    against: Path | None,
    overwrite: bool,
) -> DryRun:
    """Return what `diagnose` would do; no weights are loaded."""
    found = DryRun()
    rules = found.attempt(lambda: load_protocol(protocol))
    kinds = found.attempt(lambda: chosen_parts(parts))
    line = found.attempt(lambda: _model(model, model_options(rules, model, options))) if rules else None
    found.lines += [line] if line else []
    asked = (
        found.attempt(lambda: what_is_asked(rules, data, condition=condition, split=split, limit=limit))
        if rules
        else None
    )
    if asked:
        questions = len(asked.benchmark)
        found.lines.append(f"data {data}: {questions} questions about {len(asked.benchmark.samples)} stimuli")
        space = found.attempt(lambda: check_space(run, questions * _BYTES_PER_QUESTION, "diagnosis"))
        found.lines += [space] if space else []
    if kinds:
        found.lines.append(f"parts: {', '.join(kind.name for kind in kinds)}")
    if rules and asked and line:
        head = _head(model, str(data), asked, rules, options, split=split, limit=limit, seed=seed)
        found.attempt(lambda: Store(run).check(head, overwrite=overwrite, loaded=False))
        if against:
            found.attempt(lambda: check_other(against, head))
    elif against:
        found.attempt(lambda: open_diagnosis(against))
    return found


def _head(
    model: str,
    data: str,
    asked: Asked,
    rules: Protocol,
    options: Mapping[str, str],
    **more: Any,
) -> Diagnosis:
    """Return the head as far as it is known without weights: its fingerprint holds the settings alone."""
    settings = parse_settings(model_options(rules, model, options)).deciding()
    return head_of(model, settings, data, asked, rules, options=options, parts=[], layers=0, heads=0, **more)


def _model(model: str, options: Mapping[str, str]) -> str:
    require_family(model, options.get("layout"))
    return preview_model(model, options)
