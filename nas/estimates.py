"""What a mean is worth: confidence intervals over samples, and the spread over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
"""Of every interval."""
RESAMPLES = 2_000
"""Of a bootstrap."""
_AT_ONCE = 2**22
"""Draws that a bootstrap holds in memory."""


@dataclass(frozen=True)
class Estimate:
    """A mean over samples, with its 95 % confidence interval.

    Args:
        value: the mean.
        low: lower end of the interval.
        high: upper end.
        method: ``wilson`` or ``bootstrap``.
        samples: how many it is the mean of.
    """

    value: float
    low: float
    high: float
    method: str
    samples: int


@dataclass(frozen=True)
class OverSeeds:
    """A metric of several trainings of one architecture.

    Args:
        mean: over them.
        std: sample standard deviation (divisor count - 1); None of a single one.
        count: how many there are.
    """

    mean: float
    std: float | None
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> OverSeeds:
        """Return it of at least one value."""
        return cls(fmean(values), stdev(values) if len(values) > 1 else None, len(values))


def estimate(values: NDArray[np.float64]) -> Estimate:
    """Return the mean of one value a sample, ``(samples,)``, and its interval.

    Wilson's where every value is 0 or 1, such as whether a sample was misclassified; else by the
    bootstrap, which does not ask how the values are distributed.
    """
    mean, samples = float(values.mean()), len(values)
    if np.isin(values, (0.0, 1.0)).all():
        return Estimate(mean, *wilson(int(values.sum()), samples), "wilson", samples)
    return Estimate(mean, *bootstrap(values), "bootstrap", samples)


def wilson(successes: int, samples: int) -> tuple[float, float]:
    """Return Wilson's score interval for a share.

    The shares that a score test does not reject. Unlike the interval that adds and subtracts
    standard errors, it keeps its level for few samples and for shares near 0 and 1.

    E. B. Wilson: Probable inference, the law of succession, and statistical inference. Journal of
    the American Statistical Association 22 (1927), 209-212.
    """
    z = NormalDist().inv_cdf((1 + LEVEL) / 2)
    share, extra = successes / samples, z * z / samples
    centre = (share + extra / 2) / (1 + extra)
    half = z * math.sqrt(share * (1 - share) / samples + extra / samples / 4) / (1 + extra)
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == samples else min(1.0, centre + half)
    return low, high


def bootstrap(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a mean; the same for the same values.

    B. Efron: Bootstrap methods: another look at the jackknife. Annals of Statistics 7 (1979), 1-26.
    """
    rng = np.random.default_rng(0)
    n = len(values)
    chunk = max(1, _AT_ONCE // n)
    means = [
        values[rng.integers(n, size=(min(chunk, RESAMPLES - start), n))].mean(axis=1)
        for start in range(0, RESAMPLES, chunk)
    ]
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(np.concatenate(means), [tail, 1 - tail])
    return float(low), float(high)
