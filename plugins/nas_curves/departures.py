"""How real curves depart from a parametric prior: they drift, rise late, stall or fall."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

DRIFTS = (5.0, 20.0, 80.0, 320.0)
"""Standard deviations of the drift at the last step, in those of the noise."""
_BENDS = (0.0, float(np.log(4.0)))
"""Logarithms of the exponents of late rises, which are spread evenly between these."""

_NEVER = 0.5
"""Share of stalled or fallen curves that only ever had their first step."""
_TO_NOTHING = 0.5
"""Share of fallen curves that fall to 0."""


def drift_covariance(steps: int) -> Floats:
    """Return ``(steps, steps)``: of an integrated random walk with variance 1 at the last step.

    A curve with this added has a slope that wanders: it takes off, bends down or declines (Wahba's
    prior of cubic smoothing splines, 1978, https://doi.org/10.1111/j.2517-6161.1978.tb01050.x).
    """
    step = np.arange(1.0, steps + 1.0)
    less, more = np.minimum.outer(step, step), np.maximum.outer(step, step)
    covariance = less**2 * (3.0 * more - less)
    return np.asarray(covariance / covariance[-1, -1])


def drift(curves: int, steps: int, rng: np.random.Generator) -> Floats:
    """Draw ``(curves, steps)`` paths with ``drift_covariance``."""
    root = np.linalg.cholesky(drift_covariance(steps))
    return np.asarray(rng.normal(size=(curves, steps)) @ root.T)


def rise(means: Floats, rng: np.random.Generator) -> Floats:
    """Return ``(curves, steps)``: curves that gain late, as where a learning rate is annealed.

    Each gains a share, from U(0, 1), of what is left to 1, in the shape of cosine annealing
    (Loshchilov and Hutter 2017, https://arxiv.org/abs/1608.03983) to a power between 1 and 4.
    """
    curves, steps = means.shape
    annealed = 0.5 * (1.0 - np.cos(np.pi * np.arange(1, steps + 1) / steps))
    bends = np.exp(rng.uniform(*_BENDS, (curves, 1)))
    gains = rng.random((curves, 1)) * annealed**bends
    return np.asarray(means + (1.0 - means) * gains)


def stall(means: Floats, rng: np.random.Generator) -> tuple[Floats, Indices]:
    """Return curves that learn no more after some step, and ``(curves,)`` these steps, from 1.

    It is the first step for half of them, as of networks that do not learn at all; for the others
    its logarithm is evenly spread.
    """
    last = _last(len(means), means.shape[1], rng)
    kept = np.minimum(np.arange(means.shape[1]), last[:, None] - 1)
    return np.take_along_axis(means, kept, axis=1), last


def fall(means: Floats, rng: np.random.Generator) -> tuple[Floats, Indices]:
    """Return curves that fall, as where training diverges, and ``(curves,)`` their last good steps.

    The step is as in ``stall``. Half of them fall to 0, the others to a share, from U(0, 1), of
    what they had reached, and stay there.
    """
    curves, steps = means.shape
    last = _last(curves, steps, rng)
    reached = means[np.arange(curves), last - 1]
    left = np.where(rng.random(curves) < _TO_NOTHING, 0.0, rng.random(curves)) * reached
    return np.where(np.arange(steps) < last[:, None], means, left[:, None]), last


def _last(curves: int, steps: int, rng: np.random.Generator) -> Indices:
    """Draw ``(curves,)`` last steps of learning, from 1."""
    last = np.exp(rng.uniform(0.0, np.log(steps), curves)).astype(np.int64)
    last[rng.random(curves) < _NEVER] = 1
    return last
