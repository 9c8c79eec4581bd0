"""Which clips a limit takes: one of each class in turn, so that a few of them are of as many classes as they can be."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping

from mma_bench.schema import Stimulus


def in_turns(clips: Mapping[str, str | None]) -> list[str]:
    """Return the clips, one of each class in turn; within a turn and within a class, by a hash of their names.

    The first N are the beginning of the first M > N. Names often begin with the class, so their own order would not do.

    Args:
        clips: class of each clip, by its name.
    """
    turns: Counter[str | None] = Counter()
    places = []
    for drawn, clip in sorted((hashlib.sha256(clip.encode()).hexdigest(), clip) for clip in clips):
        turns[clips[clip]] += 1
        places.append((turns[clips[clip]], drawn, clip))
    return [clip for _, _, clip in sorted(places)]


def in_turns_of_clips(stimuli: Iterable[Stimulus]) -> list[Stimulus]:
    """Return the stimuli in turns of their clips, so that the first ones of each condition are of the same clips."""
    ordered = sorted(stimuli, key=lambda stimulus: stimulus.key)
    labels = dict(map(_clip, reversed(ordered)))
    places = {name: place for place, name in enumerate(in_turns(labels))}
    return sorted(ordered, key=lambda stimulus: places[_clip(stimulus)[0]])


def _clip(stimulus: Stimulus) -> tuple[str, str | None]:
    """Return the clip that a stimulus was made from, with its class: that of its video, else that of its audio."""
    for stream in (stimulus.video, stimulus.audio):
        if stream.clip_id is not None:
            return stream.clip_id, stream.label
    return stimulus.key, None
