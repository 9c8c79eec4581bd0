"""What belongs to a work folder as a whole: its lock, and the list of its stages."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from builder.pipeline import BUILD
from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import write_json
from mma_bench.files.documents import parse_json
from mma_bench.files.lock import open_locked

_STAGES = "stages.json"


@contextmanager
def only_build_in(work: Path) -> Iterator[None]:
    """Hold a lock on ``work``; it ends with the process, however that ends."""
    try:
        work.mkdir(parents=True, exist_ok=True)
        lock = open_locked(work / ".lock", wait=False, holder="process")  # datatrove's forked manager must not have it
    except BlockingIOError as error:
        raise MMABenchError(f"another build is using {work}; wait for it or choose another --work") from error
    except OSError as error:
        raise MMABenchError(f"cannot use the work folder {work}: {error.strerror}; choose another --work") from error
    with lock:
        lock.truncate(0)
        lock.write(str(os.getpid()).encode("ascii"))
        lock.flush()
        yield


def note_stages(work: Path, names: Sequence[str]) -> None:
    """Note the stages that have a manifest, in their order, for those who look at ``work`` later."""
    write_json(work / _STAGES, list(names))


def stages_in(work: Path) -> list[str]:
    """Return the stages that have a manifest in ``work``, in their order; those of a build where nothing is noted."""
    try:
        names = parse_json((work / _STAGES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        names = None
    if isinstance(names, list) and names and all(isinstance(name, str) for name in names):
        return names
    return [entry.name for entry in BUILD if entry.counts_clips]


def manifest_of(work: Path, stage: str) -> Path:
    """Return the manifest that ``stage`` writes."""
    return work / stage / "manifest.parquet"


def manifest_before(work: Path, stage: str) -> Path | None:
    """Return the manifest that ``stage`` reads in ``work``; None if that work folder has no such stage."""
    names = stages_in(work)
    at = names.index(stage) if stage in names else 0
    return manifest_of(work, names[at - 1]) if at else None
