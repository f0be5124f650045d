"""Evolution on predictors in the loop: ConcurrentNAS (arXiv:2202.12954), LINAS (2205.10358)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas import checks
from nas.abstract.strategy import Problem, Proposal
from nas.architecture import Architecture
from nas.seeds import Rng
from nas_strategies.evolution import Evolution
from nas_strategies.gains import greedy
from nas_strategies.modelled import Modelled
from nas_strategies.pool import LISTABLE
from nas_strategies.started import started
from nas_strategies.surrogate import Estimates


@dataclass(eq=False)
class PredictorEvolution(Modelled):
    """Proposes what a whole evolutionary search on predictors alone finds, round by round.

    NSGA-II, seeded with the best trials, runs on the predictions of one predictor for each
    objective, fitted to all trials. Of all that it met and that was not proposed yet, the next
    round is the best; with several objectives, what adds the most hypervolume to the measured
    front, one after the other. A space of up to 20,000 architectures is predicted whole.

    Args:
        predictor: name, or table with ``name`` and parameters.
        initial: uniform draws before the first fit, at least 1.
        batch: trials of a round, at least 1.
        population: of the search on predictors, at least 2.
        evaluations: predictions of one such search, at least 1.
    """

    predictor: str | Mapping[str, Any] = field(
        default_factory=lambda: {"name": "gp", "target": "normal"}
    )
    population: int = 50
    evaluations: int = 5000

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.whole("population", self.population, 2)
        checks.whole("evaluations", self.evaluations, 1)

    def start(self, problem: Problem) -> None:
        """Begin a study; see ``Modelled``."""
        super().start(problem)
        self._listed: list[Architecture] = []

    def _found(self, rng: Rng) -> Iterable[Proposal]:
        architectures, estimates = self._search(rng)
        new = np.array([i for i, a in enumerate(architectures) if self._fresh(a)], dtype=np.intp)
        if not len(new):
            return []
        estimates = estimates.rows(new)
        order = estimates.order()
        ordered = dict.fromkeys([*self._additions(estimates, order), *order.tolist()])
        return [Proposal(architectures[new[i]]) for i in ordered]

    def _additions(self, estimates: Estimates, order: NDArray[np.intp]) -> list[int]:
        """Return those of the best that widen the measured front the most, by turns."""
        measured = [trial.losses for trial in self._trials.values() if trial.feasible]
        leading = order[: 2 * self.population]
        leading = leading[estimates.feasible()[leading]]
        if estimates.losses.shape[1] == 1 or not measured or not len(leading):
            return []
        chosen = greedy(np.array(measured), estimates.losses[leading], self._round())
        return [int(leading[i]) for i in chosen]

    def _search(self, rng: Rng) -> tuple[list[Architecture], Estimates]:
        space = started(self._problem).space
        if space.size <= LISTABLE:
            if not self._listed:
                self._listed = list(space.architectures())
            return self._listed, self._surrogate.estimate(self._listed)
        seeds = [trial.architecture for trial in self._best(self.population // 2)]
        return Evolution(space, self._surrogate, self.population, rng).run(seeds, self.evaluations)
