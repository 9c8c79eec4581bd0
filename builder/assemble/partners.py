"""Partners for the misaligned condition: a balanced derangement of clips over classes.

Every clip gives its video once and its sound once, and the two never come from one class. How often a
class's video meets another class's sound is as even as the class sizes allow: the shares that iterative
proportional fitting gives are rounded up or down, never further.

A policy narrows whom a class may meet: classes of other super-classes alone, which are plain conflicts, or other
classes of its own, which are subtle ones.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from builder.assemble.settings import PartnerPolicy
from mma_bench.questions.near_synonyms import near_synonym_groups
from mma_bench.schema import Clip

_SHUFFLES = 200


@dataclass(frozen=True)
class Pairing:
    """Who lends a sound to whom.

    Attributes:
        donors: clip id of a video -> the clip whose sound it gets.
        unpaired: clips without a partner: one class, or super-class, holds more than half of those that may meet.
    """

    donors: dict[str, Clip]
    unpaired: list[Clip]


def choose_partners(
    clips: Sequence[Clip],
    seed: int,
    policy: PartnerPolicy = "any_other_class",
    super_classes: Mapping[str, str] | None = None,
    *,
    avoid_near_synonyms: bool = False,
) -> Pairing:
    """Pair each of ``clips`` with the sound of a clip of another class; same seed, same pairs.

    Args:
        clips: clips whose streams agree.
        seed: seed of the build.
        policy: which classes may meet.
        super_classes: super-class of each class; needed by all policies but `any_other_class`.
        avoid_near_synonyms: never pair near-synonyms. Classes that are near-synonyms by way of a third one do not meet
            either, so that a pairing exists. Between super-classes, where they are rare, such clips stay unpaired.
    """
    labels = {clip.audio_label for clip in clips}
    kind = near_synonym_groups(sorted(labels)) if avoid_near_synonyms else {label: label for label in labels}
    generator = random.Random(f"{seed}/partners")  # noqa: S311
    if policy == "any_other_class" or super_classes is None:
        return _pair(clips, kind.__getitem__, generator)
    if policy == "other_super_class":
        pairing = _pair(clips, lambda label: super_classes[label], generator)
        return _without_near_synonyms(pairing, clips, kind)
    parts = [
        _pair([c for c in clips if super_classes[c.audio_label] == group], kind.__getitem__, generator)
        for group in sorted({super_classes[clip.audio_label] for clip in clips})
    ]
    donors = {name: donor for part in parts for name, donor in part.donors.items()}
    unpaired = [clip for part in parts for clip in part.unpaired]
    return Pairing(donors, sorted(unpaired, key=lambda clip: clip.clip_id))


def _without_near_synonyms(pairing: Pairing, clips: Sequence[Clip], kind: Mapping[str, str]) -> Pairing:
    """Take back pairs of near-synonyms."""
    found = [(clip, pairing.donors.get(clip.clip_id)) for clip in clips]
    met = [clip for clip, donor in found if donor and kind[clip.audio_label] == kind[donor.audio_label]]
    taken = {clip.clip_id for clip in met}
    donors = {name: donor for name, donor in pairing.donors.items() if name not in taken}
    return Pairing(donors, sorted([*pairing.unpaired, *met], key=lambda clip: clip.clip_id))


def _pair(clips: Sequence[Clip], group_of: Callable[[str], str], generator: random.Random) -> Pairing:
    """Pair clips whose classes lie in different groups."""
    members: dict[str, list[Clip]] = defaultdict(list)
    for clip in sorted(clips, key=lambda clip: clip.clip_id):
        members[clip.audio_label].append(clip)
    unpaired = _trim_largest(members, group_of, generator)
    labels = sorted(label for label in members if members[label])
    if len(labels) < 2:
        return Pairing({}, sorted(clips, key=lambda clip: clip.clip_id))
    sizes = np.array([len(members[label]) for label in labels])
    may_meet = np.array([[float(group_of(a) != group_of(b)) for b in labels] for a in labels])
    for _ in range(_SHUFFLES):
        counts = _class_counts(sizes, may_meet, generator)
        pairs = _deal(labels, members, counts, generator)
        clashes = [video for video, sound in pairs if video.audio_sha256 == sound.audio_sha256]
        if not clashes:
            break
    # Identical sounds under different labels can leave no way out: such clips stay without a partner.
    donors = {video.clip_id: sound for video, sound in pairs if video.audio_sha256 != sound.audio_sha256}
    return Pairing(donors, sorted(unpaired + clashes, key=lambda clip: clip.clip_id))


def _trim_largest(
    members: dict[str, list[Clip]], group_of: Callable[[str], str], generator: random.Random
) -> list[Clip]:
    """Take clips out of a group that holds more than half, until a derangement exists."""
    sizes: Counter[str] = Counter()
    for label, clips in members.items():
        sizes[group_of(label)] += len(clips)
    largest, size = max(sizes.items(), key=lambda item: (item[1], item[0]), default=("", 0))
    surplus = max(0, size - (sizes.total() - size))
    inside = [clip for label in sorted(members) if group_of(label) == largest for clip in members[label]]
    chosen = generator.sample(inside, surplus) if surplus else []
    if chosen:
        for label, clips in members.items():
            members[label] = [clip for clip in clips if clip not in chosen]
    return chosen


def _class_counts(
    sizes: NDArray[np.int64], may_meet: NDArray[np.float64], generator: random.Random
) -> NDArray[np.int64]:
    """Return how many videos of class i get a sound of class j: rows and columns sum to sizes, 0 where none may."""
    shares = _proportional_shares(sizes.astype(np.float64), may_meet)
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


def _proportional_shares(sizes: NDArray[np.float64], may_meet: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale a matrix that is 0 where classes may not meet until its rows and columns sum to ``sizes``."""
    shares = np.outer(sizes, sizes) * may_meet
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
