"""The `assemble` stage of hydration: the published stimuli, with the streams that were made here."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from builder.assemble.conditions import Assembly
from builder.assemble.partners import Pairing
from builder.assemble.settings import AssembleSettings
from builder.assemble.stimuli_file import write_stimuli
from builder.funnel import Funnel
from builder.hydrate.stimuli import ConditionCount, Replacement
from builder.hydrate.voice import voice_of
from builder.manifest import ManifestRow
from builder.manifest_file import Manifest
from builder.stage import WholeStage
from builder.streams.generated import GeneratedStreams
from builder.streams.graded import GradedStreams, graded_folder
from mma_bench.console.progress import say
from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import write_json
from mma_bench.files.documents import parse_json
from mma_bench.files.hashing import sha256_file
from mma_bench.schema import FORMAT_VERSION, Clip

if TYPE_CHECKING:
    from builder.hydrate.run import HydrateJob


class RestoreStimuli(WholeStage):
    """Put the streams that were made here in the place of the published ones, wherever all of a stimulus are there.

    Writes `stimuli.parquet`, and `conditions.json` with what became of each condition.
    """

    name = "assemble"

    def __init__(self, job: "HydrateJob") -> None:
        super().__init__(job.folder(self.name), job.normalise)
        self.job = job

    @classmethod
    def of(cls, job: "HydrateJob") -> Self:
        """Return the stage as ``job`` needs it."""
        return cls(job)

    def inputs(self) -> Any:
        """Return the seed, the hashes of what was published, and what speaks here if the dataset has speech."""
        published = self.job.published
        tables = [published.folder / "metadata" / f"{name}.parquet" for name in ("clips", "stimuli")]
        return [published.seed, FORMAT_VERSION, *map(sha256_file, tables), *self._voices()]

    def files(self) -> list[Path]:
        """Return the stimuli, and the counts."""
        return [self.job.stimuli, self.folder / "conditions.json"]

    def run(self, clips: Manifest) -> Iterable[ManifestRow]:
        """Write the stimuli of the clips that were made here."""
        contents = self.job.published.contents
        now = self.job.made_here(clips)
        if not now:
            reasons = ", ".join(f"{stage}: {reason}" for stage, reason in sorted(Funnel.of(clips).reasons))
            raise MMABenchError(
                f"none of {clips.row_count} clips were available ({reasons}); give --mirror, or see --retry-failed"
            )
        if (voice := voice_of(contents.provenance)) and voice.differs:
            say(f"note: spoken labels are spoken by {voice.here} here, and were by {voice.published} when published")
        before = {clip.clip_id: clip for clip in contents.clips}
        stimuli, conditions = Replacement(before, now, self._assembly(list(now.values()))).apply(contents.stimuli)
        if not stimuli:
            raise MMABenchError(
                f"{len(now)} of {clips.row_count} clips were available, but every stimulus needs others too"
            )
        write_stimuli(self.job.stimuli, stimuli)
        write_json(self.files()[1], [asdict(count) for count in conditions])
        return clips

    def _voices(self) -> list[str]:
        voice = voice_of(self.job.published.contents.provenance)
        return [voice.here or voice.trouble] if voice else []

    def _assembly(self, clips: Sequence[Clip]) -> Assembly:
        """Return the object that makes streams; partners and levels are already published."""
        job = self.job
        voice = voice_of(job.published.contents.provenance)
        return Assembly(
            classes=[],
            super_classes=job.published.contents.super_classes,
            seed=job.published.seed,
            settings=AssembleSettings(voice=voice.name) if voice else AssembleSettings(),
            clips=clips,
            folder=job.clips,
            pairing=Pairing({}, []),
            generated=GeneratedStreams(job.streams, job.normalise),
            graded=GradedStreams(graded_folder(job.streams), job.normalise),
        )


def read_conditions(folder: Path) -> list[ConditionCount]:
    """Return what became of each condition, as the stage in ``folder`` wrote it."""
    counts = parse_json((folder / "conditions.json").read_text(encoding="utf-8"))
    return [ConditionCount(**count) for count in counts]
