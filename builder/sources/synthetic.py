"""The `synthetic` source: procedural clips with true synchrony, any number of them from a seed."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from builder.manifest import ManifestRow
from builder.sources.base import Source
from mma_bench.dataset.columns import AUDIO_RATE
from mma_bench.errors import MMABenchError, unknown
from mma_bench.files.atomic import atomic_path
from mma_bench.files.hashing import sha256_bytes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class SyntheticSettings(BaseModel):
    """Settings of the `synthetic` source."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["synthetic"]
    test: int = Field(default=20, ge=0, description="test clips per class")
    train: int = Field(default=0, ge=0, description="training clips per class; no seed is in both splits")
    classes: list[str] | None = Field(
        default=None, min_length=2, description="only these classes; by default the twelve of the tiny model"
    )
    seconds: float = Field(default=1.0, ge=0.5, le=60, description="length of a clip")
    size: int = Field(default=112, ge=32, le=1024, multiple_of=2, description="width and height, pixels")
    frame_rate: int = Field(default=16, ge=5, le=60, description="frames per second")


class SyntheticSource(Source):
    """Objects drawn and played by formulas; what moves also makes a sound."""

    name = "synthetic"

    def __init__(self, settings: SyntheticSettings, seed: int) -> None:
        from mma_bench.synthetic import CLASSES, WIDE_CLASSES

        self.settings = settings
        self._seed = seed
        self._classes = sorted(set(CLASSES if settings.classes is None else settings.classes))
        if wrong := sorted(set(self._classes) - set(WIDE_CLASSES)):
            raise MMABenchError(unknown("source.classes: there is no", wrong[0], WIDE_CLASSES))

    def class_names(self) -> list[str]:
        """Return the classes in alphabetical order."""
        return self._classes

    def input_hashes(self) -> dict[str, str]:
        """Return the hash of one clip per class: the formulas are the input."""
        from mma_bench.synthetic import render

        clips = [render(name, 0, size=self.settings.size) for name in self._classes]
        content = b"".join(clip.frames.tobytes() + clip.samples.tobytes() for clip in clips)
        return {"procedural clips": sha256_bytes(content)}

    def state(self) -> str:
        """Return everything that determines a clip."""
        return f"{self._seed}/{self.settings.model_dump_json(exclude={'test', 'train', 'classes'})}"

    def rows_are_decided_by(self) -> Any:
        """Return nothing: the settings decide."""
        return []

    def rows(self) -> Iterator[ManifestRow]:
        """Return a row per clip, cycling through the classes, so that any prefix of the list is balanced."""
        counts = {"test": self.settings.test, "train": self.settings.train}
        return (
            ManifestRow(
                clip_id=f"{name}_{split}_{number}_0",
                file=f"{name}/{split}/{number}",
                visual_label=name,
                audio_label=name,
                source_labels=[name],
                split=split,
                source=self.name,
                licence="CC0-1.0",
                attribution="",
                notes="procedural: drawn and played by formulas",
            )
            for split, count in counts.items()
            for number in range(count)
            for name in self.class_names()
        )

    def fetch(self, row: ManifestRow, folder: Path) -> Path:
        """Render the clip losslessly."""
        from mma_bench.synthetic import clip_seed, render

        name, split, number = row.file.split("/")
        settings = self.settings
        clip = render(
            name,
            clip_seed(split, self._seed * 1_000_000 + int(number)),
            seconds=settings.seconds,
            fps=settings.frame_rate,
            size=settings.size,
        )
        path = folder / f"{row.clip_id}.mkv"
        with atomic_path(path) as temporary:
            _write(temporary, clip.frames, clip.samples, settings.frame_rate)
        return path


def _write(path: Path, frames: "NDArray[np.uint8]", samples: "NDArray[np.float32]", frame_rate: int) -> None:
    """Write both streams losslessly; `bitexact`, so that a second run gives the same bytes.

    Args:
        path: Matroska file.
        frames: shape [frames, height, width, 3], uint8, RGB.
        samples: shape [samples], float32, mono, -1 to 1.
        frame_rate: frames per second.
    """
    import av
    import numpy as np

    with av.open(path, "w", format="matroska", options={"fflags": "+bitexact"}) as container:
        video = container.add_stream("ffv1", rate=frame_rate, options={"flags": "+bitexact", "slices": "4"})
        video.height, video.width, video.pix_fmt = frames.shape[1], frames.shape[2], "bgr0"
        video.codec_context.thread_count = 1
        audio = container.add_stream("flac", rate=AUDIO_RATE, options={"flags": "+bitexact"})
        audio.codec_context.layout, audio.codec_context.format = "mono", "s16"
        for number, pixels in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            picture.pts, picture.time_base = number, Fraction(1, frame_rate)
            container.mux(video.encode(picture))
        container.mux(video.encode(None))
        sound = np.rint(samples * 32767).astype(np.int16)
        block = av.AudioFrame.from_ndarray(sound.reshape(1, -1), format="s16", layout="mono")
        block.sample_rate, block.pts = AUDIO_RATE, 0
        container.mux(audio.encode(block))
        container.mux(audio.encode(None))
