"""What each token of a prompt is that a checkpoint's own processor wrote.

Media tokens are those that the processor puts in place of its placeholders. The question is found by its place in the
text of the conversation; from there on, the tokens are the same whether or not the placeholders before are expanded.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from mma_bench.diagnosis.token_map import GROUPS, Group, TokenMap, text_groups, texts_of
from mma_bench.errors import MMABenchError
from mma_bench.models.plain.engine import PlainEngine
from mma_bench.models.plain.inputs import Media
from mma_bench.schema import Question

if TYPE_CHECKING:
    from numpy.typing import NDArray


def map_plain(
    engine: PlainEngine, media: Media, ids: Sequence[int], media_end: int, question: Question
) -> tuple[TokenMap, list[str | None]]:
    """Return the map of a prompt, and the characters of the prompt that each token covers.

    Args:
        engine: whose processor wrote the prompt.
        media: what is shown.
        ids: tokens of the prompt.
        media_end: number of tokens up to the end of the media.
        question: what is asked; a prompt without parts is all question.

    Raises:
        MMABenchError: the question cannot be found among the tokens.
    """
    found = np.array(ids)
    codes = np.full(len(found), GROUPS.index(Group.TEMPLATE), np.int8)
    seen = np.isin(found, list(engine.prompts.placeholders(("image", "video"))))
    codes[seen] = GROUPS.index(Group.VIDEO)
    codes[np.isin(found, list(engine.prompts.placeholders(("audio",))))] = GROUPS.index(Group.AUDIO)
    option = np.full(len(found), -1, np.int16)
    first, offsets = _question(engine, engine.prompts.written(media, question.prompt), found, media_end, question)
    words = slice(first, first + len(offsets))
    codes[words], option[words] = text_groups(question, offsets)
    seconds = np.full(len(found), np.nan, np.float32)
    if media.frames is not None:
        seconds[seen] = _times(np.flatnonzero(seen), len(media.frames), engine.settings.fps, merged_frames(engine))
    nowhere = np.full(len(found), -1, np.int16)
    made = TokenMap(found, codes, option, seconds, nowhere, nowhere, media_end, len(found))
    return made, texts_of(question.prompt, len(found), first, offsets)


def _question(
    engine: PlainEngine, written: str, ids: "NDArray[np.int64]", media_end: int, question: Question
) -> tuple[int, list[tuple[int, int]]]:
    """Return the first token of the question, and where each of its tokens begins and ends in the prompt."""
    name, tokenizer = type(engine.family.processor).__name__, engine.prompts.tokenizer
    if not getattr(tokenizer, "is_fast", False):
        raise MMABenchError(
            f"not for this family: the tokenizer of {name} cannot tell which characters a token covers, so a diagnosis "
            "does not know which tokens are the question"
        )
    encoded: Any = tokenizer(written, add_special_tokens=False, return_offsets_mapping=True)
    text = question.prompt.strip()  # as chat templates write it
    start, offsets = written.rfind(text), encoded["offset_mapping"]
    begin = start - (len(question.prompt) - len(question.prompt.lstrip()))
    inside = [
        place
        for place, (left, right) in enumerate(offsets)
        if left < start + len(text) and (right > start or left == right >= start)
    ]
    tail = encoded["input_ids"][inside[0] if inside else 0 :]
    first = len(ids) - len(tail)
    if start < 0 or not inside or first < media_end or tail != ids[first:].tolist():
        raise MMABenchError(
            f"not for this family: {name} writes the question in a way that a diagnosis cannot follow "
            f"({question.prompt[:60]!r} is not found among the tokens after the media)"
        )
    places = [
        (max(left - begin, 0), min(right - begin, len(question.prompt)))
        for left, right in offsets[inside[0] : inside[-1] + 1]
    ]
    return first, places


def merged_frames(engine: PlainEngine) -> int | None:
    """Return how many frames become one, as the processor states it, or none if it does not.

    Pictures are never merged. Processors of videos that merge frames call the number `temporal_patch_size`.
    """
    if engine.prompts.frames_as == "images":
        return 1
    stated = getattr(getattr(engine.family.processor, "video_processor", None), "temporal_patch_size", None)
    return stated if isinstance(stated, int) and stated > 0 else None


def _times(places: "NDArray[np.int64]", frames: int, fps: float, merged: int | None) -> "NDArray[np.float64]":
    """Return the time of the first frame of each video token, NaN if it is not known.

    Args:
        places: numbers of the video tokens.
        frames: number of frames.
        fps: frames per second.
        merged: how many frames become one, or none if that is not known; then there must be a run of tokens per frame.
    """
    starts = [0, *(place for place, (one, two) in enumerate(pairwise(places.tolist()), 1) if two > one + 1)]
    groups = -(-frames // (merged or 1))
    if len(starts) == groups:
        lengths = np.diff([*starts, len(places)])
    elif merged and len(starts) == 1 and len(places) % groups == 0:
        lengths = np.full(groups, len(places) // groups)
    else:
        return np.full(len(places), np.nan)
    return np.repeat(np.arange(groups) * (merged or 1) / fps, lengths)
