"""The contract of a stage: what one has to define, and nothing about how it is run.

A stage takes the clips of a manifest and returns the same clips, each with what the stage found out or with the reason
why it is dropped. There are two kinds: a `ClipStage` looks at one clip at a time, a `WholeStage` at all of them.
Everything else is done once for all stages: `builder/run_stage.py` skips what is finished, resumes, retries and shows
progress, and `builder/pipeline.py` has the order of the stages.
"""

import functools
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from builder.manifest import ManifestRow
from mma_bench.files.hashing import sha256_json
from mma_bench.models.own import module_hash

if TYPE_CHECKING:
    import pyarrow as pa
    from datatrove.pipeline.base import PipelineStep

    from builder.executors import ExecutorSettings
    from builder.manifest_file import Manifest

_CODE = re.compile(r"[a-z0-9_ -]{1,60}")
_SECONDS_BETWEEN_NOTES = 0.2


class Dropped(Exception):  # noqa: N818  (an outcome of a clip, not an error of the program)
    """A clip cannot be used.

    Attributes:
        reason: a code that the funnel counts, such as `no_audio_stream`.
        detail: one sentence for a person, without paths of this machine.
    """

    def __init__(self, reason: str, detail: str) -> None:
        if not _CODE.fullmatch(reason):  # a dataset whose funnel has other reasons could not be read again
            raise ValueError(f"the reason {reason[:60]!r} is not a code of small letters, digits and underscores")
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Stage(ABC):
    """What both kinds of stages share.

    Args:
        folder: where the stage keeps its manifest and its files; named like the stage.
        settings: what the user set. The stage runs again when their `repr` changes.

    Attributes:
        name: name of the stage in the funnel, in reasons and in the work folder.
        counts_clips: whether the stage may drop clips. If not, it has no manifest and no line in the funnel.
    """

    name: str
    counts_clips: bool = True

    def __init__(self, folder: Path, settings: Any = None) -> None:
        self.folder = Path(folder)
        self.settings = settings

    @classmethod
    def of(cls, job: Any) -> Self:
        """Return the stage as a job (`builder.job.Job`) needs it."""
        return cls(job.folder(cls.name))

    @property
    def work(self) -> Path:
        """The work folder, where each stage has a folder of its name."""
        return self.folder.parent

    def prepare(self) -> None:
        """Do once in the main process what the stage needs before it looks at a clip. Raises MMABenchError."""
        return

    def inputs(self) -> Any:
        """Return what decides the result apart from settings and clips, such as hashes of files; JSON values."""
        return None

    @functools.cached_property
    def decided_by(self) -> list[Any]:
        """Everything that decides the result apart from the clips. It is read once and sent along to the tasks."""
        module = type(self).__module__
        own_code = [] if module.startswith("builder.") else [module_hash(module)]  # ours changes with the version
        return [self.name, repr(self.settings), self.inputs(), *own_code]

    def changes_nothing(self) -> bool:
        """Return whether the settings turn the stage off, so that all clips pass."""
        return False

    def summary(self) -> Sequence[str]:
        """Return lines to print when the stage has just finished."""
        return ()

    def executor(self, given: "ExecutorSettings") -> "ExecutorSettings":
        """Return where the tasks of this stage run, by default as the configuration says."""
        return given


@dataclass(frozen=True)
class WithColumns:
    """A row, and the values of the stage's own columns.

    Attributes:
        row: what `ClipStage.process` would return without them.
        columns: by the name of the column; see `ClipStage.columns`.
    """

    row: ManifestRow
    columns: Mapping[str, Any]


