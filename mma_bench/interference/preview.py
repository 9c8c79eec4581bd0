"""What a dry run of interventions reports."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mma_bench.console.dry_run import DryRun, check_space
from mma_bench.interference.against import open_other
from mma_bench.interference.protocol import KINDS, TaskKind
from mma_bench.interference.run import Questions, read_data
from mma_bench.interference.stimuli import make_plan
from mma_bench.models import preview as preview_model

_BYTES_PER_QUESTION = 4_000


def preview(
    model: str, data: str, *, run: Path, options: Mapping[str, str], against: Path | None, **settings: Any
) -> DryRun:
    """Return what `interfere` would do; no weights are loaded.

    Args:
        model: its name.
        data: as in `interfere`.
        run: folder of the run.
        options: settings of the model.
        against: folder of another run.
        settings: of `read_data`.
    """
    found = DryRun()
    line = found.attempt(lambda: preview_model(model, options))
    found.lines += [line] if line else []
    questions = found.attempt(lambda: read_data(data, **settings))
    if questions:
        _say_questions(found, data, questions, run)
    if against:
        found.attempt(lambda: open_other(against))
    return found


def _say_questions(found: DryRun, data: str, questions: Questions, run: Path) -> None:
    items = questions.found.items
    kinds: Sequence[str] = [
        f"{sum(item.kind is kind for item in items):,} {KINDS[kind]}"
        for kind in TaskKind
        if any(i.kind is kind for i in items)
    ]
    protocol = questions.protocol
    plan = found.attempt(
        lambda: make_plan(items, questions.rules, questions.pool, seed=protocol.seed, draws=protocol.draws)
    )
    found.lines.append(f"data {data}: {questions.found.form}, {', '.join(kinds)} questions without interventions")
    found.lines += questions.found.skipped.lines()
    found.lines.append(f"unrelated media: {questions.pool.described}")
    found.lines.append(f"protocol {protocol.title}: {', '.join(rule.label for rule in questions.rules)}")
    if plan:
        total = len(plan.asked) + len(plan.clean)
        found.lines.append(f"{total:,} questions about {len(plan.samples):,} stimuli, for a model that takes all media")
        space = found.attempt(lambda: check_space(run, total * _BYTES_PER_QUESTION, "run"))
        found.lines += [space] if space else []
