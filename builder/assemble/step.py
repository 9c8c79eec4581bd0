"""The blocks of the `assemble` stage: graded streams in parallel, then all stimuli in one task."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
from datatrove.data import Document
from datatrove.pipeline.base import PipelineStep

from builder.assemble.conditions import GRADED_CONDITIONS
from builder.assemble.plan import AssemblePlan
from builder.assemble.stimuli import make_stimuli
from builder.clip_step import from_document, to_document, write_progress
from builder.manifest import ManifestRow, read_manifest, write_manifest
from mma_bench.dataset.columns import to_table
from mma_bench.files.atomic import atomic_path
from mma_bench.schema import Stimulus

_NO_STIMULUS = "it has no part in the chosen conditions (streams that disagree are never aligned)"


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
        assembly = self.plan.assembly(read_manifest(self.manifest, kept_only=True))
        chosen = [
            (name, clip)
            for name, ids in assembly.graded_clips.items()
            for clip in assembly.clips
            if clip.clip_id in ids
        ]
        for done, (name, clip) in enumerate(chosen[rank::world_size], start=1):
            for level in self.plan.settings.graded[name]:
                GRADED_CONDITIONS[name].streams(assembly, clip, level)
            write_progress(self.progress, rank, done)
        yield from ()


class AssembleStimuli(PipelineStep):
    """Turn the kept clips into stimuli; write them, and the manifest with the clips that make none.

    One task, because partners are chosen among all clips.
    """

    name = "assemble"
    type = "assemble"

    def __init__(self, plan: AssemblePlan) -> None:
        super().__init__()
        self.plan = plan

    def run(self, data: Iterable[Document], rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Write `stimuli.parquet` and the manifest."""
        folder = self.plan.folder
        rows = [from_document(document) for document in data]
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
                write_progress(folder, rank, done)
        write_stimuli(folder / "stimuli.parquet", sorted(stimuli, key=lambda stimulus: stimulus.key))
        write_manifest(folder / "manifest.parquet", results)
        yield from map(to_document, results)


def write_stimuli(path: Path, stimuli: list[Stimulus]) -> None:
    """Write stimuli to a Parquet file atomically; same stimuli, same bytes."""
    with atomic_path(path) as temporary:
        pq.write_table(to_table(Stimulus, stimuli), temporary, compression="zstd")


def read_stimuli(path: Path) -> list[Stimulus]:
    """Read what `write_stimuli` wrote."""
    return [Stimulus.model_validate(row) for row in pq.read_table(path).to_pylist()]
