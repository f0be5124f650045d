"""Progressive weak predictors: J. Wu et al., NeurIPS 2021 (WeakNAS)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nas import checks
from nas.abstract.strategy import Problem, Proposal
from nas.architecture import Architecture
from nas.seeds import Rng, below
from nas_strategies.modelled import Modelled
from nas_strategies.pool import Pool
from nas_strategies.started import started

PARENTS = 20
"""Best trials, and best candidates of the last pool, whose mutations are in the next one."""


@dataclass(eq=False)
class WeakNAS(Modelled):
    """Proposes uniform draws from the predicted best that were not proposed yet, round by round.

    The predictor is fitted to all trials and need only be right about the part of the space that
    the next proposals come from: each round narrows it (Wu et al., NeurIPS 2021, with its ten
    first draws, rounds of ten and the best 100). A space of up to 20,000 architectures is ranked
    whole; of a larger one a pool, half of it uniform draws and half mutations of the best trials
    and of the best of the last pool. With several objectives the best are those of the least
    non-domination rank, then of the largest crowding distance.

    Args:
        predictor: name, or table with ``name`` and parameters.
        initial: uniform draws before the first fit, at least 1.
        batch: trials of a round, at least 1.
        top: how many of the predicted best to draw from, at least 1.
        pool: candidates of a space that is not ranked whole, at least 2.
    """

    predictor: str | Mapping[str, Any] = "mlp_ensemble"
    top: int = 100
    pool: int = 5000

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.whole("top", self.top, 1)
        checks.whole("pool", self.pool, 2)

    def start(self, problem: Problem) -> None:
        """Begin a study; see ``Modelled``."""
        super().start(problem)
        self._pool: Pool | None = None
        self._leaders: list[Architecture] = []

    def _found(self, rng: Rng) -> Iterable[Proposal]:
        if self._pool is None:
            self._pool = Pool(started(self._problem).space, self.pool)
        best = [trial.architecture for trial in self._best(PARENTS)]
        drawn = [a for a in self._pool.draw(best + self._leaders, rng) if self._fresh(a)]
        if not drawn:
            return []
        ranked = [drawn[i] for i in self._surrogate.estimate(drawn).order().tolist()]
        self._leaders = ranked[:PARENTS]
        return map(Proposal, shuffled(ranked[: self.top], rng) + ranked[self.top :])


def shuffled(architectures: list[Architecture], rng: Rng) -> list[Architecture]:
    """Return them in random order, each order with the same chance."""
    left = list(architectures)
    return [left.pop(below(len(left), rng)) for _ in architectures]
