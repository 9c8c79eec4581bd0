"""Pictures: decoded from files of any origin, made from formulas, and encoded as a still video."""

import functools
import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, cast

from mma_bench.dataset.media import MAX_PIXELS
from mma_bench.errors import MMABenchError
from mma_bench.files.hashing import sha256_json
from mma_bench.interference.items import Media, Origin

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
MAX_BYTES = 256 << 20

_DEMUXERS = "jpeg_pipe,mjpeg,png_pipe,webp_pipe,bmp_pipe,gif,tiff_pipe"
_FRAME_RATE = 2
"""Frames per second, all of them key frames: what models are shown by default."""


def decode_picture(content: bytes, pixels: int) -> "NDArray[np.uint8]":
    """Decode a picture; transparent parts become white, and the camera's rotation is applied.

    Args:
        content: the file.
        pixels: the longer side is scaled down to this.

    Returns:
        Shape [height, width, 3], uint8, RGB, with an even height and width.

    Raises:
        MMABenchError: it is no picture, is damaged, or is too large.
    """
    import av
    import numpy as np

    try:
        with av.open(io.BytesIO(content), "r", options={"format_whitelist": _DEMUXERS}) as container:
            stream = container.streams.video[0]
            if stream.width * stream.height > MAX_PIXELS:
                raise MMABenchError(f"has {stream.width} x {stream.height} pixels; up to {MAX_PIXELS} are read")
            stream.codec_context.options = {"err_detect": "explode"}  # otherwise half of a picture is grey
            stream.codec_context.thread_count = 1
            frame = next(iter(container.decode(stream)))
            turns = round(frame.rotation / 90)
            rgba = frame.to_ndarray(format="rgba").astype(np.uint16)
    except (av.error.FFmpegError, ValueError, IndexError, StopIteration) as error:
        raise MMABenchError("cannot be decoded as a picture; it is damaged or of another format") from error
    alpha = rgba[..., 3:]
    flat = ((rgba[..., :3] * alpha + 255 * (255 - alpha)) // 255).astype(np.uint8)
    return scaled(np.ascontiguousarray(np.rot90(flat, turns)), pixels)


def scaled(picture: "NDArray[np.uint8]", pixels: int) -> "NDArray[np.uint8]":
    """Return a picture of shape [height, width, 3] whose longer side is at most ``pixels``, with even sides."""
    import av

    height, width = picture.shape[:2]
    factor = min(1.0, pixels / max(height, width))
    size = [max(16, round(side * factor / 2) * 2) for side in (height, width)]
    if size == [height, width]:
        return picture
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
    made = frame.reformat(width=size[1], height=size[0], format="rgb24", interpolation="AREA")
    return cast("NDArray[np.uint8]", made.to_ndarray(format="rgb24"))


def still_video(picture: "NDArray[np.uint8]", seconds: float) -> bytes:
    """Return a picture, shape [height, width, 3] with even sides, as a silent H.264 video of ``seconds``.

    The same picture gives the same bytes.
    """
    import av

    height, width = picture.shape[:2]
    settings = {"preset": "veryfast", "crf": "12", "g": "1", "threads": "1"}
    flags = {"fflags": "+bitexact", "movflags": "+faststart"}
    # A file, not a buffer: to move the index to the front, the muxer reopens its output by name.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "still.mp4"
        with av.open(str(path), "w", format="mp4", options=flags) as out:
            stream = out.add_stream("libx264", rate=_FRAME_RATE, options=settings)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for _ in range(max(1, round(seconds * _FRAME_RATE))):
                out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            out.mux(stream.encode(None))
        return path.read_bytes()


def plain(level: int) -> Media:
    """Return a picture of one grey level, 0 (black) to 255 (white)."""
    return Media(sha256_json(["plain", level]), functools.partial(_plain_video, level), origin=_origin(level))


def noise(seed: str, contrast: float) -> Media:
    """Return a picture of uniform noise around grey.

    Args:
        seed: same seed, same picture.
        contrast: 1 uses all levels from black to white, 0 is plain grey.
    """
    return Media(
        sha256_json(["noise", seed, contrast]), functools.partial(_noise_video, seed, contrast), origin="altered"
    )


def _origin(level: int) -> Origin:
    return "black" if level == 0 else "altered"


def _plain_video(level: int, seconds: float) -> bytes:
    import numpy as np

    return still_video(np.full((224, 224, 3), level, np.uint8), seconds)


def _noise_video(seed: str, contrast: float, seconds: float) -> bytes:
    import numpy as np

    generator = np.random.default_rng(int(sha256_json(seed)[:16], 16))
    values = 127.5 + contrast * generator.uniform(-127.5, 127.5, (224, 224, 3))
    return still_video(np.rint(values).astype(np.uint8), seconds)
