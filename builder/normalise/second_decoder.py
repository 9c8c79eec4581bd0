"""Decode the video of a segment with PyAV's FFmpeg, and count the packets that it rejects.

FFmpeg 5 usually decodes damage in VP8 and VP9 to garbage without a message: of files with 60 damaged spots, it reported
4 of 8 (VP8) and 2 of 8 (VP9); these decoders report 7 and 4 of 8. This is a program rather than a function because a
decoder needs limits from outside.
"""

import sys
from fractions import Fraction
from typing import cast

import av

DECODERS = {"vp8": ("vp8",), "vp9": ("libvpx-vp9", "vp9")}
"""Codecs whose damage needs a second decoder, and the decoders to ask: the one that finds most damage first.

The next one is asked where a decoder yields no frame: then the format is unknown to it, as VP9 of 10 bits is to
PyAV's libvpx.
"""

_THREADS = {"vp8": 2}
"""Threads of a decoder, by default 1. It is never the number of processors: the result must not depend on the machine.
VP8's checks where its data end only if it decodes a frame in several threads.
"""


def refused_packets(path: str, containers: str, index: int, codec: str, start: float, end: float) -> int:
    """Return how many packets of a segment cannot be decoded.

    Args:
        path: the media file.
        containers: the formats that may be opened, separated by commas.
        index: number of the video stream.
        codec: its codec, a key of `DECODERS`.
        start: where the segment starts, in seconds from the start of the file, as ffmpeg's ``-ss`` counts.
        end: where it ends.
    """
    refused = 0
    for decoder in DECODERS[codec]:
        frames, refused = _decoded(path, containers, index, decoder, start, end)
        if frames:
            break
    return refused


def _decoded(path: str, containers: str, index: int, name: str, start: float, end: float) -> tuple[int, int]:
    """Return how many frames the decoder ``name`` yields of a segment, and how many packets it refuses."""
    frames = refused = 0
    with av.open(path, options={"format_whitelist": containers}) as container:
        stream = container.streams[index]
        base = stream.time_base or Fraction(1)
        first = (container.start_time or 0) / av.time_base  # microseconds; time stamps need not begin at 0
        start, end = start + first, end + first
        decoder = cast("av.VideoCodecContext", av.CodecContext.create(name, "r"))
        decoder.thread_count = _THREADS.get(name, 1)
        container.seek(int(start / base), stream=stream)
        for packet in container.demux(stream):
            at = float(packet.pts * base) if packet.pts is not None else start
            if at >= end:
                break
            try:
                frames += len(decoder.decode(packet))
            except av.error.EOFError:
                break
            except av.error.FFmpegError:
                refused += at >= start
    return frames, refused


if __name__ == "__main__":
    file, formats, number, coded, *span = sys.argv[1:]
    av.logging.set_level(None)
    print(refused_packets(file, formats, int(number), coded, float(span[0]), float(span[1])))
