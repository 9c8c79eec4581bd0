"""The clip's frames blended with its partner's, the share being the partner's."""

from fractions import Fraction
from pathlib import Path

from builder.assemble.conditions.registry import Assembly, Streams, graded_condition
from builder.media_folder import clip_file
from builder.normalise.transcode import blend_videos
from builder.streams.own import own_audio
from mma_bench.schema import Clip, Modality, Stream


@graded_condition(lambda assembly, clip: assembly.donor_to_join(clip, Modality.VISUAL) is not None)
def blended_frames(assembly: Assembly, clip: Clip, level: float) -> Streams | None:
    """Both videos at once, as long as both are seen, with the clip's sound."""
    donor = assembly.donor_to_join(clip, Modality.VISUAL)
    if donor is None:
        return None
    rate = Fraction(clip.frame_rate).limit_denominator(1001)
    frames = max(1, int(min(clip.video_seconds, donor.video_seconds) * rate + 1e-6))

    def encode(path: Path) -> float:
        own, other = (clip_file(assembly.folder, c.clip_id, "mp4") for c in (clip, donor))
        blend_videos(own, other, path, share=level, rate=rate, frames=frames, settings=assembly.graded.video)
        return float(frames / rate)

    recipe = ["blended_frames", clip.video_sha256, donor.video_sha256, level]
    sha256, seconds = assembly.graded.make("mp4", recipe, encode)
    video = Stream(
        origin="blended",
        clip_id=clip.clip_id,
        donor_clip_id=donor.clip_id,
        label=clip.visual_label,
        donor_label=donor.visual_label,
        sha256=sha256,
        seconds=seconds,
    )
    return video, own_audio(clip)
