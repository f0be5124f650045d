"""Normal scores: a metric's values on a scale where they are normally distributed."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(9)


class NormalScores:
    """The monotone map that gives each value the normal quantile of its rank, and its inverse.

    Networks that fail to learn lie far from all others; on this scale they no longer outweigh the
    differences among the good ones. Equal values share their mean rank. Between training values the
    inverse is linear, beyond them constant.

    Args:
        values: ``(n,)``, at least one, finite.
    """

    def __init__(self, values: Floats) -> None:
        self._values, place, counts = np.unique(values, return_inverse=True, return_counts=True)
        middle = (np.cumsum(counts) - counts / 2) / len(values)
        self._scores = np.array([NormalDist().inv_cdf(share) for share in middle.tolist()])
        self.training: Floats = self._scores[place.reshape(-1)]
        """``(n,)`` scores of the values."""

    def moments(self, mean: Floats, std: Floats) -> tuple[Floats, Floats]:
        """Return mean and standard deviation of the values whose scores are so distributed.

        The scores are normal; the expectations are taken by Gauss-Hermite quadrature (9 nodes).
        """
        points = np.interp(mean[:, None] + std[:, None] * _NODES, self._scores, self._values)
        weights = _WEIGHTS / _WEIGHTS.sum()
        centre = points @ weights
        unit = np.abs(self._values).max() or 1.0  # the square of a large number is none
        return centre, unit * np.sqrt(((points - centre[:, None]) / unit) ** 2 @ weights)
