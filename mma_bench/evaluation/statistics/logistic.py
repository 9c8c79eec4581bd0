"""Logistic curves, fitted by maximum likelihood."""

import numpy as np
from numpy.typing import NDArray

_STEPS = 50
_RIDGE = 1e-6
"""Keeps the fit finite where one dose separates all answers; moves other fits by less than their digits."""


def fit_logistic(
    levels: NDArray[np.float64], hits: NDArray[np.float64], totals: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Fit logistic curves to counts by Newton's method, all at once.

    Args:
        levels: doses, shape [levels].
        hits: answers that went over, shape [curves, levels].
        totals: answers that chose a side, shape [curves, levels].

    Returns:
        Intercept and slope, shape [curves, 2].
    """
    centre, scale = float(levels.mean()), float(np.ptp(levels)) or 1.0
    x = (levels - centre) / scale
    beta = np.zeros((len(hits), 2))
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-np.clip(beta[:, :1] + beta[:, 1:] * x, -30, 30)))
        weight = totals * p * (1 - p)
        residual = hits - totals * p
        gradient = np.stack([residual.sum(1), (residual * x).sum(1)], axis=1) - _RIDGE * beta
        a, b, c = weight.sum(1) + _RIDGE, (weight * x).sum(1), (weight * x * x).sum(1) + _RIDGE
        determinant = a * c - b * b
        step = np.stack(
            [
                (c * gradient[:, 0] - b * gradient[:, 1]) / determinant,
                (a * gradient[:, 1] - b * gradient[:, 0]) / determinant,
            ],
            axis=1,
        )
        step = np.clip(step, -5, 5)
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            break
    slope = beta[:, 1] / scale
    return np.stack([beta[:, 0] - slope * centre, slope], axis=1)
