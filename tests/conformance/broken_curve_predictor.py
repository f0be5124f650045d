"""Predictors that each break one law: the one that they are named after."""

from __future__ import annotations

import itertools

import numpy as np
from scipy.stats import norm

import nas

_CALLS = itertools.count()


class Normal(nas.CurvePosterior):
    """The last value, with a deviation that grows."""

    def __init__(self, curves, epochs, shift=0.0):
        seen = curves.shape[1]
        self.steps = np.arange(seen + 1, epochs + 1)
        self.mean = np.repeat(curves[:, -1:] + shift, len(self.steps), axis=1)
        self.std = 0.02 + 0.01 * np.arange(len(self.steps))[None]

    def quantiles(self, levels):
        return self.mean[..., None] + self.std[..., None] * norm.ppf(levels)

    def exceedance(self, value):
        value = np.asarray(value)
        value = value[:, None] if value.ndim else value
        return norm.sf(value, self.mean, self.std)

    def log_density(self, values):
        return norm.logpdf(values, self.mean, self.std)


class Good(nas.CurvePredictor):
    """Breaks nothing."""

    posterior = Normal

    def extrapolate(self, curves, epochs):
        return self.posterior(curves, epochs)


class Regression(Good):
    """It needs two steps."""

    def extrapolate(self, curves, epochs):
        slope = curves[:, -1] - curves[:, -2]
        return Normal(curves, epochs, 0 * slope[:, None])


class Crossed(Normal):
    def quantiles(self, levels):
        found = super().quantiles(levels)
        return found if found.shape[2] < 4 else found[..., [0, 2, 1, 3, 4]]


class Crosses(Good):
    posterior = Crossed


class Doubled(Normal):
    def exceedance(self, value):
        found = super().exceedance(value)
        return found if np.ndim(value) else 2 * found


class Doubles(Good):
    posterior = Doubled


class Halved(Normal):
    def exceedance(self, value):
        return super().exceedance(value) / 2


class Halves(Good):
    posterior = Halved


class Drifts(Good):
    def extrapolate(self, curves, epochs):
        return Normal(curves, epochs, 1e-6 * next(_CALLS))


class Averages(Good):
    def extrapolate(self, curves, epochs):
        return Normal(curves, epochs, 0.5 * (curves.max() - curves[:, -1:]))


class Shifts(Good):
    def extrapolate(self, curves, epochs):
        found = Normal(curves.copy(), epochs)
        curves -= 0.1
        return found


@nas.hookimpl
def nas_curve_predictors():
    broken = {
        "answers-for-any-curve": Regression,
        "quantiles-increase": Crosses,
        "exceedance-is-a-probability": Doubles,
        "quantiles-and-exceedance-agree": Halves,
        "the-same-call-gives-the-same": Drifts,
        "curves-do-not-mix": Averages,
        "leaves-the-curves": Shifts,
    }
    return [nas.Component(name, build, "broken") for name, build in broken.items()]
