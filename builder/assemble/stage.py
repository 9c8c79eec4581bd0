"""The `assemble` stage: partners, streams and questions of all clips."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from builder.assemble.encode import EncodeGraded
from builder.assemble.plan import AssemblePlan
from builder.assemble.stimuli import make_stimuli, write_stimuli
from builder.manifest import ManifestRow
from builder.stage import Parallel, WholeStage
from mma_bench.errors import MMABenchError
from mma_bench.schema import FORMAT_VERSION, Stimulus

if TYPE_CHECKING:
    from builder.run import Build

_NO_STIMULUS = "it has no part in the chosen conditions (streams that disagree are never aligned)"


class AssembleClips(WholeStage):
    """Turn the kept clips into stimuli, and drop the clips that make none. Partners are chosen among all clips."""

    name = "assemble"

    def __init__(self, plan: AssemblePlan) -> None:
        super().__init__(plan.folder)
        self.plan = plan

    @classmethod
    def of(cls, job: "Build") -> Self:
        """Return the stage as ``job`` needs it."""
        return cls(job.plan)

    def inputs(self) -> Any:
        """Return a hash of the plan, and the version of the stimuli's format."""
        return [self.plan.inputs(), FORMAT_VERSION]

    def files(self) -> list[Path]:
        """Return the file of the stimuli."""
        return [self.folder / "stimuli.parquet"]

    def parallel(self, rows: list[ManifestRow], source: Path) -> Parallel | None:
        """Return the encoding of graded streams, if there are any."""
        _need_clips(rows)
        if not self.plan.settings.graded:
            return None
        assembly = self.plan.assembly([row for row in rows if row.kept])
        items = sum(len(ids) for ids in assembly.graded_clips.values())
        folder = self.folder / "encode"
        return Parallel("graded", EncodeGraded(self.plan, source, folder), items, folder)

    def run(self, rows: list[ManifestRow]) -> list[ManifestRow]:
        """Write `stimuli.parquet`."""
        assembly = self.plan.assembly(rows)
        stimuli: list[Stimulus] = []
        results: list[ManifestRow] = []
        done = 0
        for row in rows:
            made = list(make_stimuli(assembly, row.to_clip())) if row.kept else []
            stimuli += made
            results.append(row if made or not row.kept else row.drop(self.name, "no_stimulus", _NO_STIMULUS))
            if row.kept:  # a list brings thousands of dropped rows along, and a note of each took most of the stage
                done += 1
                self.progress(done)
        write_stimuli(self.files()[0], sorted(stimuli, key=lambda stimulus: stimulus.key))
        return results


def _need_clips(rows: list[ManifestRow]) -> None:
    if not any(row.kept for row in rows):
        reasons = sorted({f"{row.dropped_by}: {row.reason}" for row in rows})
        raise MMABenchError(
            f"no clip of {len(rows)} is left ({', '.join(reasons)}); `python -m builder status` lists them"
        )
