"""Power: the smallest difference that a number of paired clips can show."""

import math

from mma_bench.evaluation.statistics.estimate import Z

_Z80 = 0.8416212335729143


def smallest_difference(pairs: float, discordant: float) -> float:
    """Return the smallest difference of two paired accuracies that is found with a power of 80%.

    Solves pairs = (z_0.975 sqrt(psi) + z_0.8 sqrt(psi - d^2))^2 / d^2 for d (Connett, Smith and McHugh 1987): with
    a = z_0.975 sqrt(psi) and b = z_0.8 it is d sqrt(pairs) = a + b sqrt(psi - d^2), a quadratic in d.

    Args:
        pairs: number of pairs.
        discordant: psi, the share of pairs of which one is right and one wrong. A difference d needs a share of
            at least d: where psi is smaller, d is taken for it.

    Returns:
        The difference, at most 1.
    """
    discordant = max(discordant, 1e-9)
    found = _smallest(pairs, discordant)
    if found <= discordant:
        return found
    if _smallest(pairs, 1.0) >= 1:
        return 1.0
    low, high = discordant, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if _smallest(pairs, middle) > middle else (low, middle)
    return high


def _smallest(pairs: float, discordant: float) -> float:
    a, root = Z * math.sqrt(discordant), math.sqrt(pairs)
    square = pairs + _Z80**2
    inside = (a * root) ** 2 - square * (a**2 - _Z80**2 * discordant)
    return (a * root + math.sqrt(max(inside, 0.0))) / square
