"""The folder of a stage, and what it tells about the stage's state."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datatrove.pipeline.base import PipelineStep

from builder.executors import ExecutorSettings, make_executor
from builder.manifest import ManifestRow, read_manifest
from builder.progress import progress_bar
from mma_bench.files.atomic import write_json
from mma_bench.files.documents import parse_json


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

    def begin(self, inputs: str, tasks: int) -> None:
        """Keep the tasks that an interrupted run with the same inputs completed, and no others."""
        self.path.mkdir(parents=True, exist_ok=True)
        for leftover in self.path.rglob(".tmp-*"):
            leftover.unlink(missing_ok=True)
        for name in ("finished.json", "manifest.parquet"):
            (self.path / name).unlink(missing_ok=True)
        shutil.rmtree(self.path / "progress", ignore_errors=True)
        if self._read("started.json") != [inputs, tasks]:
            self.forget_tasks()
            write_json(self.path / "started.json", [inputs, tasks])

    def forget_tasks(self) -> None:
        """Let all tasks run again."""
        for name in ("log", "parts"):
            shutil.rmtree(self.path / name, ignore_errors=True)

    def results(self, tasks: int) -> dict[str, ManifestRow]:
        """Return the rows that the tasks wrote, by clip."""
        parts = [read_manifest(self.path / "parts" / f"{rank:05d}.parquet") for rank in range(tasks)]
        return {row.clip_id: row for part in parts for row in part}

    def finish(self, inputs: str) -> None:
        """Mark the stage as finished; its task files are no longer needed."""
        write_json(self.path / "finished.json", inputs)
        (self.path / "started.json").unlink(missing_ok=True)
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
            make_executor(executor, pipeline, self.path / "log", tasks=tasks).run()

    def _read(self, name: str) -> Any:
        try:
            return parse_json((self.path / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None


def forget_failures(folder: Path, worth_another_try: Callable[[str], bool]) -> int:
    """Forget the clips that the stage dropped for a temporary reason; return their number.

    The next run of the stage requests only these clips again.
    """
    forgotten = 0
    for path in (folder / "records").glob("*.json"):
        try:
            found = parse_json(path.read_text(encoding="utf-8"))["found"]
            again = found["dropped_by"] == folder.name and worth_another_try(found["reason"])
        except (OSError, ValueError, KeyError, TypeError):
            continue  # a clip that was kept, or an incomplete record, which the stage does not use either
        if again:
            path.unlink(missing_ok=True)
            forgotten += 1
    if forgotten:
        for name in ("finished.json", "started.json"):
            (folder / name).unlink(missing_ok=True)
    return forgotten
