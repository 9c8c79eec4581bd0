"""Black frames of any length from three encoded groups of pictures."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from mma_bench.dataset.encoding import KEY_FRAME_SECONDS, X264_PARAMETERS
from mma_bench.dataset.media import TIME_TOLERANCE

_BLACK = (16, 128, 128)  # Y, U, V
_GROUPS = 3  # the first carries the encoder's settings; two more, because neighbours must differ in `idr_pic_id`


def write_black(path: Path, *, rate: Fraction, frames: int, size: tuple[int, int], crf: int = 18) -> None:
    """Write ``frames`` black frames with the key frames of clips; the same arguments give the same bytes.

    Groups are closed and all frames alike, so x264 writes the second and the third group over and over. Encoding the
    300 frames of a clip took most of the stage `assemble`; these are the same bytes for a sixth of it.

    Args:
        path: file to write, mp4.
        rate: frames per second.
        frames: number of frames.
        size: width and height, pixels.
        crf: x264's constant rate factor; it changes bytes, not pixels.
    """
    import av
    from av.codec.context import Flags
    from av.video.frame import PictureType

    starts = _key_frames(rate, frames)
    longest = max(end - start for start, end in pairwise([*starts, frames]))
    options = {"fflags": "+bitexact", "movflags": "+faststart"}
    with av.open(str(path), "w", format="mp4", options=options) as out:
        x264 = {
            "preset": "ultrafast",  # black gains nothing from a slower one
            "crf": str(crf),
            "forced-idr": "1",
            "x264-params": f"{X264_PARAMETERS}:sar=1/1",
        }
        stream = out.add_stream("libx264", rate=rate, options=x264)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.time_base = 1 / rate
        stream.codec_context.thread_count = 1
        stream.codec_context.flags |= Flags.bitexact
        frame = av.VideoFrame(*size, "yuv420p")
        for plane, value in zip(frame.planes, _BLACK, strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        encoded = []
        for i in range(_GROUPS * longest):
            frame.pts = i
            frame.pict_type = PictureType.I if i % longest == 0 else PictureType.NONE
            encoded += stream.encode(frame)
        encoded += stream.encode(None)
        for group, (start, end) in enumerate(pairwise([*starts, frames])):
            which = group if group < _GROUPS else 1 + (group - 1) % 2
            for i in range(start, end):
                packet = av.Packet(bytes(encoded[which * longest + i - start]))
                packet.stream = stream
                packet.time_base = 1 / rate
                packet.pts = packet.dts = i
                packet.duration = 1
                packet.is_keyframe = i == start
                out.mux(packet)


def _key_frames(rate: Fraction, frames: int) -> list[int]:
    """Return the first frame at or after each half second, as `transcode` forces them."""
    found: list[int] = []
    for i in range(frames):
        if i / rate + Fraction(TIME_TOLERANCE) >= len(found) * Fraction(KEY_FRAME_SECONDS):
            found.append(i)
    return found
