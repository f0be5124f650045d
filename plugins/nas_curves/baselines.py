"""Plain predictors of learning curves that others are compared with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.special import softmax

from nas.abstract.learning_curve import CurvePredictor
from nas_curves.mixtures import NormalMixture
from nas_curves.regression import FREEDOM, NOISE, Fit, Floats, fit, student

_POWERS = np.exp(np.linspace(-3.0, 2.0, 16))
"""Exponents of pow3 that are tried."""
_RATES = np.exp(np.linspace(-5.0, 1.0, 13))
"""Factors k of Janoschek's curve."""
_BENDS = np.exp(np.linspace(-1.0, 1.0, 5))
"""Exponents delta of Janoschek's curve."""
_CENTRE = np.array([0.6, 0.0])
"""Weak prior of level and gain: a curve goes on as the average curve of the published prior."""


class LastValue(CurvePredictor):
    """The curve stays where it is, give or take what its steps so far were.

    The naive forecast: its variance grows in proportion to the steps ahead (Hyndman and
    Athanasopoulos, https://otexts.com/fpp3/prediction-intervals.html); that of one step is
    estimated from the steps seen, as Student's t.
    """

    def extrapolate(self, curves: Floats, epochs: int) -> NormalMixture:
        """Repeat the last value."""
        seen = curves.shape[1]
        ahead = np.arange(1, epochs - seen + 1)
        freedom = FREEDOM + seen - 1
        squares = FREEDOM * NOISE**2 + (np.diff(curves, axis=1) ** 2).sum(axis=1)
        scales = squares[:, None] / freedom * ahead
        means = np.repeat(curves[:, -1:], len(ahead), axis=1)
        return _mixture(seen, [Fit(means, scales, np.zeros(len(curves)), freedom)])


class PowerLaw(CurvePredictor):
    """The power law ``c - a t^-alpha`` that fits best by least squares.

    The spread is that of linear regression (Student's t) with the best alpha taken as known.
    """

    def extrapolate(self, curves: Floats, epochs: int) -> NormalMixture:
        """Fit and follow it."""
        fits = [fit(curves, design, _CENTRE) for design in _pow3(_steps(epochs))]
        return _mixture(curves.shape[1], [_best(fits)])


class LeastSquares(CurvePredictor):
    """Ensemble of the prior's families, each fitted by least squares.

    pow3, ilog2 and Janoschek's curve, each with the shape that fits best, weighted by their
    marginal likelihood under a weak prior of level, gain and noise.
    """

    def extrapolate(self, curves: Floats, epochs: int) -> NormalMixture:
        """Fit and follow all three."""
        steps = _steps(epochs)
        families = [_pow3(steps), _ilog2(steps), _janoschek(steps)]
        fits = [_best([fit(curves, d, _CENTRE) for d in family]) for family in families]
        return _mixture(curves.shape[1], fits)


def _steps(epochs: int) -> Floats:
    return np.arange(1.0, epochs + 1.0)


def _with_level(shape: Floats) -> Floats:
    return np.stack([np.ones_like(shape), shape], axis=1)


def _pow3(steps: Floats) -> Iterator[Floats]:
    return (_with_level(steps**-power) for power in _POWERS)


def _ilog2(steps: Floats) -> Iterator[Floats]:
    yield _with_level(1.0 / np.log(steps + 1.0))


def _janoschek(steps: Floats) -> Iterator[Floats]:
    return (_with_level(np.exp(-rate * steps**bend)) for rate in _RATES for bend in _BENDS)


def _best(fits: Sequence[Fit]) -> Fit:
    """Choose for each curve the fit with the highest evidence."""
    evidence = np.stack([found.evidence for found in fits])
    chosen, every = evidence.argmax(axis=0), np.arange(evidence.shape[1])
    return Fit(
        np.stack([found.means for found in fits])[chosen, every],
        np.stack([found.scales for found in fits])[chosen, every],
        evidence[chosen, every],
        fits[0].freedom,
    )


def _mixture(seen: int, fits: Sequence[Fit]) -> NormalMixture:
    """Weigh fits by their evidence; Student's t becomes a mixture of normals."""
    shares = softmax(np.stack([found.evidence for found in fits], axis=1), axis=1)
    factors = [student(found.freedom) for found in fits]
    size = len(factors[0])
    stds = [
        np.sqrt(found.scales)[:, None] * factor[:, None]
        for found, factor in zip(fits, factors, strict=True)
    ]
    means = np.repeat(np.stack([found.means for found in fits], axis=1), size, axis=1)
    later = means.shape[2]
    return NormalMixture(
        np.arange(seen + 1, seen + later + 1),
        np.repeat(shares, size, axis=1) / size,
        means,
        np.concatenate(stds, axis=1),
    )
