"""A strategy: change what nothing else beats."""

from __future__ import annotations

from dataclasses import dataclass, field

import nas
from nas import checks
from nas.pareto import dominates
from nas.seeds import Rng, below


@dataclass(eq=False)
class FrontMutation(nas.Strategy):
    """Changes one decision of a trial that no other dominates, drawn at random from all of them.

    With a single objective these are the best trial and its equals. A share of the proposals, and
    all of them until a trial is complete and within every bound, are uniform draws.

    Args:
        draws: that share, from 0 to 1.
    """

    draws: float = 0.2
    _problem: nas.Problem | None = field(default=None, init=False, repr=False)
    _front: list[nas.Trial] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        checks.probability("draws", self.draws)

    def start(self, problem: nas.Problem) -> None:
        """Begin a study."""
        self._problem, self._front = problem, []

    def ask(self, rng: Rng) -> nas.Proposal:
        """Propose a mutant or a draw; a mutant names its parent."""
        if self._problem is None:
            raise nas.StudyError("start(problem) comes before ask")
        space = self._problem.space
        if not self._front or rng.random() < self.draws:
            return nas.Proposal(space.sample(rng))
        parent = self._front[below(len(self._front), rng)]
        return nas.Proposal(space.mutate(parent.architecture, rng), (parent.number,))

    def tell(self, trial: nas.Trial) -> None:
        """Keep a trial that none dominates, and drop those that it dominates."""
        if not trial.feasible or any(dominates(t.losses, trial.losses) for t in self._front):
            return
        left = [t for t in self._front if not dominates(trial.losses, t.losses)]
        self._front = [*left, trial]
