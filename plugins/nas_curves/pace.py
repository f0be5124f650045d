"""Long curves at a coarser pace."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

LONGEST = 200
"""Steps of the longest curves that are told apart."""


@dataclass(frozen=True)
class Pace:
    """Sees at most 200 evenly spaced moments of a curve; shorter ones at every step.

    Args:
        epochs: of the curve.
    """

    epochs: int

    @property
    def moments(self) -> int:
        """How many are seen of a whole curve."""
        return min(self.epochs, LONGEST)

    def coarse(self, curves: Floats) -> Floats:
        """Return ``(curves, seen moments)``, at least one, between the steps by interpolation."""
        seen = curves.shape[1]
        if self.epochs <= LONGEST:
            return curves
        at = np.arange(1, self.moments + 1) * (self.epochs / self.moments)
        at = at[at <= seen] if at[0] <= seen else np.array([float(seen)])
        before = np.minimum(at.astype(np.int64), seen - 1)
        share = np.minimum(at - before, 1.0)
        return np.asarray((1 - share) * curves[:, before - 1] + share * curves[:, before])

    def later(self, seen: int, moments: int) -> Indices:
        """Return ``(later steps,)``: which predicted moment, from 0, stands for each later step.

        Args:
            seen: steps.
            moments: that were seen of them.
        """
        steps = np.arange(seen + 1, self.epochs + 1)
        moment = np.ceil(steps * (self.moments / self.epochs)).astype(np.int64)
        return np.asarray(np.clip(moment, moments + 1, self.moments) - moments - 1)
