"""From losses and violations to an order: constrained dominance and crowding, for arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nas_strategies.selection import rank_and_crowding


def order(losses: NDArray[np.float64], violation: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return positions, the best first; equals keep their order.

    As ``selection.standings``: whatever has no violation comes first, by its loss or, with several
    objectives, by non-domination rank, then crowding distance; the rest by violation.

    Args:
        losses: ``(n, objectives)``.
        violation: ``(n,)``, at least 0.
    """
    first, second = violation.copy(), np.zeros(len(violation))
    feasible = np.flatnonzero(violation == 0)
    if losses.shape[1] == 1:
        second[feasible] = losses[feasible, 0]
    elif len(feasible):
        standings = np.array(rank_and_crowding(losses[feasible].tolist()))
        # below every violation, which is above 0
        first[feasible], second[feasible] = standings[:, 0] - len(violation) - 1, standings[:, 1]
    return np.lexsort((second, first))
