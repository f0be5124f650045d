"""What predictors make of a study's trials: losses, and whether a candidate will be feasible."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from nas.abstract.predictor import Predictor
from nas.abstract.space import Space
from nas.architecture import Architecture
from nas.seeds import Rng, below
from nas.trial import Trial
from nas_strategies.ordering import order
from nas_strategies.penalties import infeasibility

Floats = NDArray[np.float64]

BOUNDARY = 0.5
"""Feasible trials are learnt as 0, others as 1 to 2 (``infeasibility``)."""


@dataclass(frozen=True)
class Estimates:
    """What is expected of candidates; lower is better.

    Args:
        losses: ``(candidates, objectives)``, mean.
        spread: ``(candidates, objectives)``, standard deviation.
        violation: ``(candidates,)``; 0 if the candidate is expected to be feasible.
        doubt: ``(candidates,)``, standard deviation of the violation.
    """

    losses: Floats
    spread: Floats
    violation: Floats
    doubt: Floats

    @classmethod
    def joined(cls, parts: Sequence[Estimates]) -> Estimates:
        """Return the estimates of several lists of candidates as those of one."""
        names = (field.name for field in fields(cls))
        return cls(*(np.concatenate([getattr(part, n) for part in parts]) for n in names))

    def rows(self, chosen: NDArray[np.intp]) -> Estimates:
        """Return the estimates of the candidates at these positions."""
        return Estimates(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def feasible(self) -> NDArray[np.bool_]:
        """Tell of each candidate whether it is expected to be feasible."""
        return self.violation <= BOUNDARY

    def order(self) -> NDArray[np.intp]:
        """Return the candidates' positions, the best first."""
        return order(self.losses, _broken(self.violation))

    def sampled_order(self, rng: Rng) -> NDArray[np.intp]:
        """Return the order of one draw for each candidate: independent Thompson sampling."""
        draws = np.random.default_rng(below(2**31, rng))
        losses = draws.normal(self.losses, self.spread)
        return order(losses, _broken(draws.normal(self.violation, self.doubt)))


class Surrogate:
    """One predictor for each objective, and one for the violation once a trial was infeasible.

    A strategy is given one predictor, before it knows how many objectives there are, so each
    objective has a copy of it, as it was before the first ``fit``.

    Args:
        predictor: not fitted yet.
    """

    def __init__(self, predictor: Predictor) -> None:
        self._pristine = predictor
        self._losses: list[Predictor] = []
        self._violation: Predictor | None = None

    def fit(self, space: Space, trials: Sequence[Trial], *, again: bool = True) -> None:
        """Learn the losses, and how infeasible trials were; failed ones are the least feasible.

        Args:
            space: where the trials are from.
            trials: at least one.
            again: from scratch; otherwise what is dear to choose is kept (``Predictor.update``).
        """
        known = [trial for trial in trials if trial.losses]
        architectures = [trial.architecture for trial in known]
        columns = list(zip(*(trial.losses for trial in known), strict=True))
        if again or len(self._losses) != len(columns):
            self._losses = [self._copy() for _ in columns]
        for predictor, values in zip(self._losses, columns, strict=True):
            _teach(predictor, space, architectures, values, again)
        if all(trial.feasible for trial in trials):
            self._violation = None
            return
        if again or self._violation is None:
            self._violation = self._copy()
        broken = list(map(infeasibility, trials))
        _teach(self._violation, space, [t.architecture for t in trials], broken, again)

    def estimate(self, architectures: Sequence[Architecture]) -> Estimates:
        """Predict for any members of the space, at least one."""
        nothing = np.zeros(len(architectures))
        found = [predictor.predict(architectures) for predictor in self._losses]
        violation, doubt = nothing, nothing
        if self._violation is not None:
            violation, doubt = self._violation.predict(architectures)
        return Estimates(
            np.stack([p.mean for p in found] or [nothing], axis=1),
            np.stack([p.std for p in found] or [nothing], axis=1),
            violation,
            doubt,
        )

    def _copy(self) -> Predictor:
        extra = self._pristine.extra  # a bound method would be copied with all that it holds
        return copy.deepcopy(self._pristine, {id(extra): extra})


def _teach(
    predictor: Predictor,
    space: Space,
    architectures: Sequence[Architecture],
    values: Sequence[float],
    again: bool,
) -> None:
    learn = predictor.fit if again else predictor.update
    learn(space, architectures, values)


def _broken(violation: Floats) -> Floats:
    return np.where(violation > BOUNDARY, violation, 0.0)
