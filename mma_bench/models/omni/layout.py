"""The order of the tokens of a video, its audio and the question.

Interleaved, both streams count time in the same position ids, so the order follows from the times alone. The processors
of the two families write these orders for audio in video, and the models' position ids assume them. One after the
other, each stream has its own markers, as the processors write a video and an audio that are given separately.
"""

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Arrangement = Literal["interleaved", "video-first", "audio-first", "question-first"]
"""Which part of a conversation comes first. `interleaved` is the family's own order of audio in video, before the
question; with the streams apart, the question is last; with the question first, the streams are interleaved."""


def one_after_the_other(seen: int, heard: int, arrangement: Arrangement) -> "NDArray[np.bool_]":
    """Return for every token of two separate streams whether it belongs to the video.

    Args:
        seen: number of video tokens.
        heard: number of audio tokens.
        arrangement: `audio-first`, or another for the video first.
    """
    order = np.arange(seen + heard) < seen
    return order[::-1] if arrangement == "audio-first" else order


def video_times(
    grid: tuple[int, int, int], merge_size: int, seconds_per_grid: float, positions_per_second: float
) -> "NDArray[np.float64]":
    """Return the time of every video token, in position ids.

    Args:
        grid: number of patches along time, height and width.
        merge_size: number of patches per side that become one token.
        seconds_per_grid: seconds from one step in time to the next.
        positions_per_second: position ids per second.
    """
    tokens_a_step = grid[1] * grid[2] // merge_size**2
    # Multiplied in the order of the processors: with the two factors multiplied first, the step at exactly 2 seconds
    # can fall just below it and into the previous chunk.
    return np.repeat(np.arange(grid[0]) * seconds_per_grid * positions_per_second, tokens_a_step)


def chunked(video: "NDArray[np.float64]", audio_tokens: int, chunk: int) -> "NDArray[np.bool_]":
    """Alternate chunks of video and of audio, each of ``chunk`` position ids (Qwen2.5-Omni, 2 seconds).

    Args:
        video: time of every video token, in position ids, in ascending order.
        audio_tokens: number of audio tokens, one per position id.
        chunk: length of a chunk, position ids.

    Returns:
        For every token, whether it belongs to the video.
    """
    video_sizes = _chunk_sizes(video.tolist(), chunk)
    audio_sizes = _chunk_sizes(list(range(audio_tokens)), chunk)
    parts = []
    for index in range(max(len(video_sizes), len(audio_sizes))):
        parts += [np.ones(size, bool) for size in video_sizes[index : index + 1]]
        parts += [np.zeros(size, bool) for size in audio_sizes[index : index + 1]]
    return np.concatenate(parts)


def _chunk_sizes(times: list[float], chunk: int) -> list[int]:
    """Split after each token that begins the next chunk; after a gap of several chunks, they begin one token apart."""
    starts = [0]
    for index, time in enumerate(times):
        if time >= len(starts) * chunk:
            starts.append(index)
    return [end - start for start, end in zip(starts, [*starts[1:], len(times)], strict=True)]


def merged(video: "NDArray[np.float64]", audio_tokens: int) -> "NDArray[np.bool_]":
    """Sort the tokens of both streams by time, video first if the times are equal (Qwen3-Omni).

    Args:
        video: time of every video token, in position ids, in ascending order.
        audio_tokens: number of audio tokens, one per position id.

    Returns:
        For every token, whether it belongs to the video.
    """
    times = np.concatenate([video, np.arange(audio_tokens)])
    order = np.argsort(times, kind="stable")  # stable: the video comes first in `times`
    return order < len(video)
