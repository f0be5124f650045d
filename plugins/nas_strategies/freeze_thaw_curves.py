"""How the learning curves of trials may go on, on one scale for all of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.abstract.curve_scale import CurveScale
from nas.abstract.learning_curve import CurvePosterior, CurvePredictor
from nas.errors import ConfigError
from nas.goals import Goal

Floats = NDArray[np.float64]

KEPT = 256
"""Posteriors in memory, the latest that were used; one may take a megabyte."""


@dataclass
class _Known:
    """What is known of one trial.

    Args:
        curve: ``(steps,)`` of the metric, as far as it has come.
        best: of what it has reported.
        final: the median of the last step, normalised; None as long as nobody has asked.
        chances: ``(later steps,)``: of exceeding ``reference``; what is above is less likely.
    """

    curve: Floats
    best: float
    final: float | None = None
    reference: float = np.inf
    chances: Floats | None = None

    def tighten(self, best: float) -> None:
        """Forget chances of less than the best value."""
        if self.reference < best:
            self.chances = None


class Forecasts:
    """Forecasts of a study's trials.

    The scale follows from the bounds of the metric, or else from the curves that were there when
    as many trials as a power of two had reported: it settles, and what was predicted is kept.

    Args:
        predictor: of curves.
        goal: the metric.
        budget: of a complete trial.
        low: the smallest value that the metric can have, or None.
        high: the largest.
    """

    def __init__(
        self,
        predictor: CurvePredictor,
        goal: Goal,
        budget: int,
        low: float | None,
        high: float | None,
    ) -> None:
        self._predictor, self._goal, self._budget = predictor, goal, budget
        self._low, self._high = low, high
        self._known: dict[int, _Known] = {}
        self._posteriors: OrderedDict[int, CurvePosterior] = OrderedDict()
        self._scale: CurveScale | None = None
        self._scaled_by = 0

    def learn(self, number: int, steps: Sequence[int], values: Sequence[float]) -> None:
        """Take note of a trial's curve so far.

        Args:
            number: of the trial.
            steps: at which something was reported, increasing; what lies between is interpolated.
            values: of the metric; those that are not finite are left out, not all of them.

        Raises:
            ConfigError: a value lies outside the metric's bounds.
        """
        finite = np.isfinite(values)
        at, there = np.asarray(steps)[finite], np.asarray(values, dtype=np.float64)[finite]
        curve = np.interp(np.arange(1, steps[-1] + 1), at, there)
        best = self._goal.loss(min(map(self._goal.loss, there.tolist())))
        self._known[number] = _Known(curve, best)
        self._posteriors.pop(number, None)
        try:
            self._choose_scale()
            self.scale.normalise(there)
        except ValueError as error:
            raise ConfigError(
                f"{self._goal.metric}: {error}; low and high of freeze_thaw are bounds that the "
                "metric never leaves, leave out what is not known"
            ) from None

    def forget(self, number: int) -> None:
        """Leave out a trial that has failed: nobody has what it had."""
        self._known.pop(number, None)
        self._posteriors.pop(number, None)

    @property
    def scale(self) -> CurveScale:
        """Maps the metric to [0, 1]; there is one as soon as anything was learnt."""
        assert self._scale is not None
        return self._scale

    @property
    def best(self) -> float:
        """The best value that any trial has reported, normalised."""
        return float(self.scale.normalise([known.best for known in self._known.values()]).max())

    def loss(self, normalised: float) -> float:
        """Return the loss of a normalised value."""
        return self._goal.loss(float(self.scale.restore(normalised)))

    def final(self, number: int) -> float:
        """Return the median of what a trial has achieved at its full budget, normalised."""
        known = self._known[number]
        if known.final is None:
            if len(known.curve) < self._budget:
                known.final = float(self._posterior(number).quantiles([0.5])[0, -1, 0])
            else:
                known.final = float(self.scale.normalise(known.curve[-1]))
        return known.final

    def likeliest(
        self, steps: Mapping[int, int], threshold: float, least: float
    ) -> tuple[int, float] | None:
        """Return who exceeds a threshold with the largest probability, and with which.

        Args:
            steps: at which each trial may exceed it, later than what is known of it.
            threshold: normalised, at least ``best``.
            least: who is not above that is out of the question; None if nobody is. Of equals the
                lowest number is returned.
        """
        best, found = self.best, None
        bounds = {number: self._at_most(number, best, step) for number, step in steps.items()}
        for number in sorted(steps, key=lambda n: -bounds[n]):
            if bounds[number] < least:
                break
            self._known[number].tighten(best)
            if self._at_most(number, best, steps[number]) < least:
                continue
            chance = self._chances(number, threshold)[self._later(number, steps[number])]
            if chance > least or (found and chance == least and number < found):
                found, least = number, float(chance)
        return None if found is None else (found, least)

    def _at_most(self, number: int, best: float, step: int) -> float:
        """Return a chance that is not below any that a threshold above ``best`` has."""
        known = self._known[number]
        if known.chances is None or known.reference > best:
            known.reference, known.chances = best, self._chances(number, best)
        return float(known.chances[self._later(number, step)])

    def _chances(self, number: int, value: float) -> Floats:
        return np.asarray(self._posterior(number).exceedance(value)[0])

    def _later(self, number: int, step: int) -> int:
        return step - len(self._known[number].curve) - 1

    def _posterior(self, number: int) -> CurvePosterior:
        found = self._posteriors.pop(number, None)
        if found is None:
            seen = self.scale.normalise(self._known[number].curve)
            found = self._predictor.predict(seen, self._budget)
        self._posteriors[number] = found
        while len(self._posteriors) > KEPT:
            self._posteriors.popitem(last=False)
        return found

    def _choose_scale(self) -> None:
        if len(self._known) < 2 * self._scaled_by:
            return
        curves = [known.curve for known in self._known.values()]
        chosen = CurveScale.seen(curves, self._goal.direction, self._low, self._high)
        self._scaled_by = len(self._known)
        if chosen != self._scale:
            self._scale = chosen
            self._posteriors.clear()
            for known in self._known.values():
                known.final = known.chances = None
