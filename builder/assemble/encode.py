"""The part of the `assemble` stage that takes time: encoding graded streams, in parallel tasks."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from datatrove.data import Document
from datatrove.pipeline.base import PipelineStep

from builder.assemble.conditions import GRADED_CONDITIONS
from builder.assemble.plan import AssemblePlan
from builder.manifest_file import Manifest
from builder.stage import Progress


class EncodeGraded(PipelineStep):
    """Encode the streams of the graded conditions, each task its share of the clips.

    It only fills the folder of streams: each task chooses the same partners for itself, and what it encodes is found
    there when the stimuli are made.
    """

    name = "encode graded streams"
    type = "assemble"

    def __init__(self, plan: AssemblePlan, manifest: Path, progress: Path) -> None:
        super().__init__()
        self.plan = plan
        self.manifest = manifest
        self.progress = progress

    def run(self, data: Iterable[Document] | None, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Encode this task's streams."""
        assembly = self.plan.assembly(Manifest(self.manifest))
        chosen = [
            (name, clip)
            for name, ids in assembly.graded_clips.items()
            for clip in assembly.clips
            if clip.clip_id in ids
        ]
        progress = Progress(self.progress, rank)
        for name, clip in chosen[rank::world_size]:
            for level in self.plan.settings.graded[name]:
                GRADED_CONDITIONS[name].streams(assembly, clip, level)
            progress.advance()
        progress.note()
        yield from ()
