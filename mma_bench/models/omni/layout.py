"""In which order the tokens of a video and its sound follow each other.

Both streams count time in the same position ids, so which token comes next follows from the times alone. These orders
are what the processors of the two families write for audio in video; the model's own position ids assume them.
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def video_times(
    grid: tuple[int, int, int], merge_size: int, seconds_per_grid: float, positions_per_second: float
) -> "NDArray[np.float64]":
    """Return the time of every video token, in position ids.

    Args:
        grid: number of patches along time, height and width.
        merge_size: so many patches by as many become one token.
        seconds_per_grid: seconds from one step in time to the next.
        positions_per_second: position ids in a second.
    """
    tokens_a_step = grid[1] * grid[2] // merge_size**2
    # In this order, as the processors multiply: with the two factors multiplied first, the step at exactly 2 seconds
    # can fall just below it and into the chunk before.
    return np.repeat(np.arange(grid[0]) * seconds_per_grid * positions_per_second, tokens_a_step)


def chunked(video: "NDArray[np.float64]", audio_tokens: int, chunk: int) -> "NDArray[np.bool_]":
    """Alternate chunks of video and of audio, each of ``chunk`` position ids (Qwen2.5-Omni, 2 seconds).

    Args:
        video: time of every video token, in position ids, never falling.
        audio_tokens: number of audio tokens, one a position id.
        chunk: length of a chunk, position ids.

    Returns:
        For every token whether it is one of the video.
    """
    video_sizes = _chunk_sizes(video.tolist(), chunk)
    audio_sizes = _chunk_sizes(list(range(audio_tokens)), chunk)
    parts = []
    for index in range(max(len(video_sizes), len(audio_sizes))):
        parts += [np.ones(size, bool) for size in video_sizes[index : index + 1]]
        parts += [np.zeros(size, bool) for size in audio_sizes[index : index + 1]]
    return np.concatenate(parts)


def _chunk_sizes(times: list[float], chunk: int) -> list[int]:
    """Cut after each token at which the next chunk begins; a gap of several chunks begins them one token apart."""
    starts = [0]
    for index, time in enumerate(times):
        if time >= len(starts) * chunk:
            starts.append(index)
    return [end - start for start, end in zip(starts, [*starts[1:], len(times)], strict=True)]


def merged(video: "NDArray[np.float64]", audio_tokens: int) -> "NDArray[np.bool_]":
    """Sort the tokens of both streams by time, the video first where they are equal (Qwen3-Omni).

    Args:
        video: time of every video token, in position ids, never falling.
        audio_tokens: number of audio tokens, one a position id.

    Returns:
        For every token whether it is one of the video.
    """
    times = np.concatenate([video, np.arange(audio_tokens)])
    order = np.argsort(times, kind="stable")  # stable: the video stands first in `times`
    return order < len(video)
