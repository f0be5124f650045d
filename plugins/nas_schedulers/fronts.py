"""Trials on a rung by several objectives: non-dominated sorting, then an epsilon-net."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.abstract.scheduler import Level
from nas.goals import Goal
from nas_schedulers.criterion import valued
from nas_schedulers.ranking import Entry, Floats, Place, Ranking, broken, joined, only, ordinal


@dataclass(frozen=True)
class ByFronts(Ranking):
    """Feasible before infeasible, less violation before more; then front by front.

    Within a front the order is that of ``epsilon_net``: so that as many as go on stand for the
    whole of it, not for one end. An objective that nobody on the rung has a value of, such as a
    latency that is measured after training, does not count yet.

    Source: R. Schmucker et al., "Multi-objective Asynchronous Successive Halving",
    arXiv:2106.12639, with the constraint handling of K. Deb et al., IEEE Trans. Evol. Comput. 6(2),
    2002, section VI.
    """

    goals: Sequence[Goal]

    def finite(self, reached: Level, entry: Entry) -> bool:
        """Tell whether it has a finite value in each objective that anybody has one of."""
        known = _known(joined(reached, entry))
        return bool(known.any() and np.isfinite(entry.losses[known]).all())

    def best(self, reached: Level, count: int) -> list[int]:
        """Return the numbers of the best."""
        found: list[int] = []
        for front, points in self._fronts(reached):
            if len(found) >= count:
                break
            found += front[epsilon_net(points, count - len(found))].tolist()
        return found

    def first(self, reached: Level, count: int, among: Set[int]) -> tuple[int, int] | None:
        """Return rank and number of the first of ``among``; orders no front that it can pass."""
        ahead = 0
        for front, points in self._fronts(reached):
            if ahead >= count:
                break
            if not among.isdisjoint(front.tolist()):
                order = front[epsilon_net(points, count - ahead)].tolist()
                rank = next((i for i, number in enumerate(order, 1) if number in among), None)
                if rank is not None:
                    return ahead + rank, order[rank - 1]
            ahead += len(front)
        return None

    def place(self, reached: Level, entry: Entry, go_on: int) -> Place:
        """Return how many are better; within a front that all or none of go on, a bound."""
        others = len(reached.numbers)
        known = _known(joined(reached, entry))
        feasible, infeasible = _by_feasibility(reached, known)
        if entry.violation > 0:
            less = int(np.count_nonzero(infeasible.violations < entry.violation))
            ties = int(np.count_nonzero(infeasible.violations == entry.violation))
            ahead = len(feasible.numbers) + less
            return Place(ahead, ties, f"{ordinal(ahead + 1)} of {others + 1}")
        own, rivals = entry.losses[known], feasible.losses[:, known]
        equal = (rivals == own).all(axis=1)
        points = np.vstack([rivals[~equal], own])
        ranks = _ranks(points)
        front = np.flatnonzero(ranks == ranks[-1])
        ahead = int(np.count_nonzero(ranks < ranks[-1]))
        words = f"on front {ranks[-1] + 1}, after {ahead} of {others} others"
        if ahead < go_on < ahead + len(front):
            order = epsilon_net(points[front], go_on - ahead).tolist()
            last = len(front) - 1  # that is the trial itself
            within = order.index(last) if last in order else len(order)
            ahead += within
            words += f" and {within} of its own front"
        return Place(ahead, int(np.count_nonzero(equal)), words)

    def words(self, entry: Entry) -> str:
        """Return all objectives and by how much bounds are broken."""
        values = (valued(g, x) for g, x in zip(self.goals, entry.losses, strict=True))
        return ", ".join(values) + broken(entry)

    def _fronts(self, reached: Level) -> Iterator[tuple[NDArray[np.int64], Floats]]:
        """Return numbers and points of each front, the best first; then the infeasible."""
        known = _known(reached)
        feasible, infeasible = _by_feasibility(reached, known)
        points = feasible.losses[:, known]
        if len(points):
            ranks = _ranks(points)
            for rank in range(int(ranks.max()) + 1):
                front = np.flatnonzero(ranks == rank)
                yield feasible.numbers[front], points[front]
        for position in np.lexsort((infeasible.numbers, infeasible.violations)):
            here = slice(position, position + 1)
            yield infeasible.numbers[here], infeasible.losses[here][:, known]


def epsilon_net(points: Floats, count: int) -> NDArray[np.int64]:
    """Return positions of points that cover all of them, so that any first few do.

    The first is the one that is lowest in the first objective, each next one that which is farthest
    from all before it. Distances are Euclidean in units of each objective's spread.

    Source: K. L. Clarkson, "Nearest-neighbor searching and metric space dimensions", 2006.

    Args:
        points: ``(points, objectives)``.
        count: how many to return, at most all.
    """
    count = min(count, len(points))
    if count <= 0:
        return np.empty(0, dtype=np.int64)
    spread = np.ptp(points, axis=0)
    scaled = points / np.where(spread > 0, spread, 1.0)
    chosen = [int(np.lexsort(points.T[::-1])[0])]
    distance = np.full(len(points), np.inf)
    while len(chosen) < count:
        distance = np.minimum(distance, np.linalg.norm(scaled - scaled[chosen[-1]], axis=1))
        distance[chosen] = -np.inf
        chosen.append(int(np.argmax(distance)))
    return np.array(chosen, dtype=np.int64)


def _known(reached: Level) -> NDArray[np.bool_]:
    """Return ``(objectives,)``: which ones have a finite value anywhere."""
    return np.asarray(np.isfinite(reached.losses).any(axis=0))


def _by_feasibility(reached: Level, known: NDArray[np.bool_]) -> tuple[Level, Level]:
    """Return the feasible and the infeasible with finite losses in all known objectives."""
    finite = np.isfinite(reached.losses[:, known]).all(axis=1) & bool(known.any())
    feasible = reached.violations <= 0
    return only(reached, finite & feasible), only(reached, finite & ~feasible)


def _ranks(points: Floats) -> NDArray[np.int64]:
    import moocore  # nas.pareto.ranks is the same for lists; here a rung's arrays stay arrays

    return np.asarray(moocore.pareto_rank(points), dtype=np.int64)
