"""Parametric families of learning curves and the prior of their parameters."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NOISE = (-4.0, 1.0)
"""Mean and standard deviation of the logarithm of the noise's standard deviation."""
PARAMETERS = 12
"""Columns of ``Parameters``: three weights, then pow3, ilog2, Janoschek."""


class Normals(NamedTuple):
    """Which parameters are normal after a logarithm, and their means and standard deviations."""

    columns: tuple[int, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]


LOGARITHMS = Normals((5, 10, 11), (0.0, -2.0, 0.0), (2.0, 1.0, 0.5))
"""ln alpha of pow3, ln k and ln delta of Janoschek."""
UNIFORM = (0, 1, 2, 3, 4, 6, 7, 8, 9)
"""Three weights; c and a of pow3, c and a of ilog2; a and b of Janoschek."""
LOW = np.array([0, 0, 0, 0, -0.6, 0, -0.5, 0, 0])
HIGH = np.array([1, 1, 1, 1.25, 0.6, 1, 0.5, 1, 2])


def draw(n: int, rng: np.random.Generator) -> Floats:
    """Return ``(n, 12)`` parameters from the prior, before the constraint on the curve."""
    parameters = np.empty((n, PARAMETERS))
    parameters[:, UNIFORM] = rng.uniform(LOW, HIGH, (n, len(UNIFORM)))
    parameters[:, LOGARITHMS.columns] = rng.normal(
        LOGARITHMS.means, LOGARITHMS.deviations, (n, len(LOGARITHMS.columns))
    )
    return parameters


def values(parameters: Floats, steps: Floats) -> Floats:
    """Return ``(n, steps)``: the weighted sum of the three families.

    Args:
        parameters: ``(n, 12)``; alpha, k and delta as logarithms.
        steps: ``(steps,)``, positive.
    """
    p = parameters.T[:, :, None]
    log = np.log(steps)
    with np.errstate(over="ignore", under="ignore"):
        rates = np.exp(p[[5, 10, 11]])
        pow3 = p[3] - p[4] * np.exp(-rates[0] * log)
        ilog2 = p[6] - p[7] / np.log(steps + 1.0)
        janoschek = p[8] - (p[8] - p[9]) * np.exp(-rates[1] * np.exp(rates[2] * log))
    return np.asarray(p[0] * pow3 + p[1] * ilog2 + p[2] * janoschek)


def possible(curves: Floats) -> NDArray[np.bool_]:
    """Return ``(n,)``: whether curves end above where they begin and stay within [0, 1]."""
    inside = (curves.min(axis=1) >= 0.0) & (curves.max(axis=1) <= 1.0)
    return np.asarray(inside & (curves[:, -1] > curves[:, 0]))
