"""Everything in a dataset's folder except the shards: tables, card, licence, changes, removed ids, figures."""

import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from builder.assemble.stimuli_file import StimuliFile, write_stimuli
from builder.groups import GroupWriter
from builder.package.card import MANY_CLIPS, CardFacts, render
from builder.package.claims import check_claims
from builder.package.figures import COMPOSITION, CONFLICTS, plot_composition, plot_meetings
from builder.package.references import REFERENCES, ClipReference, read_references, write_references
from builder.package.seal import FileHashes
from builder.package.settings import PackageSettings
from builder.package.shortcut_record import ShortcutRun, read_shortcuts, write_shortcuts
from mma_bench.dataset.columns import arrow_schema, to_table
from mma_bench.dataset.composition import Composition
from mma_bench.dataset.layout import REMOVED_IDS
from mma_bench.dataset.records import read_records
from mma_bench.dataset.removed import RemovedIds, read_removed_ids
from mma_bench.dataset.super_classes import SUPER_CLASSES, read_super_classes
from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import atomic_path, write_json, write_text
from mma_bench.files.documents import parse_json
from mma_bench.files.faults import first_fault
from mma_bench.files.regular import read_inside
from mma_bench.schema import Clip, Stimulus

GROUP_ROWS = 16_384
_OBJECTS_AT_A_TIME = 1024


@dataclass(frozen=True)
class DatasetContents:
    """The description of a dataset.

    Attributes:
        clips: the published clips.
        stimuli: all stimuli, sorted by key.
        funnel: clips that each stage took in and kept.
        provenance: seed, configuration, versions, hashes of the inputs, licence mode.
        removed: ids of clips that were removed permanently.
        super_classes: super-class of each class, by its name; may be empty.
        references: references of all clips if the dataset contains no media, otherwise empty.
        made_from: hashes of what else decides the clips, apart from the build's own manifest.
        shortcuts: what models answered rightly about what they were not given; may be empty.
    """

    clips: Iterable[Clip]
    stimuli: Sequence[Stimulus] | StimuliFile
    funnel: list[dict[str, Any]]
    provenance: dict[str, Any]
    removed: RemovedIds
    super_classes: dict[str, str]
    references: Iterable[ClipReference] = ()
    made_from: Sequence[str] = ()
    shortcuts: Sequence[ShortcutRun] = ()

    @property
    def title(self) -> str:
        """Name on the card."""
        return str(self.provenance["config"]["title"])

    @property
    def settings(self) -> PackageSettings:
        """Settings of the `package` stage with which the dataset was built."""
        return PackageSettings.model_validate(self.provenance["config"]["package"])

    @property
    def ids_only(self) -> bool:
        """Whether the folder contains no media."""
        return bool(self.provenance["licence_mode"] == "ids-only")


@dataclass(frozen=True)
class PublishedContents(DatasetContents):
    """The description of a dataset that was read from its folder."""

    clips: Sequence[Clip]
    stimuli: Sequence[Stimulus]
    references: Sequence[ClipReference] = ()


def write_contents(folder: Path, contents: DatasetContents, hashes: FileHashes | None = None) -> None:
    """Write all files except shards, index and hashes; ``hashes`` are those of the shards, if known."""
    metadata = folder / "metadata"
    write_table(metadata / "clips.parquet", Clip, contents.clips)
    if isinstance(contents.stimuli, StimuliFile):
        with atomic_path(metadata / "stimuli.parquet") as temporary:
            shutil.copyfile(contents.stimuli.path, temporary)
    else:
        write_stimuli(metadata / "stimuli.parquet", contents.stimuli)
    if contents.ids_only:
        write_references(folder / REFERENCES, contents.references)
    write_json(metadata / "funnel.json", contents.funnel)
    write_json(metadata / "provenance.json", contents.provenance)
    if contents.super_classes:
        write_json(folder / SUPER_CLASSES, contents.super_classes)
    write_text(folder / REMOVED_IDS, contents.removed.text())
    write_shortcuts(folder, contents.shortcuts)
    facts = card_facts(folder, contents)
    found = facts.found
    plot_composition(folder / COMPOSITION, found, contents.funnel)
    if meetings := found.meetings():
        plot_meetings(folder / CONFLICTS, meetings, contents.super_classes)
    else:
        (folder / CONFLICTS).unlink(missing_ok=True)
    for name, text in render(facts, folder, hashes or FileHashes(folder)).items():
        write_text(folder / name, text)


def card_facts(folder: Path, contents: DatasetContents) -> CardFacts:
    """Return what the card says about the dataset in ``folder``, whose tables are written already."""
    found = Composition.read(folder)
    return CardFacts(
        title=contents.title,
        found=found,
        credited=list(contents.clips) if found.clips <= MANY_CLIPS else [],
        funnel=contents.funnel,
        provenance=contents.provenance,
        settings=contents.settings,
        removed=len(contents.removed.ids),
        super_classes=contents.super_classes,
        shortcuts=contents.shortcuts,
    )


def read_contents(folder: Path) -> PublishedContents:
    """Read what `write_contents` wrote.

    Raises:
        MMABenchError: ``folder`` is not a dataset of this builder.
    """
    try:
        contents = PublishedContents(
            clips=read_records(folder, "metadata/clips.parquet", Clip),
            stimuli=read_records(folder, "metadata/stimuli.parquet", Stimulus),
            funnel=parse_json(read_inside(folder, "metadata/funnel.json")),
            provenance=parse_json(read_inside(folder, "metadata/provenance.json")),
            removed=read_removed_ids(folder),
            super_classes=read_super_classes(folder),
            references=read_references(folder) if os.path.lexists(folder / REFERENCES) else (),
            shortcuts=read_shortcuts(folder),
        )
        check_claims(contents.funnel, contents.provenance)
        _ = contents.title, contents.settings, contents.ids_only
    except (OSError, ValueError, KeyError, TypeError, MMABenchError) as error:
        reason = str(first_fault(error)) if isinstance(error, ValidationError) else " ".join(str(error).split())
        raise MMABenchError(
            f"{folder} is not a dataset of this builder ({type(error).__name__}: {reason[:300]}); "
            "`mma-bench verify-data` names what is wrong"
        ) from error
    return contents


def write_table(path: Path, model: type[BaseModel], rows: Iterable[BaseModel]) -> None:
    """Write a Parquet file atomically; same rows, same bytes."""
    stream = iter(rows)
    with atomic_path(path) as temporary, GroupWriter(temporary, arrow_schema(model), GROUP_ROWS) as file:
        while some := list(islice(stream, _OBJECTS_AT_A_TIME)):
            file.add(to_table(model, some))
