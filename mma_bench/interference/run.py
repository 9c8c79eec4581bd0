"""One run: data become questions, interventions change them, a model answers, and the effects are computed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mma_bench import __version__
from mma_bench.console.progress import activity, say
from mma_bench.errors import MMABenchError
from mma_bench.evaluation.emptiness import require_answers
from mma_bench.evaluation.store import AnswerKeys, AnswerStore
from mma_bench.files.hashing import sha256_json
from mma_bench.interference.against import Other, open_other
from mma_bench.interference.asking import announce, ask, missing_of, open_rounds
from mma_bench.interference.decisions import Decision, decisions_of, write_decisions
from mma_bench.interference.items import Item
from mma_bench.interference.page import write_page
from mma_bench.interference.pool import Pool, make_pool
from mma_bench.interference.protocol import KINDS, Protocol, load_protocol
from mma_bench.interference.results import Results, results_of
from mma_bench.interference.rules import NEEDS, Rule, rules_of, split_by_reach
from mma_bench.interference.run_head import Head, begin, check_folder
from mma_bench.interference.sources.found import Found
from mma_bench.interference.sources.read import read_items
from mma_bench.interference.stimuli import Plan, make_plan
from mma_bench.interference.writing import write_results
from mma_bench.models import load as load_model
from mma_bench.models.interface import Model
from mma_bench.probe import checked_reach, record_probe
from mma_bench.schema import Modality


@dataclass(frozen=True)
class Questions:
    """What is to be asked, whatever the model.

    Attributes:
        protocol: wording, options, interventions.
        rules: the interventions.
        found: items, and what could not be used.
        pool: unrelated pictures and sounds.
    """

    protocol: Protocol
    rules: Sequence[Rule]
    found: Found
    pool: Pool

    def plan(self, model: Model) -> tuple[Plan, list[str]]:
        """Return what ``model`` is asked, and what it cannot be, one line each.

        Raises:
            MMABenchError: nothing is left.
        """
        taken = model.modalities
        items = [item for item in self.found.items if _reaches(item, taken)]
        reaching, others = split_by_reach(self.rules, taken)
        lines = [
            f"{rule.label}: changes the {rule.intervention.changes}, which the model does not get" for rule in others
        ]
        if absent := len(self.found.items) - len(items):
            kinds = sorted({KINDS[item.kind] for item in self.found.items if not _reaches(item, taken)})
            lines.append(f"{absent} questions ({', '.join(kinds)}), whose media the model does not get")
        if not items:
            raise MMABenchError(f"{model.name} gets none of the media of these questions ({lines[-1]})")
        plan = make_plan(items, reaching, self.pool, seed=self.protocol.seed, draws=self.protocol.draws)
        return plan, [*lines, *plan.lines()]


def read_data(
    data: str | Path,
    *,
    protocol: str | Path | None = None,
    overrides: Sequence[str] = (),
    interventions: Sequence[str] | None = None,
    split: str = "test",
    limit: int | None = None,
    columns: Path | None = None,
    pictures: Path | None = None,
    sounds: Path | None = None,
    progress: bool = True,
    compares_names: bool = True,
) -> Questions:
    """Return the questions of any data; arguments as `interfere`.

    Without ``compares_names``, hard distractors are random: questions can be counted, and no text model is loaded.
    """
    rules = load_protocol(protocol, overrides)
    if interventions:
        rules = rules.changed(interventions=list(interventions))
    chosen = rules_of(rules)
    # What `all` means is part of what was asked: a package that adds an intervention asks something else.
    rules = rules.changed(interventions=[rule.label for rule in chosen])
    read = rules if compares_names else rules.changed(distractors="random")
    found = read_items(data, read, split=split, limit=limit, columns=columns, progress=progress)
    return Questions(rules, chosen, found, make_pool(found, rules, pictures, sounds, progress=progress))


def interfere(
    model: str | Model,
    data: str | Path,
    *,
    run: str | Path,
    options: Mapping[str, str] | None = None,
    protocol: str | Path | None = None,
    overrides: Sequence[str] = (),
    interventions: Sequence[str] | None = None,
    split: str = "test",
    limit: int | None = None,
    columns: str | Path | None = None,
    pictures: str | Path | None = None,
    sounds: str | Path | None = None,
    against: str | Path | None = None,
    overwrite: bool = False,
    check_reach: bool = True,
    progress: bool = True,
    allow_empty: bool = False,
) -> Results:
    """Measure how inputs that should not matter change the decisions of ``model``, and write the folder ``run``.

    An interrupted run resumes: questions that have an answer are not asked again.

    Args:
        model: a name for `mma_bench.models.load`, or a model.
        data: folder with a subfolder of pictures or sounds per class, folder of a Hugging Face dataset, table of
            questions, or mma-bench dataset; see docs/interference.md.
        run: folder for `index.html`, `results.json`, `decisions.parquet`, tables and figures.
        options: settings of the model by name, for a model given by name.
        protocol: YAML file with wording, options and interventions; by default the paper's.
        overrides: changes of the protocol, such as ``options=6``.
        interventions: names, or ``NAME:STRENGTH``; by default those of the protocol.
        split: of a dataset that has several.
        limit: maximum number of items of each kind.
        columns: YAML that names the columns of a table of questions.
        pictures: folder from which unrelated pictures are drawn.
        sounds: the same for sounds.
        against: folder of a finished run of the same questions, such as of the model before tuning, to compare with.
        overwrite: discard existing answers and start over.
        check_reach: check first whether the media reach the model.
        progress: show progress on standard error.
        allow_empty: compute results even if answers are empty because they were cut off, or half of all are empty.

    Raises:
        MMABenchError: an input cannot be used, ``run`` or ``against`` are of other questions, or too many answers are
            empty.
    """
    folder = Path(run)
    questions = read_data(
        data,
        protocol=protocol,
        overrides=overrides,
        interventions=interventions,
        split=split,
        limit=limit,
        columns=Path(columns) if columns else None,
        pictures=Path(pictures) if pictures else None,
        sounds=Path(sounds) if sounds else None,
        progress=progress,
    )
    with activity(f"loading {model}", show=progress and isinstance(model, str)):
        loaded = load_model(model, options) if isinstance(model, str) else model
        plan, left_out = questions.plan(loaded)
        fingerprint = loaded.fingerprint_for(question for sample in plan.clean for question in sample.questions)
    given: dict[str, Any] = {"data": str(data), "split": split, "limit": limit}
    paths = {"pictures": pictures, "sounds": sounds, "columns_file": columns, "against": against}
    given |= {name: str(path) if path else None for name, path in paths.items()}
    settings = options if options and isinstance(model, str) else {}
    given |= {"options": {name: str(setting) for name, setting in settings.items()}}
    head = _head(loaded, fingerprint, questions, plan, left_out, given)
    check_folder(folder, head, overwrite=overwrite)
    other = open_other(Path(against), head, folder) if against else None
    for line in (*questions.found.skipped.lines(), *(f"left out: {line}" for line in left_out)):
        say(f"note: {line}", show=progress)
    _ask(loaded, plan, folder, head, overwrite=overwrite, check_reach=check_reach, progress=progress)
    return _conclude(folder, head, plan, questions.rules, other, allow_empty=allow_empty, progress=progress)


def _ask(
    model: Model, plan: Plan, folder: Path, head: Head, *, overwrite: bool, check_reach: bool, progress: bool
) -> None:
    keys = AnswerKeys(head.model_fingerprint)
    rounds = open_rounds(plan, keys, set() if overwrite else AnswerStore(folder).read().keys())
    announce(model, plan, rounds, progress=progress)
    reach = None
    if model.takes_media and model.modalities and any(rounds):
        reach = checked_reach(model, check=check_reach, progress=progress, modalities=model.modalities)
    begin(folder, head, overwrite=overwrite, asks=any(rounds))
    if reach:
        record_probe(folder, reach)
    ask(model, plan, rounds, keys, folder, progress=progress)


def _conclude(
    folder: Path,
    head: Head,
    plan: Plan,
    rules: Sequence[Rule],
    other: Other | None,
    *,
    allow_empty: bool,
    progress: bool,
) -> Results:
    keys, answers = AnswerKeys(head.model_fingerprint), AnswerStore(folder).read()
    wanted = {key for asked in plan.asked.values() for key in keys.keys(asked.stimulus, asked.question, 2)}
    require_answers(
        head.model_fingerprint, [one for name, one in answers.items() if name in wanted], allow_empty=allow_empty
    )
    with activity("computing effects, drawing figures", show=progress):
        decisions: list[Decision] = decisions_of(plan, answers, keys)
        results = results_of(decisions, [rule.label for rule in rules], missing_of(plan, answers, keys))
        write_decisions(folder, decisions)
        differences = other.differences(decisions, results) if other else []
        write_results(folder, head, results, other, differences)
        write_page(folder, head, results, decisions, other, differences)
    return results


def _head(
    model: Model,
    fingerprint: dict[str, str],
    questions: Questions,
    plan: Plan,
    left_out: list[str],
    given: Mapping[str, Any],
) -> Head:
    items = {asked.item.item_id: asked.item for asked in plan.asked.values()}
    return Head(
        model=model.name,
        model_fingerprint=fingerprint,
        form=questions.found.form,
        data_sha256=questions.found.fingerprint,
        columns=questions.found.columns,
        items_sha256=sha256_json([items[name].identity for name in sorted(items)]),
        pool=questions.pool.described,
        pool_sha256=questions.pool.sha256,
        protocol=questions.protocol,
        protocol_sha256=questions.protocol.sha256,
        left_out=left_out,
        skipped=questions.found.skipped.to_json(),
        mma_bench=__version__,
        **given,
    )


def _reaches(item: Item, taken: Collection[Modality]) -> bool:
    needed = {NEEDS[channel] for channel in ("picture", "sound") if channel not in item.irrelevant}
    return needed <= {*taken}
