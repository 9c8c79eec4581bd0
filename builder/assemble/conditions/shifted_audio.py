"""The clip's own sound, later or earlier than it belongs to the picture."""

from pathlib import Path

import numpy as np

from builder.assemble.conditions.registry import Assembly, Streams, graded_condition
from builder.media_folder import clip_file
from builder.streams.own import own_video
from mma_bench.dataset.columns import AUDIO_RATE
from mma_bench.dataset.media import flac_bytes, read_flac
from mma_bench.schema import Clip, Stream


@graded_condition(lambda assembly, clip: clip.visual_label == clip.audio_label)
def shifted_audio(assembly: Assembly, clip: Clip, level: float) -> Streams | None:
    """The sound turned round by ``level`` seconds: what leaves at one end comes back at the other.

    Silence in its place would take evidence away, and the level would no longer be that of time alone.
    """
    if abs(level) >= clip.audio_seconds:
        return None

    def encode(path: Path) -> float:
        samples = read_flac(clip_file(assembly.folder, clip.clip_id, "flac"))
        path.write_bytes(flac_bytes(np.roll(samples, round(level * AUDIO_RATE))))
        return len(samples) / AUDIO_RATE

    sha256, seconds = assembly.graded.make("flac", ["shifted_audio", clip.audio_sha256, level], encode)
    return own_video(clip), Stream(
        origin="shifted", clip_id=clip.clip_id, label=clip.audio_label, sha256=sha256, seconds=seconds
    )
