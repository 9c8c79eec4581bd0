"""The blocks of the `assemble` stage: one task, because partners are chosen among all clips."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
from datatrove.data import Document
from datatrove.pipeline.base import PipelineStep

from builder.assemble.conditions import MEDIA_CONDITIONS, TEXT_CONDITIONS, Assembly
from builder.assemble.partners import choose_partners
from builder.assemble.settings import AssembleSettings
from builder.assemble.stimuli import make_stimuli
from builder.assemble.streams import GeneratedStreams
from builder.clip_step import write_progress
from builder.manifest import ManifestRow, write_manifest
from builder.normalise.transcode import NormaliseSettings
from mma_bench.atomic import atomic_path
from mma_bench.columns import to_table
from mma_bench.errors import MMABenchError
from mma_bench.schema import Stimulus

_NO_STIMULUS = "it has no part in the chosen conditions (streams that disagree are never aligned)"


class AssembleStimuli(PipelineStep):
    """Turn the kept clips into stimuli; write them, and the manifest with the clips that make none."""

    name = "assemble"
    type = "assemble"

    def __init__(
        self,
        folder: Path,
        classes: list[str],
        seed: int,
        settings: AssembleSettings,
        video: NormaliseSettings,
    ) -> None:
        super().__init__()
        self.folder = folder
        self.classes = classes
        self.seed = seed
        self.settings = settings
        self.video = video

    def run(self, data: Iterable[Document], rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Write `stimuli.parquet` and the manifest."""
        rows = [ManifestRow.model_validate(document.metadata) for document in data]
        clips = {row.clip_id: row.to_clip() for row in rows if row.kept}
        agreeing = [clips[row.clip_id] for row in rows if row.kept and row.streams_agree and row.split == "test"]
        pairing = choose_partners(agreeing, self.seed)
        generated = GeneratedStreams(self.folder / "streams", self.video)
        assembly = Assembly(self.classes, self.seed, self.settings, pairing, generated)
        stimuli: list[Stimulus] = []
        results: list[ManifestRow] = []
        done = 0
        for row in rows:
            made = list(make_stimuli(assembly, clips[row.clip_id])) if row.kept else []
            stimuli += made
            results.append(row if made or not row.kept else row.drop(self.name, "no_stimulus", _NO_STIMULUS))
            if row.kept:  # a list brings thousands of dropped rows along, and a note of each took most of the stage
                done += 1
                write_progress(self.folder, rank, done)
        write_stimuli(self.folder / "stimuli.parquet", sorted(stimuli, key=lambda stimulus: stimulus.key))
        write_manifest(self.folder / "manifest.parquet", results)
        yield from (Document(text="", id=row.clip_id, metadata=row.model_dump()) for row in results)


def check_conditions(settings: AssembleSettings) -> None:
    """Raise MMABenchError if ``settings`` name a condition that nobody registered."""
    known = [*MEDIA_CONDITIONS, *TEXT_CONDITIONS]
    if unknown := [name for name in settings.conditions if name not in known]:
        raise MMABenchError(f"assemble.conditions: unknown condition {unknown[0]!r}; known: {', '.join(known)}")


def write_stimuli(path: Path, stimuli: list[Stimulus]) -> None:
    """Write stimuli to a Parquet file atomically; same stimuli, same bytes."""
    with atomic_path(path) as temporary:
        pq.write_table(to_table(Stimulus, stimuli), temporary, compression="zstd")


def read_stimuli(path: Path) -> list[Stimulus]:
    """Read what `write_stimuli` wrote."""
    return [Stimulus.model_validate(row) for row in pq.read_table(path).to_pylist()]
