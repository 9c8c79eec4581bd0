"""Partners for the misaligned condition: a balanced derangement of clips over classes.

Every clip gives its video once and its sound once, and the two never come from one class. How often a
class's video meets another class's sound is as even as the class sizes allow: the shares that iterative
proportional fitting gives are rounded up or down, never further.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from mma_bench.schema import Clip

_SHUFFLES = 200


@dataclass(frozen=True)
class Pairing:
    """Who lends a sound to whom.

    Attributes:
        donors: clip id of a video -> the clip whose sound it gets.
        unpaired: clips without a partner: one class holds more than half of all clips.
    """

    donors: dict[str, Clip]
    unpaired: list[Clip]


def choose_partners(clips: Sequence[Clip], seed: int) -> Pairing:
    """Pair each of ``clips`` with the sound of a clip of another class; same seed, same pairs."""
    generator = random.Random(f"{seed}/partners")  # noqa: S311
    members: dict[str, list[Clip]] = defaultdict(list)
    for clip in sorted(clips, key=lambda clip: clip.clip_id):
        members[clip.audio_label].append(clip)
    unpaired = _trim_largest(members, generator)
    labels = sorted(label for label in members if members[label])
    if len(labels) < 2:
        return Pairing({}, sorted(clips, key=lambda clip: clip.clip_id))
    sizes = np.array([len(members[label]) for label in labels])
    for _ in range(_SHUFFLES):
        counts = _class_counts(sizes, generator)
        pairs = _deal(labels, members, counts, generator)
        clashes = [video for video, sound in pairs if video.audio_sha256 == sound.audio_sha256]
        if not clashes:
            break
    # Identical sounds under different labels can leave no way out: such clips stay without a partner.
    donors = {video.clip_id: sound for video, sound in pairs if video.audio_sha256 != sound.audio_sha256}
    return Pairing(donors, sorted(unpaired + clashes, key=lambda clip: clip.clip_id))


def _trim_largest(members: dict[str, list[Clip]], generator: random.Random) -> list[Clip]:
    """Take clips out of a class that holds more than half, until a derangement exists."""
    sizes = Counter({label: len(group) for label, group in members.items()})
    label, size = max(sizes.items(), key=lambda item: (item[1], item[0]), default=("", 0))
    surplus = max(0, size - (sizes.total() - size))
    chosen = generator.sample(members[label], surplus) if surplus else []
    if chosen:
        members[label] = [clip for clip in members[label] if clip not in chosen]
    return chosen


def _class_counts(sizes: NDArray[np.int64], generator: random.Random) -> NDArray[np.int64]:
    """Return how many videos of class i get a sound of class j: zero diagonal, rows and columns sum to sizes."""
    shares = _proportional_shares(sizes.astype(np.float64))
    floor = np.floor(shares + 1e-9)
    # Controlled rounding: a transportation problem whose vertices are whole numbers. Random costs choose
    # among the many roundings, so that the choice depends on the seed and not on the order of classes.
    classes = len(sizes)
    jitter = np.array([generator.random() for _ in range(classes * classes)]).reshape(classes, classes)
    upper = (shares - floor > 1e-9).astype(np.float64).ravel()
    rows = np.kron(np.eye(classes), np.ones(classes))
    columns = np.kron(np.ones(classes), np.eye(classes))
    needed = np.concatenate([sizes - floor.sum(axis=1), sizes - floor.sum(axis=0)])
    solution = linprog(
        (jitter - (shares - floor)).ravel(),
        A_eq=np.vstack([rows, columns]),
        b_eq=needed,
        bounds=[(0.0, float(most)) for most in upper],
        method="highs-ds",
    )
    if not solution.success or solution.x is None:
        raise RuntimeError(f"no balanced rounding for class sizes {sizes.tolist()}: {solution.message}")
    counts: NDArray[np.int64] = (floor + np.round(solution.x).reshape(classes, classes)).astype(np.int64)
    return counts


def _proportional_shares(sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale an all-ones matrix with a zero diagonal until its rows and columns sum to ``sizes``."""
    shares = np.outer(sizes, sizes)
    np.fill_diagonal(shares, 0.0)
    for _ in range(10_000):
        shares *= (sizes / shares.sum(axis=1))[:, None]
        shares *= sizes / shares.sum(axis=0)
        if np.abs(shares.sum(axis=1) - sizes).max() < 1e-10:
            break
    return shares


def _deal(
    labels: list[str], members: dict[str, list[Clip]], counts: NDArray[np.int64], generator: random.Random
) -> list[tuple[Clip, Clip]]:
    """Return (video, sound) pairs with the given class counts, clips drawn at random within classes."""
    sounds = {label: generator.sample(members[label], len(members[label])) for label in labels}
    pairs: list[tuple[Clip, Clip]] = []
    for i, label in enumerate(labels):
        lent = [sounds[other].pop() for j, other in enumerate(labels) for _ in range(counts[i, j])]
        videos = generator.sample(members[label], len(members[label]))
        pairs += zip(videos, lent, strict=True)
    return pairs
