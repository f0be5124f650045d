"""NSGA-II on predictions alone: K. Deb et al., IEEE Trans. Evol. Comput. 6(2), 2002."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nas.abstract.space import Space
from nas.architecture import Architecture
from nas.seeds import Rng, below
from nas_strategies.surrogate import Estimates, Surrogate

CROSSOVER = 0.9
TRIES = 3
"""Children made for each that is wanted: of a small space, most are known."""


@dataclass
class Evolution:
    """Keeps the best fronts of what was predicted, crosses and mutates their members.

    Args:
        space: where architectures come from.
        surrogate: fitted; predicts.
        population: number of members, at least 2.
        rng: all randomness comes from it.
    """

    space: Space
    surrogate: Surrogate
    population: int
    rng: Rng

    def run(
        self, seeds: Sequence[Architecture], evaluations: int
    ) -> tuple[list[Architecture], Estimates]:
        """Return everything that was predicted.

        Args:
            seeds: members of the first generation; uniform draws fill it up.
            evaluations: how many predictions to make; fewer if hardly anything new is found.
        """
        drawn = [self.space.sample(self.rng) for _ in range(self.population - len(seeds))]
        children = list(dict.fromkeys([*seeds, *drawn]))
        members: list[Architecture] = []
        met: dict[Architecture, None] = {}
        found: list[Estimates] = []
        kept: list[Estimates] = []
        while children:
            met.update(dict.fromkeys(children))
            found.append(self.surrogate.estimate(children))
            members += children
            estimates = Estimates.joined([*kept, found[-1]])
            best = estimates.order()[: self.population]
            members, kept = [members[i] for i in best.tolist()], [estimates.rows(best)]
            children = self._children(members, met, min(self.population, evaluations - len(met)))
        return list(met), Estimates.joined(found)

    def _children(
        self, members: list[Architecture], met: dict[Architecture, None], wanted: int
    ) -> list[Architecture]:
        """Return children that were not met yet; the members are in order, the best first."""
        children: dict[Architecture, None] = {}
        for _ in range(wanted * TRIES):
            if len(children) == wanted:
                break
            child = self._child(members)
            if child not in met:
                children[child] = None
        return list(children)

    def _child(self, members: list[Architecture]) -> Architecture:
        child = self._winner(members)
        if self.rng.random() < CROSSOVER:
            child = self.space.crossover(child, self._winner(members), self.rng)
        rate = 1 / max(len(child), 1)
        for _ in range(sum(self.rng.random() < rate for _ in child)):
            child = self.space.mutate(child, self.rng)
        return child

    def _winner(self, members: list[Architecture]) -> Architecture:
        count = len(members)
        return members[min(below(count, self.rng), below(count, self.rng))]
