"""Put the shortcuts in a dataset on its card, from runs of models that were not given everything."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from builder.package.card import render
from builder.package.contents import card_facts, read_contents
from builder.package.replace import replaced
from builder.package.seal import FileHashes, fingerprint_of
from builder.package.shortcut_record import ShortcutRun, write_shortcuts
from mma_bench.errors import MMABenchError
from mma_bench.evaluation.rescoring import rescore
from mma_bench.evaluation.shortcuts import shortcuts_of
from mma_bench.files.atomic import write_text

CARD = "README.md"


def record_shortcuts(data: Path, runs: Sequence[Path]) -> list[ShortcutRun]:
    """Put what ``runs`` answered rightly about what they were not given on the card of the dataset in ``data``.

    It replaces what the card said before. Only the card, `metadata/shortcuts.json` and the list of hashes change, so
    runs about the dataset stay valid. The change is made in a folder next to it, which then replaces it: a kill leaves
    the dataset unchanged.

    Args:
        data: folder of the dataset.
        runs: finished runs about it, such as of `MODEL+blind`.

    Raises:
        MMABenchError: ``data`` is not a dataset, or a run is about other data, unfinished, given twice, or of a model
            that was given everything.
    """
    before = read_contents(data)
    found = [_shortcuts(data, folder) for folder in runs]
    for number, one in enumerate(found):
        if one in found[:number]:
            first, second = runs[found.index(one)], runs[number]
            raise MMABenchError(
                f"{first} and {second} are the same run of {one.model}; name one of them"
                if first.resolve() != second.resolve()
                else f"{second} is given twice; name each run once"
            )
    after = replace(before, shortcuts=found)
    with replaced(data, fingerprint_of(data)) as staging:
        write_shortcuts(staging, found)
        write_text(staging / CARD, render(card_facts(staging, after), staging, FileHashes(staging))[CARD])
    return found


def _shortcuts(data: Path, folder: Path) -> ShortcutRun:
    run = rescore(folder, data)
    if not run.run.withheld:
        # Nothing is withheld from a person, and +blind cannot follow another wrapper.
        is_plain = not run.run.is_person and "+" not in run.run.model
        who = f"{run.run.model}+blind, +deaf or +textonly" if is_plain else "a model with +blind, +deaf or +textonly"
        raise MMABenchError(
            f"{folder}: {run.run.model} was given video and audio, so its answers say nothing about shortcuts; "
            f"evaluate {who}"
        )
    if run.scores.missing or run.run.shard:
        raise MMABenchError(f"{folder} is not finished: {run.scores.missing} questions have no answer; finish it first")
    if not shortcuts_of(run.scores, run.run.withheld):
        raise MMABenchError(f"{folder} asked nothing about what its model was not given; evaluate other conditions")
    return ShortcutRun.of(run)
