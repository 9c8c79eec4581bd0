"""Everything that decides the stimuli of a build, before a clip is looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.assemble.conditions import GRADED_CONDITIONS, MEDIA_CONDITIONS, TEXT_CONDITIONS, Assembly
from builder.assemble.label_targets import LabelTargets, read_label_targets
from builder.assemble.lettering import check_fits, letters_version
from builder.assemble.partners import choose_partners
from builder.assemble.settings import AssembleSettings
from builder.manifest_file import Manifest
from builder.normalise.settings import NormaliseSettings
from builder.sources.super_classes import check_super_classes
from builder.streams.generated import GeneratedStreams
from builder.streams.graded import GradedStreams, graded_folder
from builder.voices import find_voice
from mma_bench.conditions import code_of
from mma_bench.errors import MMABenchError, unknown
from mma_bench.files.hashing import sha256_file, sha256_json
from mma_bench.questions import STANDARD, find_variant

SPOKEN, WRITTEN = "spoken_label", "written_label"


@dataclass(frozen=True)
class AssemblePlan:
    """What the blocks of the stage are told.

    Attributes:
        folder: folder of the stage.
        clips: folder of the normalised streams.
        classes: class names, in prompt order.
        super_classes: super-class of each class; may be empty.
        seed: seed of the build.
        settings: settings of the stage.
        video: how videos are encoded.
    """

    folder: Path
    clips: Path
    classes: Sequence[str]
    super_classes: Mapping[str, str]
    seed: int
    settings: AssembleSettings
    video: NormaliseSettings

    @property
    def streams(self) -> Path:
        """Where generated and graded streams are kept."""
        return self.folder / "streams"

    def inputs(self) -> str:
        """Return a hash of all but the clips."""
        settings = [self.seed, repr(self.settings), repr(self.video), *self._label_inputs()]
        own_code = code_of([*self.settings.conditions, *self.settings.graded])
        return sha256_json([list(self.classes), dict(self.super_classes), settings, *([own_code] if own_code else [])])

    def assembly(self, manifest: Manifest) -> Assembly:
        """Return what conditions draw on; partners are chosen among the test clips of ``manifest``, the same each time.

        Test clips are held in memory, training clips, which are aligned alone, are not.
        """
        kept = [row.to_clip() for row in manifest.kept_in("test")]
        agreeing = [clip for clip in kept if clip.visual_label == clip.audio_label]
        return Assembly(
            classes=list(self.classes),
            super_classes=self.super_classes,
            seed=self.seed,
            settings=self.settings,
            clips=kept,
            folder=self.clips,
            pairing=choose_partners(
                agreeing,
                self.seed,
                self.settings.partners,
                self.super_classes,
                avoid_near_synonyms=self.settings.avoid_near_synonyms,
            ),
            generated=GeneratedStreams(self.streams, self.video),
            graded=GradedStreams(graded_folder(self.streams), self.video),
            targets=self._targets(),
        )

    def notices(self, manifest: Manifest) -> list[str]:
        """Return a sentence if the list of wrong classes has entries for clips that are not there."""
        targets = self._targets()
        if targets is None:
            return []
        unmatched = targets.unmatched(row.to_clip() for row in manifest.kept_in("test"))
        return (
            [f"assemble.label_targets: {unmatched} of {len(targets.by_id)} entries match no clip"] if unmatched else []
        )

    def _targets(self) -> LabelTargets | None:
        path = self.settings.label_targets
        return read_label_targets(path, self.classes) if path else None

    def _label_inputs(self) -> list[str]:
        """Return what else decides the labels, where there are any."""
        return list(label_inputs(self.settings).values())


def label_inputs(settings: AssembleSettings) -> dict[str, str]:
    """Return what decides the labels besides the settings: the list's hash, and what speaks and draws them.

    Raises:
        MMABenchError: the list cannot be read, or the voice cannot be used.
    """
    found = {}
    if settings.label_targets:
        try:
            found["label_targets"] = sha256_file(settings.label_targets)
        except OSError as error:
            raise MMABenchError(
                f"assemble.label_targets: {settings.label_targets} cannot be read: {error.strerror}"
            ) from error
    if SPOKEN in settings.graded:
        found["voice"] = find_voice(settings.voice).version()
    if WRITTEN in settings.graded:
        found["letters"] = letters_version()
    return found


def check_label_conditions(settings: AssembleSettings, classes: Sequence[str], size: int) -> None:
    """Check the settings of `spoken_label` and `written_label` before anything is fetched.

    Args:
        settings: settings of the stage.
        classes: class names.
        size: width and height of the frames, pixels.

    Raises:
        MMABenchError: the voice cannot be used, a class does not fit into the frames, or the list cannot be used.
    """
    label_inputs(settings)
    if settings.label_targets:
        read_label_targets(settings.label_targets, classes)
        if not {SPOKEN, WRITTEN} & settings.graded.keys():
            raise MMABenchError(
                f"assemble.label_targets is for {SPOKEN} and {WRITTEN}; add one of them to assemble.graded"
            )
    if WRITTEN in settings.graded:
        check_fits([name.replace("_", " ") for name in classes], size, settings.graded[WRITTEN])


def check_conditions(settings: AssembleSettings) -> None:
    """Raise MMABenchError if ``settings`` name a condition or a variant that nobody registered."""
    known = [*MEDIA_CONDITIONS, *TEXT_CONDITIONS]
    if graded := [name for name in settings.conditions if name in GRADED_CONDITIONS]:
        raise MMABenchError(
            f"assemble.conditions: {graded[0]} comes in levels; give them as "
            f"assemble.graded, such as {{{graded[0]}: [...]}}"
        )
    if wrong := [name for name in settings.conditions if name not in known]:
        raise MMABenchError(unknown("assemble.conditions: unknown condition", wrong[0], known))
    for name in settings.variants:
        find_variant(name)
        if name == STANDARD or settings.variants.count(name) > 1:
            raise MMABenchError(f"assemble.variants: {name} is stored already; leave it out")


def check_groups(settings: AssembleSettings, classes: Sequence[str], super_classes: Mapping[str, str]) -> None:
    """Raise MMABenchError if ``settings`` need super-classes that the source does not know."""
    if settings.partners != "any_other_class":
        check_super_classes(classes, super_classes, f"assemble.partners: {settings.partners}")
    if "hard_options" in settings.variants:
        check_super_classes(classes, super_classes, "assemble.variants: hard_options")
