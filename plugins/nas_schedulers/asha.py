"""ASHA: L. Li et al., "A System for Massively Parallel Hyperparameter Tuning", arXiv:1810.05934."""

from __future__ import annotations

from dataclasses import dataclass

from nas.abstract.scheduler import Contest
from nas_schedulers.criterion import ByOneObjective, Criterion
from nas_schedulers.halving import SuccessiveHalving
from nas_schedulers.ranking import ByLoss, Ranking


@dataclass(eq=False)
class ASHA(ByOneObjective, SuccessiveHalving):
    """Asynchronous successive halving by one objective.

    Feasible trials go before infeasible ones, less violation before more. The rules are those of
    ``SuccessiveHalving``.

    Args:
        type: ``stopping`` or ``promotion``; promotion needs an evaluator that can go on later.
        factor: one in so many goes on, above 1; eta in the paper.
        grace: the first rung, in units of budget.
        brackets: how many, of which each begins a rung later than the one before.
        objective: the metric to go by; None is the study's first objective.
    """

    objective: str | None = None

    def ranking(self, contest: Contest) -> Ranking:
        """Return the order by the objective."""
        return ByLoss(Criterion.of(contest, self.objective))
