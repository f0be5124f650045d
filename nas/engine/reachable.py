"""Can the bounds be kept at all? Asked before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nas.abstract.objective import AnalyticObjective
from nas.abstract.space import Space
from nas.architecture import Architecture
from nas.errors import CandidateError, ConfigError
from nas.goals import Goal, violation
from nas.seeds import rng

SAMPLES = 64
"""Random architectures to look at before descending to the bound from the nearest of them."""
STEPS = 200


def check_bounds(
    space: Space,
    analytic: Mapping[str, AnalyticObjective],
    goals: Sequence[Goal],
    seed: int,
) -> None:
    """Find one architecture that keeps the bounds on analytic objectives.

    Random ones first, then the neighbours of the one that comes nearest, as long as that helps.

    Raises:
        ConfigError: none was found; the message has the nearest values that were.
    """
    bounded = [
        g for g in goals if g.metric in analytic and (g.low is not None or g.high is not None)
    ]
    if not bounded:
        return
    search = _Descent(space, {g.metric: analytic[g.metric] for g in bounded}, bounded)
    source = rng(seed, "bounds")
    for _ in range(SAMPLES):
        if search.look(space.sample(source)):
            return
    for _ in range(STEPS):
        if search.nearest is None or not search.step():
            break
        if search.distance == 0:
            return
    if search.nearest is None:
        return  # nothing can be estimated: the search itself will show why
    found = ", ".join(f"{k} {v:g}" for k, v in search.values.items())
    raise ConfigError(
        f"no architecture of this space seems to keep {' and '.join(g.bound() for g in bounded)}; "
        f"the nearest found has {found}: loosen the bound or change the space"
    )


class _Descent:
    """Walks to whatever breaks the bounds least."""

    def __init__(
        self, space: Space, analytic: Mapping[str, AnalyticObjective], goals: Sequence[Goal]
    ) -> None:
        self._space, self._analytic, self._goals = space, analytic, goals
        self.nearest: Architecture | None = None
        self.values: dict[str, float] = {}
        self.distance = float("inf")

    def look(self, architecture: Architecture) -> bool:
        """Remember the architecture if it comes nearer; tell whether it keeps the bounds."""
        try:
            values = {
                metric: objective.of_network(self._space, architecture)
                for metric, objective in self._analytic.items()
            }
        except CandidateError:
            return False
        distance = violation(self._goals, values)
        if distance < self.distance:
            self.nearest, self.values, self.distance = architecture, values, distance
        return distance == 0

    def step(self) -> bool:
        """Look at the neighbours of the nearest; tell whether one is nearer."""
        assert self.nearest is not None
        before = self.distance
        for neighbour in self._space.neighbours(self.nearest):
            if self.look(neighbour):
                break
        return self.distance < before
