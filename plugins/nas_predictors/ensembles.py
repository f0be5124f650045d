"""What an ensemble knows of its own error."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def unexplained(unseen: Floats, scores: Floats) -> float:
    """Return the variance of the error that the members' disagreement does not explain.

    Args:
        unseen: ``(members, samples)`` predictions by members that did not learn from the sample,
            else NaN.
        scores: ``(samples,)`` what was to be predicted.
    """
    judged = np.isfinite(unseen).sum(axis=0) > 1
    if not judged.any():
        return 1.0  # the variance of the scores: nothing is known yet
    seen = unseen[:, judged]
    error = np.mean((np.nanmean(seen, axis=0) - scores[judged]) ** 2)
    return float(max(0.0, error - np.mean(np.nanvar(seen, axis=0))))
