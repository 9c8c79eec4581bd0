"""The stages of a build and of a hydration, in their order, and the loop that runs them.

This module is read by `status`, the help texts and the documentation, so stages are named here and imported when used.
"""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mma_bench.errors import MMABenchError, unknown

if TYPE_CHECKING:
    from builder.job import Job
    from builder.manifest_file import Manifest
    from builder.own_stages import OwnStage
    from builder.stage import Stage


@dataclass(frozen=True)
class StageEntry:
    """A stage in the list.

    Attributes:
        name: its name, and that of its folder in the work folder.
        code: `module:class`.
        does: what it does, in a few words.
        reads: what it takes from stages before.
        writes: what it leaves in the work folder.
        counts_clips: whether it may drop clips, as `builder.stage.Stage.counts_clips`.
    """

    name: str
    code: str
    does: str
    reads: str
    writes: str
    counts_clips: bool = True

    @property
    def module(self) -> str:
        """The module of the stage's class."""
        return self.code.partition(":")[0]

    def load(self) -> "type[Stage]":
        """Return the class."""
        found: type[Stage] = getattr(importlib.import_module(self.module), self.code.partition(":")[2])
        return found


_SELECT = StageEntry(
    "select",
    "builder.select.stage:SelectClips",
    "list the source's clips",
    "the source's list",
    "manifest",
)
_FETCH = StageEntry(
    "fetch",
    "builder.fetch.stage:FetchClips",
    "make the media of each clip a local file",
    "select's manifest",
    "`fetch/media/`, manifest",
)
_NORMALISE = StageEntry(
    "normalise",
    "builder.normalise.stage:NormaliseClips",
    "cut and encode a silent video and a mono sound",
    "fetched files",
    "`normalise/clips/*/*.mp4`, `*.flac`, manifest",
)
_INSPECT = StageEntry(
    "inspect",
    "builder.inspect.stage:InspectClips",
    "measure both streams, and drop clips with too little content",
    "normalised streams",
    "manifest with measurements, fingerprints in `inspect/results.parquet`",
)
_COMPARE = StageEntry(
    "compare",
    "builder.compare.stage:CompareClips",
    "find clips that share a stream, and keep the splits apart",
    "fingerprints",
    "manifest without leaks, `compare/matches.csv`",
)
_VERIFY = StageEntry(
    "verify",
    "builder.verify.stage:VerifyClips",
    "ask a model four yes/no checks about each clip",
    "streams, compare's manifest",
    "`verify/results.parquet`, manifest with checks",
)
_REVIEW = StageEntry(
    "review",
    "builder.review.stage:ReviewClips",
    "apply people's decisions",
    "verify's manifest, `review/decisions.jsonl` from the page",
    "manifest, `decisions.csv`",
)
_RELEASE = StageEntry(
    "release",
    "builder.release.stage:ReleaseClips",
    "leave out what may not be published",
    "review's manifest",
    "manifest without what may not be published",
)
_ASSEMBLE = StageEntry(
    "assemble",
    "builder.assemble.stage:AssembleClips",
    "choose partners, streams and questions",
    "release's manifest",
    "`assemble/stimuli.parquet`, black, silent and graded streams",
)
_PACKAGE = StageEntry(
    "package",
    "builder.package.stage:PackageDataset",
    "write shards, index, card and metadata",
    "stimuli and streams",
    "the dataset's folder",
    counts_clips=False,
)
_MATCH = StageEntry(
    "match",
    "builder.hydrate.match:MatchClips",
    "compare each clip with the published one",
    "streams, published hashes and fingerprints",
    "manifest without other media",
)
_RESTORE = StageEntry(
    "assemble",
    "builder.hydrate.restore:RestoreStimuli",
    "put the streams into the published stimuli",
    "streams, published stimuli",
    "`assemble/stimuli.parquet`, `conditions.json`, black, silent and graded streams",
)

BUILD = (_SELECT, _FETCH, _NORMALISE, _INSPECT, _COMPARE, _VERIFY, _REVIEW, _RELEASE, _ASSEMBLE, _PACKAGE)
"""The stages of `python -m builder run`."""

HYDRATE = (_SELECT, _FETCH, _NORMALISE, _MATCH, _RESTORE, _PACKAGE)
"""The stages of `python -m builder hydrate`."""


def stage_modules() -> list[str]:
    """Return the modules of all stages, for processes that import them in advance."""
    return list(dict.fromkeys(entry.module for entry in (*BUILD, *HYDRATE)))


def help_line(entries: Sequence[StageEntry]) -> str:
    """Return the names of the stages in their order, for a help text."""
    return f"Stages: {', '.join(entry.name for entry in entries)}."


def make_stages(entries: Sequence[StageEntry], job: "Job", own: "Sequence[OwnStage]" = ()) -> "list[Stage]":
    """Return the stages of ``entries`` as ``job`` needs them, with the user's ``own`` in their places.

    Raises:
        MMABenchError: an own stage is to come after one that is not there.
    """
    by_name = {entry.name: entry.load().of(job) for entry in entries}
    by_name |= {one.name: one.make(job.folder(one.name)) for one in own}
    return [by_name[name] for name in order([entry.name for entry in entries], own)]


def order(names: Sequence[str], own: "Sequence[OwnStage]") -> list[str]:
    """Return the names of all stages in the order in which they run.

    An own stage follows the stage that it names, and the own stages that are listed before it for the same place.

    Raises:
        MMABenchError: the stage that it names is not there, or comes too late.
    """
    placed = list(names)
    added: set[str] = set()
    for one in own:
        possible = placed[: placed.index("assemble")]
        if one.after not in possible:
            raise MMABenchError(unknown(f"stages: {one.name} cannot come after", one.after, possible))
        at = placed.index(one.after) + 1
        while placed[at] in added:
            at += 1
        placed.insert(at, one.name)
        added.add(one.name)
    return placed


def run_stages(stages: "Sequence[Stage]", job: "Job", *, retry_failed: bool = False) -> "Manifest":
    """Run ``stages`` one after the other and return the last manifest, with dropped clips, stages and reasons.

    Args:
        stages: what `make_stages` returned.
        job: what they work on.
        retry_failed: process dropped clips again where a stage says that it can succeed.

    Raises:
        MMABenchError: an input is wrong, or no clip is left.
    """
    from builder.manifest_file import NO_CLIPS
    from builder.run_stage import run_stage
    from builder.work_folder import note_stages

    note_stages(job.work, [stage.name for stage in stages if stage.counts_clips])
    manifest = NO_CLIPS
    for stage in stages:
        manifest = run_stage(stage, manifest.path, job.executor, retry_failed=retry_failed)
    return manifest
