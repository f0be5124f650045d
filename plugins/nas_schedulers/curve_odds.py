"""The chance that a trial joins the front."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nas.abstract.learning_curve import CurvePosterior, CurvePredictor
from nas_schedulers.curve_chance import Others, chance
from nas_schedulers.curve_field import Field

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Odds:
    """What may still become of a trial in one objective.

    Args:
        field: the objective.
        predictor: of the trial's curve.
        steps: of a complete trial.
        trust: how many other trials the prediction is worth.
    """

    field: Field
    predictor: CurvePredictor
    steps: int
    trust: float

    def reach(self, target: float) -> float:
        """Return the chance that the best so far comes to a normalised target."""
        return self._chance(np.maximum.accumulate(self._posterior.exceedance(target)[0]), target)

    def least(self, target: float) -> float:
        """Return the chance if the prediction is that it never will. Nothing is predicted."""
        return self._chance(np.zeros(self.steps - len(self.field.own.best)), target)

    def _chance(self, expected: Floats, target: float) -> float:
        level = self.field.level
        return chance(expected, self._others, level, max(target - level, 0.0), self.trust)

    @cached_property
    def _posterior(self) -> CurvePosterior:
        return self.predictor.predict(self.field.curve, self.steps)

    @cached_property
    def _others(self) -> Others:
        return self.field.others(self.steps)


def ahead(fields: Sequence[Field]) -> Floats:
    """Return ``(rivals, objectives)``: the bests of rivals that dominate the trial.

    Of those, the ones that no other one dominates; none if the trial leads.
    """
    levels = np.array([field.level for field in fields])
    bests = np.unique(np.stack([field.bests for field in fields], axis=1), axis=0)
    dominating = bests[(bests >= levels).all(axis=1) & (bests > levels).any(axis=1)]
    above = (dominating[None] >= dominating[:, None]).all(axis=2).sum(axis=1)
    return np.asarray(dominating[above == 1])  # only itself


def joining(
    odds: Sequence[Odds], targets: Floats, reach: Callable[[Odds, float], float] = Odds.reach
) -> float:
    """Return the chance to keep all bounds and to reach a target of each row in some objective.

    Objectives are taken to be independent. What has to come true together is taken to be as likely
    as the least likely part of it, so the chance is rather too high than too low.

    Args:
        odds: of each objective.
        targets: ``(rows, objectives)`` normalised.
        reach: ``Odds.reach`` or ``Odds.least``.
    """
    parts = [
        1.0 - float(np.prod([1.0 - reach(one, t) for one, t in zip(odds, row, strict=True)]))
        for row in targets.tolist()
    ]
    parts += [
        reach(one, one.field.required) for one in odds if one.field.required > one.field.level
    ]
    return min(parts)
