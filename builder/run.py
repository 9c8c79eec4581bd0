"""A build: all stages from a source of clips to a dataset."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.assemble import AssemblePlan, check_conditions, check_groups, check_label_conditions, label_inputs
from builder.assemble.stimuli_file import StimuliFile
from builder.config import BuildConfig
from builder.funnel import Funnel
from builder.job import Job
from builder.manifest_file import Manifest, PublishedClips
from builder.notices import free_texts, notices_of
from builder.own_stages import own_stages
from builder.package.contents import DatasetContents
from builder.package.dataset import check_replaceable
from builder.package.provenance import provenance
from builder.package.references import ClipReferences
from builder.package.settings import LicenceMode
from builder.pipeline import BUILD, make_stages, run_stages
from builder.sources import make_source
from builder.verify.verifier import Verifier, make_verifier
from builder.work_folder import only_build_in, stages_in
from mma_bench.dataset.removed import RemovedIds, read_removed_ids
from mma_bench.parsing import check_labels


@dataclass(frozen=True)
class BuildResult:
    """Result of a build.

    Attributes:
        out: folder of the dataset.
        clips: all clips, dropped ones with stage and reason.
        notices: what the build reports but does not change, one sentence each.
    """

    out: Path
    clips: Manifest
    notices: list[str]


@dataclass(frozen=True, kw_only=True)
class Build(Job):
    """A build.

    Attributes:
        config: all settings.
        classes: class names, in prompt order.
        super_classes: super-class of each class; may be empty.
        verifier: the model that answers the checks, if any.
    """

    config: BuildConfig
    classes: Sequence[str]
    super_classes: Mapping[str, str]
    verifier: Verifier | None

    @property
    def licence_mode(self) -> LicenceMode:
        """What of the clips may be in the dataset."""
        return self.config.package.mode_for(self.source.name)

    @property
    def plan(self) -> AssemblePlan:
        """Everything that determines the stimuli, apart from the clips."""
        return AssemblePlan(
            folder=self.folder("assemble"),
            clips=self.clips,
            classes=self.classes,
            super_classes=self.super_classes,
            seed=self.config.seed,
            settings=self.config.assemble,
            video=self.normalise,
        )

    def notices(self, clips: Manifest) -> list[str]:
        """Return what is reported about the source's list, clips with the same bytes, and the list of wrong classes."""
        return [*self.source.notices(), *notices_of(clips), *self.plan.notices(clips)]

    def contents(self, clips: Manifest) -> DatasetContents:
        """Return what the dataset will say of itself."""
        mode = self.licence_mode
        hashes = {**self.source.input_hashes(), "clips": _media_hash(clips)}
        if self.verifier:
            hashes["verifier"] = self.verifier.fingerprint_sha256
        found = self.notices(clips)
        labels = label_inputs(self.config.assemble)
        if targets := labels.pop("label_targets", None):
            hashes["label_targets"] = targets
        said = {"licence_mode": mode, **({"notices": found} if found else {}), **labels}
        return DatasetContents(
            clips=PublishedClips(clips),
            stimuli=StimuliFile(self.stimuli),
            funnel=Funnel.of(clips).stages(stages_in(self.work)),
            provenance={**provenance(self.config, hashes), **said},
            removed=self.removed,
            super_classes=dict(self.super_classes),
            references=ClipReferences(clips, self.folder("inspect")) if mode == "ids-only" else (),
        )


def run_build(config: BuildConfig, work: Path, out: Path, *, retry_failed: bool = False) -> BuildResult:
    """Build the dataset ``out``; finished stages below ``work`` are not repeated.

    With ``retry_failed``, clips that could not be fetched are requested again if the reason may be temporary.

    Raises:
        MMABenchError: an input is invalid, another build uses ``work``, or no clip is left.
    """
    check_conditions(config.assemble)
    own = own_stages(config.stages)
    config.executor.check_stages([*(entry.name for entry in BUILD), *(one.name for one in own)])
    check_replaceable(out)
    with only_build_in(work):
        build = make_build(config, work, out)
        clips = run_stages(make_stages(BUILD, build, own), build, retry_failed=retry_failed)
    texts = free_texts(build.stimuli, config.assemble.conditions)
    return BuildResult(out, clips, [*build.notices(clips), *texts])


def make_build(config: BuildConfig, work: Path, out: Path) -> Build:
    """Return what the stages work on.

    Raises:
        MMABenchError: the source, its classes or the model cannot be used.
    """
    source = make_source(config.source, config.seed)
    classes = source.class_names()
    check_labels(classes, f"source {source.name}")
    super_classes = source.super_classes()
    check_groups(config.assemble, classes, super_classes)
    check_label_conditions(config.assemble, classes, config.normalise.size)
    return Build(
        work=work,
        out=out,
        source=source,
        normalise=config.normalise,
        executor=config.executor,
        removed=_removed_ids(config, out),
        config=config,
        classes=classes,
        super_classes=super_classes,
        verifier=make_verifier(config.verify, classes),
    )


def _removed_ids(config: BuildConfig, out: Path) -> RemovedIds:
    """Return the ids to leave out: those of the setting, and those already removed from the dataset to replace."""
    asked = read_removed_ids(config.package.removed_ids) if config.package.removed_ids else RemovedIds()
    return asked | (read_removed_ids(out) if out.is_dir() else RemovedIds())


def _media_hash(clips: Manifest) -> str:
    """Return a hash of the names and the media of all clips that were listed."""
    digest = hashlib.sha256()
    for table in clips.tables(["clip_id", "source_sha256"]):
        for row in zip(table["clip_id"].to_pylist(), table["source_sha256"].to_pylist(), strict=True):
            digest.update(json.dumps(row).encode())
    return digest.hexdigest()
