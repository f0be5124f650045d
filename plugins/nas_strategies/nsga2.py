"""NSGA-II: K. Deb et al., IEEE Transactions on Evolutionary Computation 6(2), 2002."""

from __future__ import annotations

from dataclasses import dataclass, field

from nas import checks
from nas.abstract.space import Space
from nas.abstract.strategy import Problem, Proposal, Strategy
from nas.architecture import Architecture
from nas.seeds import Rng, below
from nas.trial import Trial
from nas_strategies.selection import Standing, standings
from nas_strategies.started import started


@dataclass(eq=False)
class NSGA2(Strategy):
    """Keep the best fronts, cross and mutate their members.

    Steady state, as suits trials that finish one by one: each told trial joins the population at
    once, and the worst by constrained non-domination rank, then crowding distance, leaves it (the
    oldest of equals). Failed and infeasible trials are members until better ones come. Proposals
    are random until ``population`` trials have been told. With one objective it is an elitist
    genetic algorithm.

    Args:
        population: number of members, at least 2.
        crossover: probability that a child is made by uniform crossover of two parents, not from
            one alone.
        mutation: probability of each decision to be mutated; None is one over their number. A child
            that would equal one of its parents is mutated once.
    """

    population: int = 30
    crossover: float = 0.9
    mutation: float | None = None
    _problem: Problem | None = field(default=None, init=False, repr=False)
    _members: list[tuple[Standing, Trial]] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        checks.whole("population", self.population, 2)
        checks.probability("crossover", self.crossover)
        if self.mutation is not None:
            checks.probability("mutation", self.mutation)

    def start(self, problem: Problem) -> None:
        """Begin a study with an empty population."""
        self._problem = problem
        self._members = []

    def ask(self, rng: Rng) -> Proposal:
        """Propose a child of one or two tournament winners, or a uniform draw at first."""
        space = started(self._problem).space
        if len(self._members) < self.population:
            return Proposal(space.sample(rng))
        parents = [self._tournament(rng)]
        child = parents[0].architecture
        if rng.random() < self.crossover:
            parents.append(self._tournament(rng))
            child = space.crossover(child, parents[1].architecture, rng)
        child = self._mutated(space, child, rng)
        if any(child == parent.architecture for parent in parents):
            child = space.mutate(child, rng)
        return Proposal(child, tuple(dict.fromkeys(parent.number for parent in parents)))

    def tell(self, trial: Trial) -> None:
        """Admit the trial, whether it was proposed here or not, and let the worst leave."""
        pool = [member for _, member in self._members] + [trial]
        ranked = standings(pool)
        if len(pool) > self.population:
            worst = ranked.index(max(ranked))
            del pool[worst], ranked[worst]
        self._members = list(zip(ranked, pool, strict=True))

    def _tournament(self, rng: Rng) -> Trial:
        pair = [self._members[below(len(self._members), rng)] for _ in range(2)]
        return min(pair, key=lambda member: member[0])[1]

    def _mutated(self, space: Space, child: Architecture, rng: Rng) -> Architecture:
        rate = self.mutation if self.mutation is not None else 1 / max(len(child), 1)
        for _ in range(sum(rng.random() < rate for _ in child)):
            child = space.mutate(child, rng)
        return child
