"""Which of several candidates add the most hypervolume to a front, one after the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nas import pareto

MARGIN = 0.1
"""The reference point lies this share of the range beyond the worst of each objective."""


def greedy(known: NDArray[np.float64], candidates: NDArray[np.float64], count: int) -> list[int]:
    """Return positions of candidates; each adds the most to the known and those before it.

    Stops where none adds anything. Objectives are scaled to the range of both fronts together.

    Args:
        known: ``(n, objectives)`` losses that were measured.
        candidates: ``(m, objectives)`` losses that are expected.
        count: how many to choose at most.
    """
    front = [*_front(known), *_front(candidates)]
    low, high = np.min(front, axis=0), np.max(front, axis=0)
    span = np.where(high > low, high - low, 1.0)
    reference = (1 + MARGIN,) * known.shape[1]
    base = [tuple(point) for point in (_front(known) - low) / span]
    points = [tuple(point) for point in (candidates - low) / span]
    volume = pareto.hypervolume(base, reference)
    chosen: list[int] = []
    left = list(range(len(points)))
    while left and len(chosen) < count:
        volumes = [pareto.hypervolume([*base, points[i]], reference) for i in left]
        best = int(np.argmax(volumes))
        if volumes[best] <= volume:
            break
        volume = volumes[best]
        chosen.append(left.pop(best))
        base.append(points[chosen[-1]])
    return chosen


def _front(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return points[pareto.front(points.tolist())]
