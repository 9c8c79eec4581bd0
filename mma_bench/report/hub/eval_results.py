"""Results in the hub's format, `.eval_results/*.yaml`: the model's page and the data set's leaderboard read them."""

import re

import yaml

from mma_bench import __version__
from mma_bench.errors import MMABenchError
from mma_bench.evaluation.statistics import AVERAGE_WORDS
from mma_bench.files.text import visible
from mma_bench.parsing import PARSER_VERSION
from mma_bench.report.average import average_of, headline_of
from mma_bench.report.facts import DataFacts
from mma_bench.report.runs import ScoredRun
from mma_bench.schema import CONDITIONS

PLACEHOLDER = "ORG/mma-bench"
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def dataset_id_of(facts: DataFacts, given: str | None) -> str:
    """Return the data set's name on the hub, or `PLACEHOLDER` where nothing tells it.

    Raises:
        MMABenchError: ``given`` is not of the form ORG/NAME.
    """
    if given is not None:
        if not _HUB_NAME.fullmatch(given):
            raise MMABenchError(f"--dataset-id {visible(given, one_line=True)!r} is not of the form ORG/NAME")
        return given
    return facts.name if _HUB_NAME.fullmatch(facts.name) else PLACEHOLDER


def eval_results_yaml(run: ScoredRun, facts: DataFacts, dataset_id: str) -> str | None:
    """Return the results of one run, or none if it has none for the data set's tasks.

    A run of a model that was not given a modality (`+blind`, `+deaf`, `+textonly`, a server without audio) has none: a
    leaderboard shows a number without its notes, next to those of models that saw and heard everything.

    A task is a media condition (`eval.yaml` of the data set); its value is the mean of the headline accuracies, in
    percent, of its modalities that can be answered. Dates are left out: the hub takes that of the commit.
    """
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml, parse_eval_result_entries

    if run.run.withheld:
        return None
    entries = []
    for condition in facts.conditions:
        cells = [cell for cell in run.scores.cells if cell.condition == condition.name and cell.answerable]
        known = CONDITIONS.get(condition.name)
        if not cells or known is None or known.changes != "media":
            continue
        found = [(cell, headline_of(cell, average_of(run))) for cell in cells]
        parts = [
            f"{cell.modality} {100 * accuracy.value:.1f} "
            f"[{100 * accuracy.low:.1f}, {100 * accuracy.high:.1f}], n={cell.questions}"
            for cell, accuracy in found
        ]
        entries.append(
            EvalResultEntry(
                dataset_id=dataset_id,
                task_id=condition.name,
                value=round(100 * sum(accuracy.value for _, accuracy in found) / len(found), 2),
                notes=f"accuracy in percent ({AVERAGE_WORDS[average_of(run)]}) [95% interval]: {'; '.join(parts)}. "
                f"{run.protocol_text}, "
                f"mma-bench {__version__}, parser {PARSER_VERSION}, data {facts.sha256[:12]}",
            )
        )
    if not entries:
        return None
    text: str = yaml.safe_dump(eval_result_entries_to_yaml(entries), sort_keys=False, allow_unicode=False, width=1000)
    if parse_eval_result_entries(yaml.safe_load(text)) != entries:
        raise MMABenchError("the hub's results would not be read back as written; report this as a bug")
    return f"{_head(dataset_id)}{text}"


def _head(dataset_id: str) -> str:
    if dataset_id != PLACEHOLDER:
        return ""
    return f"# Replace {PLACEHOLDER} by the data set's name on the hub, or write the report with --dataset-id.\n"
