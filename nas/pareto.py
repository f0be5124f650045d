"""Pareto dominance, front, crowding, knees and hypervolume; every objective is minimized.

Infinite losses compare as they are. A point with NaN compares with nothing: it is on no front,
ranks behind all others and dominates no volume.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Losses = Sequence[float]
Key = TypeVar("Key", bound=Hashable)

BEYOND = 0.1
"""How far beyond the front's worst values a reference is, as a share of its extent."""

_WEIGHTINGS = 2_000
"""Weightings that the utility of a point is the mean over."""
_CHUNK = 2**22
"""Utilities that are compared at once, 32 MB."""
_BATCH = 256
"""Points that are compared at once with a front that grows."""
_NO_UTILITY = 1e-12
"""What rounding makes of none, on a front of extent 1."""


def dominates(a: Losses, b: Losses) -> bool:
    """Tell whether ``a`` is nowhere worse than ``b`` and somewhere better."""
    return all(x <= y for x, y in zip(a, b, strict=True)) and any(
        x < y for x, y in zip(a, b, strict=True)
    )


def front(losses: Sequence[Losses] | NDArray[np.float64]) -> list[int]:
    """Return the positions of the points that no other dominates; equal points are all kept."""
    import moocore

    if not len(losses):
        return []
    points = np.asarray(losses, dtype=np.float64)
    comparable = np.flatnonzero(~np.isnan(points).any(axis=1))
    if not len(comparable):
        return []
    mask = moocore.is_nondominated(_orderly(points[comparable]), keep_weakly=True)
    return [int(i) for i in comparable[mask]]


