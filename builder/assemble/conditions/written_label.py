"""A wrong class, written into the frames: does the model read instead of look?

The typographic attack of arXiv 2604.03995, with sizes in place of a single font.
"""

import tempfile
from pathlib import Path

from builder.assemble.conditions.registry import Assembly, Streams, graded_condition
from builder.assemble.lettering import lettering, letters_version
from builder.media_folder import clip_file
from builder.normalise.transcode import cover_video
from builder.streams.own import own_audio
from mma_bench.schema import Clip, Stream


@graded_condition(lambda assembly, clip: assembly.label_target(clip) is not None)
def written_label(assembly: Assembly, clip: Clip, level: float) -> Streams | None:
    """The same words in all frames, in letters of a share of the frame's height, with the clip's own audio."""
    target = assembly.label_target(clip)
    if target is None:
        return None
    text, size = target.replace("_", " "), assembly.graded.video.size

    def encode(path: Path) -> float:
        with tempfile.TemporaryDirectory() as folder:
            mask = Path(folder) / "mask.rgba"
            mask.write_bytes(lettering(text, size, level).tobytes())
            cover_video(clip_file(assembly.folder, clip.clip_id, "mp4"), mask, path, settings=assembly.graded.video)
        return clip.video_seconds

    recipe = ["written_label", clip.video_sha256, text, letters_version(), level]
    sha256, seconds = assembly.graded.make("mp4", recipe, encode)
    video = Stream(
        origin="written",
        clip_id=clip.clip_id,
        label=clip.visual_label,
        donor_label=target,
        sha256=sha256,
        seconds=seconds,
    )
    return video, own_audio(clip)
