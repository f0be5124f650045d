"""Linear regression of many curves at once, with honest spread, as mixtures of normals."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv, gammaln

Floats = NDArray[np.float64]

FREEDOM = 1.0
"""Observations that the prior of the noise is worth."""
NOISE = 0.02
"""The standard deviation of the noise that they show: about the median of LC-PFN's prior."""
_RIDGE = 1e-3
"""Observations that the prior of the coefficients is worth."""
VARIANCES = 12
"""Normal distributions that stand for one of Student's t."""


class Fit(NamedTuple):
    """Posterior of ``y = x b + noise`` under a weak normal-inverse-gamma prior, for many ``y``.

    Args:
        means: ``(curves, later)`` of an observation at later rows of the design.
        scales: ``(curves, later)`` squared scales of Student's t there.
        evidence: ``(curves,)``: log of the marginal likelihood.
        freedom: degrees of freedom of Student's t.
    """

    means: Floats
    scales: Floats
    evidence: Floats
    freedom: float


def fit(seen: Floats, design: Floats, centre: Floats) -> Fit:
    """Regress curves on the first rows of a design; predict at its other rows.

    Args:
        seen: ``(curves, seen)``.
        design: ``(steps, features)``.
        centre: ``(features,)`` coefficients that the weak prior has its mean at.
    """
    rows = seen.shape[1]
    early, late = design[:rows], design[rows:]
    away = seen - early @ centre
    precision = early.T @ early + _RIDGE * np.eye(design.shape[1])
    covariance = np.linalg.inv(precision)
    coefficients = away @ early @ covariance
    left = (away**2).sum(axis=1) - np.einsum("cf,cf->c", coefficients, away @ early)
    freedom = FREEDOM + rows
    sums = FREEDOM * NOISE**2 + np.maximum(left, 0.0)
    spread = 1.0 + np.einsum("sf,fg,sg->s", late, covariance, late)
    shrinking = 0.5 * (design.shape[1] * np.log(_RIDGE) - np.linalg.slogdet(precision)[1])
    evidence = shrinking - 0.5 * freedom * np.log(sums) + _constant(rows)
    return Fit(
        late @ centre + coefficients @ late.T,
        sums[:, None] / freedom * spread,
        evidence,
        freedom,
    )


def _constant(rows: int) -> float:
    freedom = FREEDOM + rows
    return float(
        gammaln(0.5 * freedom)
        - gammaln(0.5 * FREEDOM)
        + 0.5 * FREEDOM * np.log(FREEDOM * NOISE**2)
        - 0.5 * rows * np.log(np.pi)
    )


def student(freedom: float) -> Floats:
    """Return ``(12,)`` factors: normals with the scale times them mix to Student's t.

    They are the middles of twelve equally likely parts of the scale's distribution, so that the
    far tails are a little thinner.
    """
    shares = (np.arange(VARIANCES) + 0.5) / VARIANCES
    precisions = gammaincinv(0.5 * freedom, shares) / (0.5 * freedom)
    return np.asarray(1.0 / np.sqrt(precisions))
