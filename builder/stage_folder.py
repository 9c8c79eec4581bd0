"""The folder of a stage, and what it tells about the stage's state."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from datatrove.pipeline.base import PipelineStep

from builder.clip_step import part_path
from builder.executors import ExecutorSettings, make_executor
from builder.executors.earlier_job import end_earlier_job
from builder.manifest_file import Manifest
from builder.processes import wait_for_workers
from builder.progress import progress_bar
from builder.results import Results
from mma_bench.files.atomic import write_json
from mma_bench.files.documents import parse_json

_LOGS = "log"


@dataclass(frozen=True)
class StageFolder:
    """The folder of one stage below the work folder, and its state."""

    path: Path

    @property
    def manifest(self) -> Path:
        """The stage's result."""
        return self.path / "manifest.parquet"

    def is_finished(self, inputs: str) -> bool:
        """Whether the stage is finished with exactly these inputs."""
        return self._read("finished.json") == inputs and self.manifest.is_file()

    def begin(self, inputs: str, tasks: int) -> int:
        """Keep the tasks that an interrupted run with the same inputs completed, and no others.

        Returns:
            the number of this run of the stage.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        end_earlier_job(self.path)
        wait_for_workers(self.path / _LOGS)
        _remove_leftovers(self.path)
        for name in ("finished.json", "manifest.parquet"):
            (self.path / name).unlink(missing_ok=True)
        shutil.rmtree(self.path / "progress", ignore_errors=True)
        if self._read("started.json") != [inputs, tasks]:
            self.forget_tasks()
            write_json(self.path / "started.json", [inputs, tasks])
        before = self._read("run.json")
        run = 1 + max(before if isinstance(before, int) else 0, Results(self.path).last_run())
        write_json(self.path / "run.json", run)
        return run

    @property
    def parts(self) -> Path:
        """Where the tasks of the stage leave their rows.

        Its name has a hash of the stage's inputs: a task of an earlier run, on a node that was believed lost, must not
        mix rows that it made with other settings with those of this run. So has that of the logs, which have the marks
        of finished tasks.
        """
        return self.path / "parts" / self._of_this_run

    @property
    def log(self) -> Path:
        """Where the logs of the tasks and the marks of finished ones are."""
        return self.path / _LOGS / self._of_this_run

    @property
    def _of_this_run(self) -> str:
        started = self._read("started.json")
        return str(started[0])[:16] if isinstance(started, list) and started else "unknown"

    def forget_finish(self) -> None:
        """Let the stage be unfinished."""
        (self.path / "finished.json").unlink(missing_ok=True)

    def forget_tasks(self) -> None:
        """Let all tasks run again."""
        for name in (_LOGS, "parts"):
            shutil.rmtree(self.path / name, ignore_errors=True)

    def rows_of_tasks(self, tasks: int) -> Iterator[pa.Table]:
        """Yield the rows that the tasks wrote, in the order of the tasks."""
        for rank in range(tasks):
            yield from Manifest(part_path(self.parts, rank)).tables()

    def finish(self, inputs: str) -> None:
        """Mark the stage as finished; its task files are no longer needed."""
        # In this order: marks of finished tasks must not count again when the stage has to run once more.
        (self.path / "started.json").unlink(missing_ok=True)
        write_json(self.path / "finished.json", inputs)
        for name in ("parts", "progress"):
            shutil.rmtree(self.path / name, ignore_errors=True)

    def run_pipeline(
        self,
        pipeline: Sequence[PipelineStep],
        executor: ExecutorSettings,
        *,
        title: str,
        items: int,
        tasks: int,
    ) -> None:
        """Run ``pipeline`` with datatrove, its logs and completion markers in this folder."""
        with progress_bar(title, items, self.path):
            make_executor(executor, pipeline, self.log, tasks=tasks, name=title).run()

    def _read(self, name: str) -> Any:
        try:
            return parse_json((self.path / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None


def _remove_leftovers(folder: Path) -> None:
    """Remove what a killed run left under a temporary name; `os.walk` lists a million files in a second."""
    for parent, folders, files in os.walk(folder):
        for name in files:
            if name.startswith(".tmp-"):
                (Path(parent) / name).unlink(missing_ok=True)
        for name in folders:
            if name.startswith(".tmp-"):
                shutil.rmtree(Path(parent) / name, ignore_errors=True)


def forget_failures(folder: Path, results: Results, worth_another_try: Callable[[str], bool]) -> int:
    """Forget the clips that the stage in ``folder`` dropped for a temporary reason; return their number.

    The next run of the stage requests only these clips again.
    """

    def forgets(text: str) -> bool:
        if '"dropped_by"' not in text:  # kept, which most clips are
            return False
        found = parse_json(text)
        return bool(found["dropped_by"] == folder.name and worth_another_try(found["reason"]))

    def unfinished() -> None:  # before anything is forgotten: a kill in between must not leave the stage finished
        for name in ("finished.json", "started.json"):
            (folder / name).unlink(missing_ok=True)

    return results.forget(forgets, before=unfinished)
