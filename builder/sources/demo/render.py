"""Turn a photo and an audio file into a 10 s source clip: H.264 with a moving view of the photo, and FLAC."""

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from builder.sources.demo.catalogue import SECONDS, Crop, DemoClip, MediaFile
from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import atomic_path
from mma_bench.files.hashing import sha256_bytes, sha256_json

if TYPE_CHECKING:
    import av
    import numpy as np
    from numpy.typing import NDArray

FRAME_RATE = 15
WIDTH, HEIGHT = 640, 480
SAMPLE_RATE = 44_100

_CRF = 16  # visually lossless: the normalised stream is encoded from this one
_PEAK = 0.7  # -3 dB full scale; the recordings peak anywhere between 0.26 and 1.1
_FADE_SECONDS = 0.01  # enough to hide the click of a cut
_SILENCE = 0.003  # relative to the peak (-50 dB): what counts as silence at the ends of repeated audio
_BACKGROUND = 232  # light grey behind a cut-out photo
_VIEW = 0.88  # mean width of the view, relative to the largest that fits the crop
_ZOOM = 0.05  # its change in either direction


def render_clip(clip: DemoClip, cache: Path, out: Path, *, seed: int) -> None:
    """Write a clip as Matroska. The same clip, media and seed give the same bytes (with the same libraries).

    Args:
        clip: an entry of the catalogue.
        cache: where `fetch_media` left the media.
        out: file to write, `.mkv`.
        seed: determines the motion, together with the name of the clip.

    Raises:
        MMABenchError: a photo or audio file is not in the cache, cannot be decoded, or is too short.
    """
    if out.suffix != ".mkv":
        raise MMABenchError(f"demo clips are written as .mkv, not as {out.name}; change the suffix")
    photo = _decode_photo(clip.image, _checked(clip, clip.image, cache))
    sound = clip_sound(clip, cache)
    with atomic_path(out) as temporary:
        _encode(temporary, _move(photo, clip.crop, _Motion.drawn(clip.name, seed)), sound)


def clip_sound(clip: DemoClip, cache: Path) -> "NDArray[np.int16]":
    """Return the audio of a clip: exactly 10 s at a common peak level.

    Returns:
        Array of shape [SECONDS * SAMPLE_RATE], int16, mono.

    Raises:
        MMABenchError: the audio is not in the cache, cannot be decoded, is silent or too short.
    """
    return _arrange(clip, _decode_sound(clip.audio, _checked(clip, clip.audio, cache)))


@dataclass(frozen=True)
class _Motion:
    """The path of the view: its centre moves along an ellipse while it zooms in and out.

    The motion never rests, so no two moments half a second apart look the same.
    """

    period: float  # seconds per round
    phase: float  # radians
    direction: int  # 1 or -1
    zoom_period: float
    zoom_phase: float

    @classmethod
    def drawn(cls, name: str, seed: int) -> "_Motion":
        import numpy as np

        random = np.random.default_rng(int(sha256_json([name, seed])[:16], 16))
        return cls(
            period=random.uniform(8, 12),
            phase=random.uniform(0, 2 * math.pi),
            direction=int(random.choice([-1, 1])),
            zoom_period=random.uniform(9, 15),
            zoom_phase=random.uniform(0, 2 * math.pi),
        )

    def view(self, seconds: float) -> tuple[float, float, float]:
        """Return the centre, x and y from -1 to 1 of the available space, and the width of the view from 0 to 1."""
        angle = self.phase + self.direction * 2 * math.pi * seconds / self.period
        zoom = math.sin(self.zoom_phase + 2 * math.pi * seconds / self.zoom_period)
        return math.cos(angle), math.sin(angle), _VIEW + _ZOOM * zoom


