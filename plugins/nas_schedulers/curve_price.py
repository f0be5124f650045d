"""What an epoch is worth elsewhere: how fast new trials raise the best."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_HOPE = 0.5
"""Before anything is known, a better trial is expected halfway between the best and the top."""


def price(bests: Floats, spent: float) -> float:
    """Return by how much a step of a new trial is expected to raise the best.

    As if the order of trials did not matter: the k-th is the best so far with probability 1/k, so
    of ``n`` trials about ``1 + 1/2 + ... + 1/n`` were, and the next one is with probability
    ``1 / (n + 1)``. A rise is worth the average of those there were and one that was hoped for, at
    most what is left.

    Args:
        bests: ``(trials,)`` normalised, of each trial, in the order in which they began.
        spent: steps that a trial takes on average.
    """
    if not len(bests):
        return _HOPE / spent
    count, best = len(bests), float(bests.max())
    left = max(1.0 - best, 0.0)
    rises = float(np.sum(1.0 / np.arange(1, count + 1)))
    rise = min((_HOPE * left + best - float(bests[0])) / rises, left)
    return rise / (count + 1) / spent
