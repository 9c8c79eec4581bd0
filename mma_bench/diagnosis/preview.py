"""What a dry run of a diagnosis reports."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mma_bench.console.dry_run import DryRun, check_space
from mma_bench.dataset.load import Benchmark, load
from mma_bench.diagnosis.run import chosen_parts, default_conditions, require_family
from mma_bench.evaluation.protocols import apply_protocol, load_protocol, model_options
from mma_bench.models import preview as preview_model

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
) -> DryRun:
    """Return what `diagnose` would do; no weights are loaded."""
    found = DryRun()
    rules = found.attempt(lambda: load_protocol(protocol))
    kinds = found.attempt(lambda: chosen_parts(parts))
    if rules:
        line = found.attempt(lambda: _model(model, model_options(rules, model, options)))
        found.lines += [line] if line else []

    def asked() -> Benchmark:
        wanted = condition or default_conditions(data, split)
        stored = load(data, condition=wanted, split=split, limit=limit)
        return apply_protocol(rules, stored) if rules else stored

    benchmark = found.attempt(asked)
    if benchmark:
        found.lines.append(f"data {data}: {len(benchmark)} questions about {len(benchmark.samples)} stimuli")
        space = found.attempt(lambda: check_space(run, len(benchmark) * _BYTES_PER_QUESTION, "diagnosis"))
        found.lines += [space] if space else []
    if kinds:
        found.lines.append(f"parts: {', '.join(kind.name for kind in kinds)}")
    return found


def _model(model: str, options: Mapping[str, str]) -> str:
    require_family(model)
    return preview_model(model, options)
