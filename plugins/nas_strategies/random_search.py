"""Random search, the line every other strategy has to beat."""

from __future__ import annotations

from dataclasses import dataclass, field

from nas.abstract.strategy import Problem, Proposal, Strategy
from nas.seeds import Rng
from nas.trial import Trial
from nas_strategies.started import started


@dataclass(eq=False)
class RandomSearch(Strategy):
    """Draw each active decision uniformly, parents first (``space.sample``).

    It keeps no list of what it drew: the engine asks again for what was evaluated already.
    """

    _problem: Problem | None = field(default=None, init=False, repr=False)

    def start(self, problem: Problem) -> None:
        """Begin a study."""
        self._problem = problem

    def ask(self, rng: Rng) -> Proposal:
        """Propose a uniform draw."""
        return Proposal(started(self._problem).space.sample(rng))

    def tell(self, trial: Trial) -> None:
        """Learn nothing."""
