"""The chance that a trial gains what it needs, from a prediction and from what others gained."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_FACTOR = float(np.log(2.0))
"""One trial's gain is another's, give or take a factor of 2: less the more complete ones there are.
"""
_NORMAL = np.array([-1.2816, -0.5244, 0.0, 0.5244, 1.2816])
"""The 10, 30, 50, 70 and 90 % quantiles of the standard normal distribution."""
_ALIKE = 0.1
"""Standard deviation of the kernel by which trials count that had another level."""


class Others(NamedTuple):
    """Other trials that have come further than the one that is judged; values are normalised.

    Args:
        levels: ``(trials,)``: their bests at its step.
        gains: ``(trials, left)``: by how much they had raised them after 1, 2, ... more steps;
            constant after the last that is known.
        known: ``(trials,)``: how many of these steps are known.
        complete: ``(trials,)``: whether they had their full budget.
    """

    levels: Floats
    gains: Floats
    known: NDArray[np.int64]
    complete: NDArray[np.bool_]

    @classmethod
    def of(cls, bests: list[Floats], complete: list[bool], seen: int, steps: int) -> Others:
        """Collect them from their bests so far, of which each is longer than ``seen``."""
        count, left = len(bests), steps - seen
        levels, gains = np.empty(count), np.empty((count, left))
        for row, best in enumerate(bests):
            levels[row] = best[seen - 1]
            gains[row, : len(best) - seen] = best[seen:] - levels[row]
            gains[row, len(best) - seen :] = best[-1] - levels[row]
        known = np.array([len(best) - seen for best in bests], dtype=np.int64)
        return cls(levels, gains, known, np.array(complete, dtype=bool))


def chance(reach: Floats, others: Others, level: float, needed: float, trust: float) -> float:
    """Return the probability that a trial gains what it needs within the steps that are left.

    The time until then has a beta-Stacy prior around the prediction; the others are observations
    of it, right-censored where they ended before (S. Walker and P. Muliere, "Beta-Stacy processes
    and a generalization of the Polya-urn scheme", Ann. Statist. 25(4), 1997). An observation counts
    less the further its level was from the trial's.

    Args:
        reach: ``(left,)``: the prediction that it happens within 1, 2, ... steps; non-decreasing.
        others: that have come further.
        level: the trial's own best.
        needed: gain, at least 0.
        trust: how many observations the prediction is worth.
    """
    alike = np.exp(-0.5 * ((others.levels - level) / _ALIKE) ** 2)
    spread = _FACTOR / np.sqrt(1.0 + np.count_nonzero(others.complete))
    wanted = needed * np.exp(spread * _NORMAL)
    return float(np.mean([_within(reach, others, alike, gain, trust) for gain in wanted]))


def _within(reach: Floats, others: Others, alike: Floats, gain: float, trust: float) -> float:
    """Return the posterior mean of the probability to gain so much in the steps that are left."""
    left = len(reach)
    there = others.gains >= gain
    happened = there.any(axis=1)
    last = np.where(happened, there.argmax(axis=1) + 1, others.known)
    events = np.bincount(last[happened], alike[happened], left + 1)[1:]
    ending = np.bincount(last, alike, left + 1)[1:]
    at_risk = np.cumsum(ending[::-1])[::-1]
    before = np.concatenate([[0.0], reach[:-1]])
    mass = trust * (1.0 - before) + at_risk
    hazard = trust * (reach - before) + events
    rate = np.divide(hazard, mass, out=np.zeros(left), where=mass > 0)
    return 1.0 - float(np.prod(1.0 - np.clip(rate, 0.0, 1.0)))
