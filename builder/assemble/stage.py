"""The `assemble` stage: partners, streams and questions of all clips."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from builder.assemble.encode import EncodeGraded
from builder.assemble.plan import AssemblePlan
from builder.assemble.stimuli import make_stimuli
from builder.assemble.stimuli_file import StimuliWriter
from builder.funnel import Funnel
from builder.manifest import ManifestRow
from builder.manifest_file import Manifest
from builder.stage import Parallel, WholeStage
from mma_bench.errors import MMABenchError
from mma_bench.schema import FORMAT_VERSION

if TYPE_CHECKING:
    from builder.run import Build

_NO_STIMULUS = "it has no part in the chosen conditions (streams that disagree are never aligned)"


class AssembleClips(WholeStage):
    """Turn the kept clips into stimuli, and drop the clips that make none. Partners are chosen among all clips."""

    name = "assemble"
    only_rows = True

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

    def parallel(self, clips: Manifest) -> Parallel | None:
        """Return the encoding of graded streams, if there are any."""
        _need_clips(clips)
        if not self.plan.settings.graded or clips.path is None:
            return None
        assembly = self.plan.assembly(clips)
        if assembly.targets is not None:
            assembly.targets.unmatched(assembly.clips)  # raises if the list is for other clips
        items = sum(len(ids) for ids in assembly.graded_clips.values())
        folder = self.folder / "encode"
        return Parallel("graded", EncodeGraded(self.plan, clips.path, folder), items, folder)

    def run(self, clips: Manifest) -> Iterator[ManifestRow]:
        """Write `stimuli.parquet`."""
        assembly = self.plan.assembly(clips)
        with StimuliWriter(self.files()[0]) as writer:
            for row in clips:
                made = list(make_stimuli(assembly, row.to_clip()))
                writer.add(made)
                yield row if made else row.drop(self.name, "no_stimulus", _NO_STIMULUS)


def _need_clips(clips: Manifest) -> None:
    if not clips.kept_count:
        reasons = [f"{stage}: {reason}" for stage, reason in sorted(Funnel.of(clips).reasons)]
        raise MMABenchError(
            f"no clip of {clips.row_count} is left ({', '.join(reasons)}); `python -m builder status` lists them"
        )
