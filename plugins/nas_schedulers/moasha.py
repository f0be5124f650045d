"""MO-ASHA: R. Schmucker et al., "Multi-objective Asynchronous Successive Halving", 2021."""

from __future__ import annotations

from dataclasses import dataclass

from nas.abstract.scheduler import Contest
from nas_schedulers.fronts import ByFronts
from nas_schedulers.halving import SuccessiveHalving
from nas_schedulers.ranking import Ranking


@dataclass(eq=False)
class MOASHA(SuccessiveHalving):
    """Asynchronous successive halving by all objectives and constraints.

    Trials are ordered by non-dominated sorting, within a front by an epsilon-net; infeasible ones
    come after feasible ones, by how much they violate. The rules are those of
    ``SuccessiveHalving``. With one objective and the same factor it is ``asha``; by default more
    trials go on, for a front has many members.

    Source: arXiv:2106.12639.

    Args:
        type: ``stopping`` or ``promotion``; promotion needs an evaluator that can go on later.
        factor: one in so many goes on, above 1; eta in the paper.
        grace: the first rung, in units of budget.
        brackets: how many, of which each begins a rung later than the one before.
    """

    factor: float = 2

    def ranking(self, contest: Contest) -> Ranking:
        """Return the order by all objectives."""
        return ByFronts(contest.goals)
