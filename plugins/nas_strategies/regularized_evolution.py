"""Regularized (aging) evolution: E. Real et al., AAAI 2019, arXiv:1802.01548."""

from __future__ import annotations

from dataclasses import dataclass, field

from nas import checks
from nas.abstract.strategy import Problem, Proposal, Strategy
from nas.seeds import Rng, below
from nas.trial import Trial
from nas_strategies.selection import standings
from nas_strategies.started import started


@dataclass(eq=False)
class RegularizedEvolution(Strategy):
    """Mutate the best of a random sample of the population; the oldest member leaves.

    Proposals are random until ``population`` trials have been told. The sample is drawn with
    replacement (algorithm 1 of the paper). Its best member is the one with the least loss; with
    several objectives, the one with the lowest non-domination rank within the sample, then the
    largest crowding distance.

    Infeasible and failed trials are members, so that a study with tight bounds is drawn towards
    them, but they lose every tournament to a feasible one and make room first: what leaves is the
    oldest of them, or, where there are none, the oldest of all. Candidates that are turned away
    without training therefore drive no trained ones out.

    Args:
        population: number of members, at least 2.
        sample: size of a tournament, from 1 (a random walk) up to ``population``.
    """

    population: int = 30
    sample: int = 10
    _problem: Problem | None = field(default=None, init=False, repr=False)
    _members: list[Trial] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        checks.whole("population", self.population, 2)
        checks.whole("sample", self.sample, 1)
        if self.sample > self.population:
            raise ValueError(
                f"sample must be at most population, which is {self.population}, not {self.sample}"
            )

    def start(self, problem: Problem) -> None:
        """Begin a study with an empty population."""
        self._problem = problem
        self._members = []

    def ask(self, rng: Rng) -> Proposal:
        """Propose a mutation of a tournament's winner, or a uniform draw at first."""
        space = started(self._problem).space
        if len(self._members) < self.population:
            return Proposal(space.sample(rng))
        drawn = [self._members[below(self.population, rng)] for _ in range(self.sample)]
        _, winner = min(zip(standings(drawn), drawn, strict=True), key=lambda pair: pair[0])
        return Proposal(space.mutate(winner.architecture, rng), (winner.number,))

    def tell(self, trial: Trial) -> None:
        """Admit the trial, whether it was proposed here or not."""
        self._members.append(trial)
        if len(self._members) > self.population:
            unfit = (i for i, member in enumerate(self._members) if not member.feasible)
            del self._members[next(unfit, 0)]
