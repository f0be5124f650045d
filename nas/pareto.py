"""Pareto dominance, front, crowding distance and hypervolume; every objective is minimized."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Losses = Sequence[float]
Key = TypeVar("Key", bound=Hashable)


def dominates(a: Losses, b: Losses) -> bool:
    """Tell whether ``a`` is nowhere worse than ``b`` and somewhere better."""
    return all(x <= y for x, y in zip(a, b, strict=True)) and any(
        x < y for x, y in zip(a, b, strict=True)
    )


def front(losses: Sequence[Losses]) -> list[int]:
    """Return the positions of the points that no other dominates; equal points are all kept."""
    import moocore

    if not losses:
        return []
    points = np.asarray(losses, dtype=np.float64)
    mask = moocore.is_nondominated(points, keep_weakly=True)
    return [int(i) for i in np.flatnonzero(mask)]


def ranks(losses: Sequence[Losses]) -> list[int]:
    """Return each point's non-domination rank: 0 is the front, 1 the front without it, and so on.

    Source: non-dominated sorting of NSGA-II (Deb et al. 2002).
    """
    import moocore

    if not losses:
        return []
    points = np.asarray(losses, dtype=np.float64)
    return [int(rank) for rank in moocore.pareto_rank(points)]


def crowding(losses: Sequence[Losses]) -> NDArray[np.float64]:
    """Return each point's crowding distance within its front (Deb et al. 2002, section III-B).

    Boundary points have infinite distance; an objective without spread adds nothing.
    """
    if len(losses) <= 2:
        return np.full(len(losses), np.inf)
    points = np.asarray(losses, dtype=np.float64)
    distance = np.zeros(len(points))
    for column in points.T:
        order = np.argsort(column, kind="stable")
        spread = column[order[-1]] - column[order[0]]
        distance[order[[0, -1]]] = np.inf
        if spread > 0:
            distance[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / spread
    return distance


def hypervolume(losses: Sequence[Losses], reference: Losses) -> float:
    """Return the volume that the points dominate up to ``reference``; 0 for no points."""
    import moocore

    if not losses:
        return 0.0
    points = np.asarray(losses, dtype=np.float64)
    return float(moocore.hypervolume(points, ref=np.asarray(reference, dtype=np.float64)))


class Front(Generic[Key]):
    """The non-dominated points of a stream, kept up to date point by point.

    Adding costs one comparison with the front, not with everything that was ever added.
    """

    def __init__(self) -> None:
        self._keys: list[Key] = []
        self._points: NDArray[np.float64] = np.empty((0, 0))

    def __len__(self) -> int:
        return len(self._keys)

    def keys(self) -> list[Key]:
        """Return the keys of the points on the front, in the order they came."""
        return list(self._keys)

    def items(self) -> list[tuple[Key, tuple[float, ...]]]:
        """Return keys and points on the front, in the order they came."""
        return [(k, tuple(p)) for k, p in zip(self._keys, self._points.tolist(), strict=True)]

    def beaten(self, losses: Sequence[Losses]) -> list[bool]:
        """Tell of many points at once which ones a point on the front dominates."""
        if not self._keys or not losses:
            return [False] * len(losses)
        points = np.asarray(losses, dtype=np.float64)[:, None, :]
        no_worse = np.all(self._points <= points, axis=2)
        better = np.any(self._points < points, axis=2)
        found: list[bool] = np.any(no_worse & better, axis=1).tolist()
        return found

    def add(self, key: Key, losses: Losses) -> tuple[bool, list[Key]]:
        """Add a point. Returns whether it is on the front, and the keys that it drove off."""
        point = np.asarray(losses, dtype=np.float64)
        if not self._keys:
            self._keys, self._points = [key], point[None, :]
            return True, []
        no_worse = (self._points <= point).all(axis=1)
        if (no_worse & (self._points < point).any(axis=1)).any():
            return False, []
        beaten = np.asarray(
            (point <= self._points).all(axis=1) & (point < self._points).any(axis=1)
        )
        driven_off = [k for k, gone in zip(self._keys, beaten.tolist(), strict=True) if gone]
        self._keys = [
            k for k, gone in zip(self._keys, beaten.tolist(), strict=True) if not gone
        ] + [key]
        self._points = np.vstack([self._points[~beaten], point])
        return True, driven_off
