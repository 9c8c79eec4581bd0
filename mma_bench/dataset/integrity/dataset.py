"""All checks of a dataset's folder."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from mma_bench.dataset.integrity.card import check_card
from mma_bench.dataset.integrity.files import check_files
from mma_bench.dataset.integrity.problems import Problem
from mma_bench.dataset.integrity.shards import ShardChecks
from mma_bench.dataset.integrity.tables import check_tables, read_index, read_rows
from mma_bench.dataset.removed import RemovedIds, read_removed_ids
from mma_bench.errors import MMABenchError
from mma_bench.files.documents import parse_json
from mma_bench.files.regular import read_inside
from mma_bench.files.text import shown
from mma_bench.schema import FORMAT_VERSION, Clip, Stimulus

_SIGNS = ("metadata/stimuli.parquet", "metadata/clips.parquet", "metadata/provenance.json", "data", "index")


def verify_data(folder: Path) -> list[Problem]:
    """Return everything that is wrong with the dataset in ``folder``; an empty list means that it is sound.

    No file is extracted, executed or changed.

    Raises:
        MMABenchError: ``folder`` is no dataset at all.
    """
    if not any((folder / sign).exists() for sign in _SIGNS):
        raise MMABenchError(f"{folder} is not a dataset (no metadata, index or data); build or download one")
    problems: list[Problem] = []
    mode = _licence_mode(folder, problems)
    clips = read_rows(folder, "metadata/clips.parquet", Clip, problems)
    stimuli = read_rows(folder, "metadata/stimuli.parquet", Stimulus, problems)
    removed = _removed(folder, problems)
    problems += check_tables(clips, stimuli, removed)
    ids_only = mode == "ids-only"
    problems += _check_shards(folder, stimuli, ids_only=ids_only)
    problems += check_card(folder, clips, stimuli, ids_only=ids_only)
    problems += check_files(folder)
    return problems


def _licence_mode(folder: Path, problems: list[Problem]) -> str:
    where = "metadata/provenance.json"
    try:
        provenance = parse_json(read_inside(folder, where))
        mode = str(provenance["licence_mode"])
        if (version := provenance.get("format_version", 1)) != FORMAT_VERSION:
            what = f"the dataset has format {shown(str(version))}, this version reads {FORMAT_VERSION}; build it again"
            problems.append(Problem("wrong_format", where, what))
        return mode
    except FileNotFoundError:
        problems.append(Problem("missing_file", where, "it says how the dataset was made"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        problems.append(Problem("wrong_provenance", where, f"it names no licence_mode: {shown(str(error))}"))
    return "all" if (folder / "data").exists() else "ids-only"


def _removed(folder: Path, problems: list[Problem]) -> RemovedIds:
    try:
        return read_removed_ids(folder)
    except MMABenchError as error:
        problems.append(Problem("wrong_removed_ids", "removed_ids.txt", shown(str(error))))
        return RemovedIds()


def _check_shards(folder: Path, stimuli: Sequence[Stimulus], *, ids_only: bool) -> Iterator[Problem]:
    problems: list[Problem] = []
    index = read_index(folder, problems)
    yield from problems
    shards = {path.relative_to(folder).as_posix() for path in (folder / "data").rglob("*.tar")}
    if ids_only:
        for name in sorted({*shards, *index}):
            yield Problem("unexpected_file", shown(name), "an ids-only dataset holds no media")
        return
    for name in sorted(index.keys() - shards):
        yield Problem("missing_file", shown(name), "the index leads to this shard")
    checks = ShardChecks({stimulus.key: stimulus for stimulus in stimuli})
    for name in sorted(shards):
        yield from checks.check(folder, name, index.get(name, {}))
    yield from checks.missing()
