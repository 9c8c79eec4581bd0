"""Conditions of MMA-Bench (arXiv 2511.22826) that choose whose video and audio a clip is shown with."""

from mma_bench.conditions.registry import Labels, Streams, media_condition


@media_condition
def aligned(labels: Labels) -> Streams | None:
    """Both streams of one clip; a clip whose streams disagree is never aligned."""
    return Streams() if labels[0] == labels[1] else None


@media_condition
def misaligned(labels: Labels) -> Streams:
    """The clip's video with the audio of a clip of another class."""
    return Streams(audio="donor")


@media_condition
def audio_removed(labels: Labels) -> Streams:
    """The clip's video with digital silence."""
    return Streams(audio="none")


@media_condition
def frames_zeroed(labels: Labels) -> Streams:
    """Black frames with the clip's audio."""
    return Streams(video="none")