class ClipStage(Stage):
    """Looks at clips one by one, in parallel tasks, and never at the same clip twice.

    The result of a clip is recorded with a hash of what it was made from, so that a killed stage continues at the clip
    where it stopped.
    """

    @classmethod
    def columns(cls) -> "pa.Schema | None":
        """Return columns of the stage's own, for what is too large for a manifest that every stage reads.

        They are in the stage's `results.parquet`; see `builder.results`.
        """
        return None

    @abstractmethod
    def process(self, row: ManifestRow) -> ManifestRow | WithColumns:
        """Return ``row`` with what this stage found out, or raise `Dropped`."""

    def decide(self, row: ManifestRow) -> ManifestRow:
        """Return ``row`` with what follows from its findings, or drop it.

        This is not recorded but done again in each run, so a threshold used here can change without `process`.
        """
        return row

    def outputs(self, clip_id: str, media: str | None) -> list[Path]:
        """Return the files that a finished clip must have on disk.

        Args:
            clip_id: the clip; `builder.media_folder.clip_file` spreads files over subfolders.
            media: its fetched file, as in the manifest.
        """
        return []

    def clip_inputs(self, row: ManifestRow) -> Any:
        """Return what decides the findings about ``row``; with the same inputs `process` is not called again."""
        return [*self.decided_by, row.model_dump(mode="json")]

    def record_key(self, row: ManifestRow) -> str:
        """Return the hash of `clip_inputs`."""
        return sha256_json(self.clip_inputs(row))

    def retry(self) -> Callable[[str], bool] | None:
        """Return what tells by its reason whether a dropped clip is worth another try; None if no clip is."""
        return None


class BatchStage(ClipStage):
    """A stage of clips whose work is faster for several clips together, such as a model's.

    Attributes:
        clips_at_a_time: number of clips that `process_batch` gets.
    """

    clips_at_a_time: int = 1

    @abstractmethod
    def process_batch(self, rows: Sequence[ManifestRow]) -> Iterator[ManifestRow | WithColumns]:
        """Yield each row as soon as it is finished, in any order; a dropped one too. Any error ends the stage."""

    def process(self, row: ManifestRow) -> ManifestRow | WithColumns:
        """Return ``row`` with what this stage found out."""
        return next(self.process_batch([row]))


@dataclass(frozen=True)
class Parallel:
    """Work of a `WholeStage` that is shared by parallel tasks before the stage looks at all clips.

    Attributes:
        title: what the progress bar says.
        step: the datatrove block that does it.
        items: number of things to do.
        folder: where its logs and the marks of finished tasks are kept.
    """

    title: str
    step: "PipelineStep"
    items: int
    folder: Path


class WholeStage(Stage):
    """Looks at all clips at once, in the main process.

    Attributes:
        always_runs: whether the stage is cheaper to run than to recognise as finished.
        only_rows: whether `run` handles rows and files, and decodes no media: then the garbage collector works rarely.
    """

    always_runs: bool = False
    only_rows: bool = False

    @abstractmethod
    def run(self, clips: "Manifest") -> Iterable[ManifestRow]:
        """Return the kept ``clips`` in the same order, some of them dropped.

        Iterating over ``clips`` reads them one after the other, and what is returned is written one after the other:
        with a generator, two million clips take no more memory than a thousand. Clips that earlier stages dropped are
        not seen here. The first stage gets no clips.
        """

    def parallel(self, clips: "Manifest") -> Parallel | None:
        """Return work on ``clips`` for parallel tasks to do before `run`; or None."""
        return None

    def files(self) -> list[Path]:
        """Return the files, apart from the manifest, that the finished stage must have on disk."""
        return []


@dataclass
class Progress:
    """Leaves the number of finished items of a task for the progress bar of the main process.

    Attributes:
        folder: folder of the stage.
        rank: number of the task.
        done: items that are finished.
    """

    folder: Path
    rank: int = 0
    done: int = 0
    _written: float = field(default=0.0, repr=False)

    def advance(self, items: int = 1) -> None:
        """Count ``items`` as finished."""
        self.done += items
        if time.monotonic() - self._written > _SECONDS_BETWEEN_NOTES:
            self.note()

    def note(self) -> None:
        """Write the number now."""
        path = self.folder / "progress" / f"{self.rank:05d}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(self.done), encoding="ascii")
        self._written = time.monotonic()
