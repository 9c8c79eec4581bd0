"""The two streams of a clip."""

from mma_bench.schema import Clip, Stream


def own_video(clip: Clip) -> Stream:
    """Return the clip's own video as a stream."""
    return Stream(
        origin="clip",
        clip_id=clip.clip_id,
        label=clip.visual_label,
        sha256=clip.video_sha256,
        seconds=clip.video_seconds,
    )


def own_audio(clip: Clip) -> Stream:
    """Return the clip's own audio as a stream."""
    return Stream(
        origin="clip",
        clip_id=clip.clip_id,
        label=clip.audio_label,
        sha256=clip.audio_sha256,
        seconds=clip.audio_seconds,
    )