def _orderly(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return finite points that dominate each other as these do.

    moocore 0.3 ends the process on three objectives of which one is minus infinity.
    """
    if np.isfinite(points).all():
        return points
    return np.column_stack([np.unique(c, return_inverse=True)[1] for c in points.T]).astype(float)


def ranks(losses: Sequence[Losses]) -> list[int]:
    """Return each point's non-domination rank: 0 is the front, 1 the front without it, and so on.

    Source: non-dominated sorting of NSGA-II (Deb et al. 2002).
    """
    import moocore

    if not losses:
        return []
    points = np.asarray(losses, dtype=np.float64)
    comparable = ~np.isnan(points).any(axis=1)
    found = np.zeros(len(points), dtype=np.int64)
    if comparable.any():
        found[comparable] = moocore.pareto_rank(_orderly(points[comparable]))
        found[~comparable] = found.max() + 1
    return [int(rank) for rank in found]


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


def hypervolume(losses: Sequence[Losses] | NDArray[np.float64], reference: Losses) -> float:
    """Return the volume that the points dominate up to ``reference``; 0 for no points."""
    import moocore

    if not len(losses):
        return 0.0
    points, limits = np.asarray(losses, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    inside = points[(points < limits).all(axis=1)]
    if not len(inside):
        return 0.0
    if not (np.isfinite(inside).all() and np.isfinite(limits).all()):
        return math.inf
    return float(moocore.hypervolume(inside, ref=limits))


def contributions(losses: Sequence[Losses], reference: Losses) -> NDArray[np.float64]:
    """Return for each finite point how much less volume the others dominate; 0 for equal points."""
    import moocore

    if not len(losses):
        return np.zeros(0)
    points = np.asarray(losses, dtype=np.float64)
    return np.asarray(moocore.hv_contributions(points, ref=np.asarray(reference, dtype=np.float64)))


def volumes(points: NDArray[np.float64], reference: Losses) -> NDArray[np.float64]:
    """Return the hypervolume of the first, of the first two, ... of all points.

    Args:
        points: ``(n, objectives)`` losses; a row with NaN adds nothing.
        reference: up to which the volume is taken.

    Returns:
        ``(n,)``, never decreasing.
    """
    growing: Front[int] = Front()
    volume, found = 0.0, np.zeros(len(points))
    limits = np.asarray(reference, dtype=np.float64)
    inside: list[bool] = np.all(points < limits, axis=1).tolist()
    for start in range(0, len(points), _BATCH):
        batch = points[start : start + _BATCH]
        beaten = growing.beaten(batch)
        for i, point in enumerate(batch, start):
            if inside[i] and not beaten[i - start] and growing.add(i, point)[0]:
                volume = max(volume, hypervolume(growing.points, reference))
            found[i] = volume
    return found


def reference_of(of_front: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the reference to take where nobody names one.

    It is a tenth of the front's extent beyond its worst values; in an objective without extent, a
    tenth of the value, at least 0.1.

    Args:
        of_front: ``(n, objectives)`` losses, finite, at least one.
    """
    ideal, worst = of_front.min(axis=0), of_front.max(axis=0)
    extent = np.where(worst > ideal, worst - ideal, np.maximum(np.abs(worst), 1.0))
    return np.asarray(worst + BEYOND * extent)


def knees(of_front: Sequence[Losses]) -> list[int]:
    """Return the positions of the front's knee: where giving up a little of one gains most.

    It is the point with the largest expected marginal utility (Branke, Deb, Dierolf and Osswald,
    Finding knees in multi-objective optimization, PPSN VIII 2004, section 3.2): how much worse the
    best weighted sum of the objectives would be without it, in the mean over all weightings.
    Objectives are scaled to the front's extent. Points that are the best in some objective are no
    knees, so a front that is straight or bulges to the other side has none; points that are equal,
    as far as can be told once they are scaled, are all returned.

    Args:
        of_front: finite losses of points that do not dominate each other.
    """
    if len(of_front) < 3:
        return []
    points = np.asarray(of_front, dtype=np.float64)
    low, spread = points.min(axis=0), np.ptp(points, axis=0)
    scaled = (points - low) / np.where(spread > 0, spread, 1.0)
    distinct, place = np.unique(scaled, axis=0, return_inverse=True)
    if len(distinct) < 3:
        return []
    utility = _marginal_utility(distinct)
    utility[(distinct[:, spread > 0] <= 0).any(axis=1)] = 0.0
    if utility.max() <= _NO_UTILITY:
        return []
    return [int(i) for i in np.flatnonzero(place.ravel() == utility.argmax())]


def _marginal_utility(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what each of several distinct points adds to the best weighted sum, on average."""
    weightings = np.random.default_rng(0).dirichlet(np.ones(points.shape[1]), _WEIGHTINGS)
    gains = np.zeros(len(points))
    step = max(1, _CHUNK // len(points))
    for start in range(0, len(weightings), step):
        sums = weightings[start : start + step] @ points.T
        best = sums.argmin(axis=1)
        lowest = np.partition(sums, 1, axis=1)
        np.add.at(gains, best, lowest[:, 1] - lowest[:, 0])
    return gains / len(weightings)


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

    @property
    def points(self) -> NDArray[np.float64]:
        """``(n, objectives)`` losses of the points on the front, in the order they came."""
        return self._points

    def items(self) -> list[tuple[Key, tuple[float, ...]]]:
        """Return keys and points on the front, in the order they came."""
        return [(k, tuple(p)) for k, p in zip(self._keys, self._points.tolist(), strict=True)]

    def beaten(self, losses: Sequence[Losses] | NDArray[np.float64]) -> list[bool]:
        """Tell of many points at once which ones a point on the front dominates."""
        if not self._keys or not len(losses):
            return [False] * len(losses)
        found: list[bool] = np.any(self._dominating(np.asarray(losses, float)), axis=1).tolist()
        return found

    def add(self, key: Key, losses: Losses | NDArray[np.float64]) -> tuple[bool, list[Key]]:
        """Add a point. Returns whether it is on the front, and the keys that it drove off."""
        point = np.asarray(losses, dtype=np.float64)
        if np.isnan(point).any():
            return False, []
        if not self._keys:
            self._keys, self._points = [key], point[None, :]
            return True, []
        if self._dominating(point[None, :]).any():
            return False, []
        beaten = self._dominated(point)
        driven_off = [k for k, gone in zip(self._keys, beaten.tolist(), strict=True) if gone]
        self._keys = [
            k for k, gone in zip(self._keys, beaten.tolist(), strict=True) if not gone
        ] + [key]
        self._points = np.vstack([self._points[~beaten], point])
        return True, driven_off

    # a column at a time: numpy is slow at reducing an axis of two or three

    def _dominating(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell of each of ``(n, objectives)`` points which of the front dominate it."""
        no_worse = np.ones((len(points), len(self._points)), dtype=bool)
        better = np.zeros_like(no_worse)
        for ours, theirs in zip(self._points.T, points.T, strict=True):
            no_worse &= ours <= theirs[:, None]
            better |= ours < theirs[:, None]
        return np.asarray(no_worse & better)

    def _dominated(self, point: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which of the front a point dominates."""
        no_worse = np.ones(len(self._points), dtype=bool)
        better = np.zeros_like(no_worse)
        for ours, theirs in zip(self._points.T, point, strict=True):
            no_worse &= theirs <= ours
            better |= theirs < ours
        return np.asarray(no_worse & better)