def _move(photo: "NDArray[np.uint8]", crop: Crop, motion: _Motion) -> "Iterator[NDArray[np.uint8]]":
    """Yield the frames of the clip, each [HEIGHT, WIDTH, 3], uint8, RGB.

    Args:
        photo: shape [height, width, 3], uint8, RGB.
        crop: the part of the photo to use.
        motion: path of the view.
    """
    import cv2
    import numpy as np

    rows, columns = photo.shape[:2]
    left, top, right, bottom = crop
    part = photo[
        round(top * rows) : round(bottom * rows),
        round(left * columns) : round(right * columns),
    ]
    # Scale once, so that a view of mean width has the width of a frame: each frame is then one cheap
    # sub-pixel warp near scale 1, with no aliasing.
    largest = min(part.shape[1], part.shape[0] * WIDTH / HEIGHT)
    scale = WIDTH / (largest * _VIEW)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    canvas = cv2.resize(part, None, fx=scale, fy=scale, interpolation=method)
    height, width = canvas.shape[:2]
    widest = min(width, height * WIDTH / HEIGHT)
    for index in range(SECONDS * FRAME_RATE):
        x, y, zoom = motion.view(index / FRAME_RATE)
        view_width = zoom * widest
        view_height = view_width * HEIGHT / WIDTH
        # At most an eighth of the view to either side: the view would otherwise move too fast over a wide photo.
        view_left = (width - view_width) / 2 + x * min((width - view_width) / 2, view_width / 8)
        view_top = (height - view_height) / 2 + y * min((height - view_height) / 2, view_height / 8)
        step = view_width / WIDTH
        matrix = np.array([[step, 0, view_left + (step - 1) / 2], [0, step, view_top + (step - 1) / 2]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP  # cubic: four times the cost, no benefit near scale 1
        frame = cv2.warpAffine(canvas, matrix, (WIDTH, HEIGHT), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        yield cast("NDArray[np.uint8]", frame)


def _arrange(clip: DemoClip, sound: "NDArray[np.float32]") -> "NDArray[np.int16]":
    """Return exactly SECONDS of sound at a common peak level, shape [samples], mono, int16.

    Args:
        clip: says whether the sound repeats and where an excerpt starts.
        sound: shape [samples], mono, at SAMPLE_RATE, range -1 to 1 or somewhat above.
    """
    import numpy as np

    length = SECONDS * SAMPLE_RATE
    start = round(clip.start_seconds * SAMPLE_RATE)
    piece = sound[start:] if clip.loop else sound[start : start + length]
    peak = float(np.abs(piece).max(initial=0))
    if peak < 1e-3:
        raise MMABenchError(f"clip {clip.name}: {clip.audio} is silent from {clip.start_seconds} s on; use another")
    if clip.loop:
        loud = np.flatnonzero(np.abs(piece) > _SILENCE * peak)
        piece = _fade(piece[loud[0] : loud[-1] + 1])
        pause = np.zeros(round(clip.pause_seconds * SAMPLE_RATE), np.float32)
        piece = np.tile(np.concatenate([piece, pause]), math.ceil(length / (piece.size + pause.size)))[:length]
    if piece.size < length:
        short = (length - piece.size) / SAMPLE_RATE
        raise MMABenchError(f"clip {clip.name}: {clip.audio} is {short:.1f} s too short; start earlier or set `loop`")
    levelled = _fade(piece) * np.float32(_PEAK / peak)
    return cast("NDArray[np.int16]", np.rint(levelled * 32767).astype(np.int16))


def _fade(sound: "NDArray[np.float32]") -> "NDArray[np.float32]":
    import numpy as np

    count = min(round(_FADE_SECONDS * SAMPLE_RATE), sound.size // 2)
    faded = sound.copy()
    if count:
        ramp = np.linspace(0, 1, count, dtype=np.float32)
        faded[:count] *= ramp
        faded[-count:] *= ramp[::-1]
    return faded


def _checked(clip: DemoClip, file: MediaFile, cache: Path) -> bytes:
    try:
        data = file.location(cache).read_bytes()
    except OSError as error:
        raise MMABenchError(
            f"clip {clip.name}: {file} is not in {cache} ({error.strerror}); fetch the demo media first"
        ) from error
    if sha256_bytes(data) != file.sha256:
        raise MMABenchError(f"clip {clip.name}: {file.location(cache)} was changed; delete it and fetch it again")
    return data


def _decode_photo(file: MediaFile, data: bytes) -> "NDArray[np.uint8]":
    """Return the photo, shape [height, width, 3], uint8, RGB.

    A cut-out (a photo with transparent parts) is laid on light grey with room around it.
    """
    import av
    import numpy as np

    try:
        with av.open(io.BytesIO(data), "r") as container:
            pixels = next(container.decode(video=0)).to_ndarray(format="rgba").astype(np.float32)
    except (av.error.FFmpegError, ValueError, StopIteration, IndexError) as error:
        raise MMABenchError(f"cannot decode the photo {file} ({error})") from error
    if pixels[..., 3].min() == 0:
        pixels = _with_margin(pixels)
    opacity = pixels[..., 3:] / 255
    return np.rint(pixels[..., :3] * opacity + _BACKGROUND * (1 - opacity)).astype(np.uint8)


def _with_margin(pixels: "NDArray[np.float32]") -> "NDArray[np.float32]":
    """Centre a cut-out, shape [height, width, 4], on a larger transparent area of the frame's shape."""
    import numpy as np

    height, width = pixels.shape[:2]
    wide = math.ceil(1.3 * max(width, height * WIDTH / HEIGHT))
    tall = math.ceil(wide * HEIGHT / WIDTH)
    area = np.zeros((tall, wide, 4), np.float32)
    top, left = (tall - height) // 2, (wide - width) // 2
    area[top : top + height, left : left + width] = pixels
    return area


def _decode_sound(file: MediaFile, data: bytes) -> "NDArray[np.float32]":
    """Return the sound, shape [samples], mono, at SAMPLE_RATE."""
    import av
    import numpy as np

    resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
    parts: list[av.AudioFrame] = []
    try:
        with av.open(io.BytesIO(data), "r") as container:
            for frame in container.decode(audio=0):
                frame.pts = None  # one stream from zero: let the resampler count
                parts += resampler.resample(frame)
            parts += resampler.resample(None)
    except (av.error.FFmpegError, ValueError, IndexError) as error:
        raise MMABenchError(f"cannot decode the sound {file} ({error})") from error
    empty = np.zeros(0, np.float32)
    return np.concatenate([empty, *(part.to_ndarray().reshape(-1).astype(np.float32) for part in parts)])


def _encode(path: Path, frames: "Iterator[NDArray[np.uint8]]", sound: "NDArray[np.int16]") -> None:
    """Write H.264 and FLAC; one thread and `bitexact`, so that a second run gives the same bytes."""
    import av
    import cv2

    with av.open(path, "w", format="matroska", options={"fflags": "+bitexact"}) as container:
        video = container.add_stream("libx264", rate=FRAME_RATE)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.codec_context.thread_count = 1
        video.options = {"crf": str(_CRF), "preset": "veryfast", "flags": "+bitexact"}
        audio = container.add_stream("flac", rate=SAMPLE_RATE)
        audio.codec_context.layout, audio.codec_context.format = "mono", "s16"
        audio.options = {"flags": "+bitexact"}
        for index, pixels in enumerate(frames):
            planes = cast("NDArray[np.uint8]", cv2.cvtColor(pixels, cv2.COLOR_RGB2YUV_I420))
            picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            picture.pts = index
            container.mux(video.encode(picture))
            begin = index * SAMPLE_RATE // FRAME_RATE
            container.mux(audio.encode(_block(sound[begin : (index + 1) * SAMPLE_RATE // FRAME_RATE], begin)))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))


def _block(samples: "NDArray[np.int16]", begin: int) -> "av.AudioFrame":
    import av

    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = SAMPLE_RATE
    frame.pts = begin
    return frame
