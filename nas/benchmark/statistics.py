"""What runs say together: means with intervals over seeds, paired differences, trials to a target.

Every number is taken over seeds. One seed says nothing about another, so it gives no interval, and
nothing is claimed of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds.

    Args:
        n: seeds.
        mean: None if any of them has no value, or there are none.
        low, high: 95 % interval of the mean (Student's t); None for fewer than two seeds.
    """

    n: int
    mean: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Reached:
    """Trials that were needed to reach a target.

    Args:
        median: over all seeds, those that did not get there among them; None if half of them or
            more did not.
        share: of seeds that got there.
    """

    median: float | None
    share: float


def estimate(values: Sequence[float]) -> Estimate:
    """Return the mean of ``(seeds,)`` values with its interval.

    A seed without a value (NaN or infinite) is not left out, for that would make the mean of those
    that remain look better: then there is no mean.
    """
    of = np.asarray(values, dtype=np.float64)
    n = len(of)
    if n == 0 or not np.isfinite(of).all():
        return Estimate(n)
    mean = float(of.mean())
    if n == 1:
        return Estimate(n, mean)
    half = quantile_of_t(n - 1) * float(of.std(ddof=1)) / math.sqrt(n)
    return Estimate(n, mean, mean - half, mean + half)


def difference(values: Mapping[int, float], line: Mapping[int, float]) -> Estimate:
    """Return by how much values are above a line, paired by seed, over the seeds of both."""
    both = sorted(set(values) & set(line))
    return estimate([values[seed] - line[seed] for seed in both])


def quantile_of_t(freedom: int) -> float:
    """Return how many standard errors wide half a 95 % interval is."""
    from scipy.stats import t

    return float(t.ppf((1 + LEVEL) / 2, freedom))


def reached(trials: Sequence[float]) -> Reached | None:
    """Summarise the trials that seeds needed, infinite where they did not get there."""
    if not len(trials):
        return None
    needed = np.sort(np.asarray(trials, dtype=np.float64))
    n = len(needed)
    low, high = float(needed[(n - 1) // 2]), float(needed[n // 2])
    median = (low + high) / 2 if math.isfinite(high) else None
    return Reached(median, float(np.isfinite(needed).mean()))


def verdict(gain: Estimate) -> str:
    """Say in words what a paired gain over random search, positive if better, allows to say."""
    if gain.n == 0 or gain.mean is None:
        return "cannot be compared: not all seeds have a result"
    if gain.low is None or gain.high is None:
        return "one seed: no interval, nothing can be said"
    if gain.low > 0:
        return "beats random"
    if gain.high < 0:
        return "does not beat random: it is worse"
    return "does not beat random"
