"""What the frozen towers say about clips, computed once: connectors and language model train on it."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mma_bench.console.progress import bar
from mma_bench.models.omni.thinker import Thinker
from mma_bench.smol_omni.clips import ClipId, Clips
from mma_bench.smol_omni.states import read_state, write_state
from mma_bench.smol_omni.towers import audio_features, video_features

if TYPE_CHECKING:
    import torch

_AT_ONCE = 32


@dataclass
class Features:
    """Features of clips.

    Attributes:
        grid: patches of every video along time, height and width.
        frames: frames of every spectrum.
        videos: [tokens, width] for each clip.
        audios: [tokens, width] for each clip.
        black: of black frames.
        silence: of silence.
    """

    grid: tuple[int, int, int]
    frames: int
    black: "torch.Tensor"
    silence: "torch.Tensor"
    videos: "dict[ClipId, torch.Tensor]" = field(default_factory=dict)
    audios: "dict[ClipId, torch.Tensor]" = field(default_factory=dict)


def encode(thinker: Thinker, clips: Clips, ids: Sequence[ClipId], path: Path) -> Features:
    """Return the features of ``ids``, from the file ``path`` if it exists, which is written otherwise.

    The frames are shifted and mirrored, drawn by each clip.

    Args:
        thinker: with split towers.
        clips: renders what is missing.
        ids: the clips.
        path: where the features are kept.
    """
    import torch

    black, silence = clips.black(), clips.silence()
    with torch.no_grad():
        found = Features(
            black.grid,
            silence.shape[1],
            video_features(thinker, [black])[0].cpu(),
            audio_features(thinker, [silence])[0].cpu(),
        )
    videos, audios = _stored(path) if path.exists() else _computed(thinker, clips, ids, path)
    found.videos = dict(zip(ids, videos, strict=True))
    found.audios = dict(zip(ids, audios, strict=True))
    return found


def _stored(path: Path) -> "tuple[torch.Tensor, torch.Tensor]":
    stored = read_state(path, "videos", "audios")
    return stored["videos"], stored["audios"]


def _computed(thinker: Thinker, clips: Clips, ids: Sequence[ClipId], path: Path) -> "tuple[torch.Tensor, torch.Tensor]":
    import torch

    videos, audios = [], []
    with torch.no_grad(), bar("features", len(ids), unit="clip") as shown:
        for start in range(0, len(ids), _AT_ONCE):
            part = ids[start : start + _AT_ONCE]
            patches = [clips.video(clip, random.Random(f"{clip}")) for clip in part]  # noqa: S311
            videos.append(video_features(thinker, patches).cpu())
            audios.append(audio_features(thinker, [clips.audio(clip) for clip in part]).cpu())
            shown.update(len(part))
    found = torch.cat(videos), torch.cat(audios)
    write_state(path, dict(zip(("videos", "audios"), found, strict=True)))
    return found
