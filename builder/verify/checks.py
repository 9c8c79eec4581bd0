"""The four checks of MMA-Bench's curation (arXiv 2511.22826, stage 3): all answers must be yes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from builder.manifest import ManifestRow
from builder.media_folder import clip_file
from builder.normalise.settings import NormaliseSettings
from builder.streams.generated import GeneratedStreams
from builder.streams.own import own_audio, own_video
from builder.verify.settings import CheckName
from builder.verify.wording import wording
from mma_bench.dataset.load import Sample
from mma_bench.dataset.media import Media
from mma_bench.models import Check
from mma_bench.schema import Clip, Modality, Stimulus, Stream

Streams = Literal["aligned", "audio_removed", "frames_zeroed"]


@dataclass(frozen=True)
class CheckKind:
    """One of the four checks: what is asked, and with which streams."""

    name: CheckName
    modality: Modality
    streams: Streams


CHECKS = (
    CheckKind("visual_muted", Modality.VISUAL, "audio_removed"),
    CheckKind("audio_black", Modality.AUDIO, "frames_zeroed"),
    CheckKind("visual_full", Modality.VISUAL, "aligned"),
    CheckKind("audio_full", Modality.AUDIO, "aligned"),
)
"""A rejection names the first failed check in this order."""


def checks_of(visual_label: str, audio_label: str, classes: Sequence[str]) -> dict[Streams, list[Check]]:
    """Return the checks of a clip by the streams that they are asked about."""
    found: dict[Streams, list[Check]] = {}
    for kind in CHECKS:
        label = visual_label if kind.modality is Modality.VISUAL else audio_label
        check = Check(kind.name, kind.modality, label, wording().prompt(kind.modality, label), classes)
        found.setdefault(kind.streams, []).append(check)
    return found


class ClipChecks:
    """Makes the stimuli of a clip's checks from its two streams, black frames and silence.

    The stimuli of a clip share its streams (same SHA-256), so a model encodes each once.

    Args:
        clips: folder of the normalised streams.
        folder: where black frames and silence are kept.
        video: how normalised videos look.
        classes: all class names.
    """

    def __init__(self, clips: Path, folder: Path, video: NormaliseSettings, classes: Sequence[str]) -> None:
        self._clips = clips
        self._classes = list(classes)
        self._generated = GeneratedStreams(folder, video)

    def requests(self, row: ManifestRow) -> list[tuple[Sample, list[Check]]]:
        """Return the stimuli of the clip and the checks to ask about each."""
        clip = row.to_clip()
        checks = checks_of(row.visual_label, row.audio_label, self._classes)
        return [(self._sample(clip, streams), asked) for streams, asked in checks.items()]

    def _sample(self, clip: Clip, streams: Streams) -> Sample:
        video, read_video = self._video(clip, black=streams == "frames_zeroed")
        audio, read_audio = self._audio(clip, silent=streams == "audio_removed")
        key = f"{streams}_{clip.clip_id}"
        seconds = min(video.seconds, audio.seconds)
        stimulus = Stimulus(
            key=key, condition=streams, split=clip.split, video=video, audio=audio, seconds=seconds, questions=[]
        )
        return Sample(stimulus, [], Media(key=key, read_video=read_video, read_audio=read_audio, seconds=seconds))

    def _video(self, clip: Clip, *, black: bool) -> tuple[Stream, Callable[[], bytes]]:
        if black:
            path, stream = self._generated.black_file(clip)
            return stream, path.read_bytes
        return own_video(clip), clip_file(self._clips, clip.clip_id, "mp4").read_bytes

    def _audio(self, clip: Clip, *, silent: bool) -> tuple[Stream, Callable[[], bytes]]:
        if silent:
            path, stream = self._generated.silence_file(clip)
            return stream, path.read_bytes
        return own_audio(clip), clip_file(self._clips, clip.clip_id, "flac").read_bytes
