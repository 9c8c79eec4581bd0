"""The jackknife over clips."""

import numpy as np
from numpy.typing import NDArray


def jackknife_covariance(estimates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the covariance of parameters from their estimates without each clip in turn (Tukey 1958).

    Args:
        estimates: shape [clips, parameters].

    Returns:
        Shape [parameters, parameters].
    """
    clips = len(estimates)
    gaps = estimates - estimates.mean(axis=0)
    found: NDArray[np.float64] = gaps.T @ gaps * (clips - 1) / clips
    return found
