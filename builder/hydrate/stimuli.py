"""The published stimuli with the streams that were created here."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import ValidationError

from builder.assemble.conditions import GRADED_CONDITIONS, Assembly
from builder.assemble.label_targets import LabelTargets
from builder.assemble.lettering import LetteringError
from builder.assemble.partners import Pairing
from builder.assemble.settings import AssembleSettings
from builder.voices import NoVoiceError
from mma_bench.dataset.layout import conditions_in_order
from mma_bench.schema import Clip, Stimulus, Stream


@dataclass(frozen=True)
class ConditionCount:
    """Result for the stimuli of a media condition.

    Attributes:
        condition: its name.
        published: stimuli in the ids-only dataset.
        hydrated: stimuli that have media now.
        clip_missing: stimuli with an unavailable clip.
        cannot_be_made: stimuli with a stream that belongs to no clip and that no condition makes.
    """

    condition: str
    published: int
    hydrated: int
    clip_missing: int
    cannot_be_made: int


class _Missing(Exception):  # noqa: N818  (an outcome, not an error)
    """A stimulus cannot be made."""


@dataclass(frozen=True)
class Replacement:
    """Replaces the published streams with those that were created here.

    Attributes:
        published: clips of the ids-only dataset.
        present: the clips that were created here, with their hashes here.
        assembly: makes black frames and silence, and encodes the streams of graded conditions; the published stimuli
            determine which clip lends a stream to which.
    """

    published: Mapping[str, Clip]
    present: Mapping[str, Clip]
    assembly: Assembly

    def apply(self, stimuli: Sequence[Stimulus]) -> tuple[list[Stimulus], list[ConditionCount]]:
        """Return the available stimuli, and the result for each condition."""
        made: list[Stimulus] = []
        outcomes: Counter[tuple[str, str]] = Counter()
        for stimulus in stimuli:
            try:
                made.append(self._stimulus(stimulus))
                outcomes[stimulus.condition, "hydrated"] += 1
            except _Missing as missing:
                outcomes[stimulus.condition, str(missing)] += 1
        published = Counter(stimulus.condition for stimulus in stimuli)
        return made, [
            ConditionCount(
                name,
                published[name],
                *(outcomes[name, outcome] for outcome in ("hydrated", "clip_missing", "cannot_be_made")),
            )
            for name in conditions_in_order(published)
        ]

    def _stimulus(self, stimulus: Stimulus) -> Stimulus:
        if stimulus.level is None:
            video = self._stream(stimulus.video, stimulus.audio, video=True)
            audio = self._stream(stimulus.audio, stimulus.video, video=False)
        else:
            video, audio = self._graded(stimulus, stimulus.level)
        return stimulus.changed(video=video, audio=audio, seconds=min(video.seconds, audio.seconds))

    def _graded(self, stimulus: Stimulus, level: float) -> tuple[Stream, Stream]:
        """Encode the streams of a graded stimulus in the same way as the published build."""
        streams = (stimulus.video, stimulus.audio)
        names = [name for s in streams for name in (s.clip_id, s.donor_clip_id) if name]
        if not names or not self.published.keys() >= set(names):
            raise _Missing("cannot_be_made")
        if not self.present.keys() >= set(names):
            raise _Missing("clip_missing")
        # graded conditions use the clip's own video
        own, *others = (self.present[name] for name in dict.fromkeys(names))
        try:
            AssembleSettings(graded={stimulus.condition: [level]})  # the published level is not trusted
        except ValidationError:
            raise _Missing("cannot_be_made") from None
        assembly = replace(
            self.assembly,
            pairing=Pairing({own.clip_id: others[0]} if others else {}, []),
            targets=_published_target(stimulus, own),
        )
        try:
            made = GRADED_CONDITIONS[stimulus.condition].streams(assembly, own, level)
        except (NoVoiceError, LetteringError):
            raise _Missing("cannot_be_made") from None
        if made is None or list(map(_source, made)) != list(map(_source, streams)):
            raise _Missing("cannot_be_made")
        return made

    def _stream(self, stream: Stream, other: Stream, *, video: bool) -> Stream:
        own = stream if stream.origin == "clip" else other  # black frames and silence are as long as the clip
        before, now = self.published.get(own.clip_id or ""), self.present.get(own.clip_id or "")
        if own.origin != "clip" or before is None:
            raise _Missing("cannot_be_made")
        if now is None:
            raise _Missing("clip_missing")
        if stream.origin == "clip":
            if stream.sha256 != (before.video_sha256 if video else before.audio_sha256):
                raise _Missing("cannot_be_made")
            sha256, seconds = (now.video_sha256, now.video_seconds) if video else (now.audio_sha256, now.audio_seconds)
            return stream.changed(sha256=sha256, seconds=seconds)
        if stream.origin == "black" and video:
            return self.assembly.generated.black(now)
        if stream.origin == "silence" and not video:
            return self.assembly.generated.silence(now)
        raise _Missing("cannot_be_made")


def _source(stream: Stream) -> tuple[str, str | None, str | None, str | None]:
    """Return what a stream was made of."""
    return stream.origin, stream.clip_id, stream.donor_clip_id, stream.donor_label


def _published_target(stimulus: Stimulus, clip: Clip) -> LabelTargets | None:
    """Return the class that is said or written over ``clip``: only one of the options, and a wrong one, is trusted."""
    spoken_or_written = [s for s in (stimulus.video, stimulus.audio) if s.origin in ("spoken", "written")]
    if not spoken_or_written:
        return None
    target = spoken_or_written[0].donor_label
    offered = {option for question in stimulus.questions for option in question.options}
    if target is None or target not in offered - {clip.visual_label, clip.audio_label}:
        raise _Missing("cannot_be_made")
    return LabelTargets(stimulus.key, {clip.clip_id: target})
