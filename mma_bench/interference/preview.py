"""What a dry run of interventions reports."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mma_bench.console.dry_run import DryRun, check_space
from mma_bench.errors import MMABenchError
from mma_bench.evaluation.people import refuse_open_quiz
from mma_bench.evaluation.run_folder import read_head
from mma_bench.extras import require
from mma_bench.interference.against import check_other, open_other
from mma_bench.interference.protocol import KINDS, TaskKind
from mma_bench.interference.run import Questions, read_data
from mma_bench.interference.run_head import HEAD_FILE, Head, asked_of
from mma_bench.interference.stimuli import make_plan
from mma_bench.models import preview as preview_model

_BYTES_PER_QUESTION = 4_000


def preview(
    model: str,
    data: str,
    *,
    run: Path,
    options: Mapping[str, str],
    against: Path | None,
    overwrite: bool = False,
    **settings: Any,
) -> DryRun:
    """Return what `interfere` would do; no weights are loaded.

    Args:
        model: its name.
        data: as in `interfere`.
        run: folder of the run.
        options: settings of the model.
        against: folder of another run.
        overwrite: whether existing answers are discarded.
        settings: of `read_data`.
    """
    found = DryRun()
    line = found.attempt(lambda: preview_model(model, options))
    found.lines += [line] if line else []
    questions = found.attempt(lambda: read_data(data, compares_names=False, **settings))
    if questions:
        _say_questions(found, data, questions, run)
    asked = asked_of(questions, str(settings.get("split", "test"))) if questions else None
    found.attempt(lambda: _check_folder(run, model, asked, overwrite=overwrite))
    if against:
        found.attempt(lambda: check_other(open_other(against), against, asked, run))
    return found


def _check_folder(run: Path, model: str, asked: tuple[Any, ...] | None, *, overwrite: bool) -> None:
    """Check what is known of the folder before the model is loaded: `interfere` checks its fingerprint, too."""
    refuse_open_quiz(run)
    earlier = read_head(run, HEAD_FILE, Head, what="a run of interventions")
    if earlier is None or overwrite:
        return
    names = [name.partition("@")[0] for name in (earlier.model, model)]  # addresses can be written in several ways
    is_another = names[0] != names[1] and not model.startswith("python:")  # whose name the class decides
    if is_another or asked not in (None, earlier.asked):
        raise MMABenchError(
            f"{run} holds answers of {earlier.model} about {earlier.data}, of another model, protocol, columns, pool "
            "or state of the data; choose another --run, or --overwrite to ask everything again"
        )


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
    if protocol.distractors == "hard":
        found.attempt(lambda: require("hard distractors", ("onnxruntime", "transformers"), "models"))
        found.lines.append("hard distractors: chosen by the names of the classes when questions are asked")
    if plan:
        total = len(plan.asked) + len(plan.clean)
        found.lines += plan.lines()
        found.lines.append(f"{total:,} questions about {len(plan.samples):,} stimuli, for a model that takes all media")
        space = found.attempt(lambda: check_space(run, total * _BYTES_PER_QUESTION, "run"))
        found.lines += [space] if space else []
