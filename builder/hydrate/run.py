"""Hydration: fetch, normalise, compare with what was published, package."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.assemble.stimuli_file import StimuliFile
from builder.hydrate.restore import read_conditions
from builder.hydrate.settings import HydrateSettings, hydrate_settings
from builder.hydrate.source import PublishedClips, published_rows
from builder.hydrate.stimuli import ConditionCount
from builder.hydrate.voice import voice_of
from builder.inspect.settings import InspectSettings
from builder.job import Job
from builder.manifest import ManifestRow
from builder.manifest_file import Manifest
from builder.normalise.settings import NormaliseSettings
from builder.normalise.transcode import ffmpeg_version
from builder.package.contents import DatasetContents, PublishedContents, read_contents
from builder.package.dataset import check_replaceable
from builder.package.references import read_references
from builder.pipeline import HYDRATE, make_stages, run_stages
from builder.sources.removed import leave_out_removed
from builder.work_folder import only_build_in
from mma_bench import __version__
from mma_bench.dataset.integrity import verify_data
from mma_bench.dataset.removed import read_removed_ids
from mma_bench.errors import MMABenchError
from mma_bench.files.hashing import sha256_file
from mma_bench.schema import Clip


@dataclass(frozen=True)
class Hydration:
    """Result of hydrating an ids-only dataset.

    Attributes:
        out: folder of the full dataset.
        clips: clips that were published.
        identical: clips with the published bytes.
        equal: clips with other bytes and the same fingerprints.
        missing: clips that are left out: id, stage, reason, detail.
        conditions: results for the stimuli.
    """

    out: Path
    clips: int
    identical: int
    equal: int
    missing: list[dict[str, str | None]]
    conditions: list[ConditionCount]


@dataclass(frozen=True)
class Published:
    """A checked ids-only dataset.

    Attributes:
        folder: its folder.
        contents: its description.
        normalise: how its clips were cut and encoded.
        inspect: how its fingerprints were computed.
        seed: seed of its build.
    """

    folder: Path
    contents: PublishedContents
    normalise: NormaliseSettings
    inspect: InspectSettings
    seed: int


@dataclass(frozen=True, kw_only=True)
class HydrateJob(Job):
    """A hydration.

    Attributes:
        published: the ids-only dataset.
    """

    published: Published

    def made_here(self, clips: Manifest) -> dict[str, Clip]:
        """Return the kept ``clips`` by their ids, with the hashes and lengths that they have here."""
        before = {clip.clip_id: clip for clip in self.published.contents.clips}
        return {row.clip_id: _made_here(before[row.clip_id], row) for row in clips}

    def hydration(self, manifest: Manifest) -> Hydration:
        """Return what became of the dataset, once the stage `assemble` is finished."""
        clips = self.published.contents.clips
        now = self.made_here(manifest)
        identical = sum(_hashes(now[clip.clip_id]) == _hashes(clip) for clip in clips if clip.clip_id in now)
        return Hydration(
            out=self.out,
            clips=len(clips),
            identical=identical,
            equal=len(now) - identical,
            missing=[
                {"clip_id": row.clip_id, "stage": row.dropped_by, "reason": row.reason, "detail": row.detail}
                for row in manifest.rows()
                if not row.kept
            ],
            conditions=read_conditions(self.folder("assemble")),
        )

    def contents(self, clips: Manifest) -> DatasetContents:
        """Return what the dataset will say of itself."""
        published = self.published.contents
        result = self.hydration(clips)
        return DatasetContents(
            clips=list(self.made_here(clips).values()),
            stimuli=StimuliFile(self.stimuli),
            removed=published.removed,
            super_classes=published.super_classes,
            funnel=[*published.funnel, _funnel_stage(result)],
            provenance=_provenance(self.published, result),
            made_from=[sha256_file(self.published.folder / "metadata" / "clips.parquet")],
        )


def read_published(folder: Path) -> Published:
    """Read and check an ids-only dataset.

    Raises:
        MMABenchError: it is damaged, already contains media, or was made by an older version.
    """
    if problems := verify_data(folder):
        more = f" and {len(problems) - 1} more problems" if len(problems) > 1 else ""
        raise MMABenchError(f"{folder} is damaged: {problems[0]}{more}; download it again")
    contents = read_contents(folder)
    if not contents.ids_only:
        raise MMABenchError(f"{folder} already contains media; expected an ids-only dataset")
    config = contents.provenance["config"]
    try:
        normalise = NormaliseSettings.model_validate(config["normalise"])
        inspect = InspectSettings.model_validate(config["inspect"])
        return Published(folder, contents, normalise, inspect, int(contents.provenance["seed"]))
    except (KeyError, TypeError, ValueError) as error:  # a failed validation is a ValueError
        raise MMABenchError(
            f"{folder}: metadata/provenance.json does not say how clips are made ({str(error).splitlines()[0]}); use "
            "the version of the builder that made it"
        ) from error


def hydrate(
    published: Published, settings: HydrateSettings, work: Path, out: Path, *, retry_failed: bool = False
) -> Hydration:
    """Create the full dataset ``out`` from an ids-only dataset; finished work below ``work`` is not repeated.

    Raises:
        MMABenchError: an input is invalid, another run uses ``work``, or no clip is available.
    """
    if out.absolute() == published.folder.absolute():
        raise MMABenchError(f"--out {out} is the ids-only dataset itself; choose another folder")
    check_replaceable(out)
    with only_build_in(work):
        job = HydrateJob(
            work=work,
            out=out,
            source=make_source(published, settings, out),
            normalise=published.normalise,
            executor=settings.executor,
            published=published,
        )
        clips = run_stages(make_stages(HYDRATE, job), job, retry_failed=retry_failed)
        return job.hydration(clips)


def make_source(published: Published, settings: HydrateSettings, out: Path) -> PublishedClips:
    """Return the source of the clips, those left out that were removed here or there."""
    references = {reference.clip_id: reference for reference in read_references(published.folder)}
    rows = published_rows(published.contents.clips, references)
    removed = published.contents.removed | (read_removed_ids(out) if out.is_dir() else published.contents.removed)
    return PublishedClips(settings, leave_out_removed(rows, removed))


def settings_for(published: Published, mirror: Path | None, overrides: tuple[str, ...]) -> HydrateSettings:
    """Return the settings, see `hydrate_settings`."""
    return hydrate_settings(mirror, overrides, published.contents.provenance["config"])


def _made_here(clip: Clip, row: ManifestRow) -> Clip:
    names = ("source_sha256", "video_sha256", "audio_sha256", "video_seconds", "audio_seconds", "frame_rate")
    changes = {name: getattr(row, name) for name in names}
    return clip.changed(**changes, end_seconds=clip.start_seconds + (row.video_seconds or 0.0))


def _hashes(clip: Clip) -> tuple[str, str]:
    return clip.video_sha256, clip.audio_sha256


def _funnel_stage(result: Hydration) -> dict[str, Any]:
    reasons = Counter(str(clip["reason"]) for clip in result.missing)
    kept = result.identical + result.equal
    return {"stage": "hydrate", "in": result.clips, "kept": kept, "dropped": dict(sorted(reasons.items()))}


def _provenance(published: Published, result: Hydration) -> dict[str, Any]:
    hydrated: dict[str, Any] = {
        "mma_bench": __version__,
        "ffmpeg": ffmpeg_version(),
        "published_stimuli_sha256": sha256_file(published.folder / "metadata" / "stimuli.parquet"),
        "identical_clips": result.identical,
        "clips_of_equal_fingerprint": result.equal,
    }
    if (voice := voice_of(published.contents.provenance)) and voice.here:
        hydrated["voice"] = voice.here
    return {**published.contents.provenance, "licence_mode": "all", "hydrated": hydrated}
