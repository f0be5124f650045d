"""Priors that each break one law: the one that they are named after."""

from __future__ import annotations

import itertools

import numpy as np

import nas

_CALLS = itertools.count()


class Good(nas.CurvePrior):
    """Straight lines; breaks nothing."""

    def sample(self, curves, steps, rng):
        ends = np.sort(rng.uniform(0, 1, (curves, 2)))
        means = np.linspace(ends[:, 0], ends[:, 1], steps, axis=1)
        noise = rng.uniform(0.01, 0.05, curves)
        return nas.CurveSamples(means, noise, means + noise[:, None] * rng.normal(size=means.shape))


class Percent(Good):
    def sample(self, curves, steps, rng):
        found = super().sample(curves, steps, rng)
        shift = 0.5 * (steps > 30)
        return nas.CurveSamples(found.means + shift, found.noise, found.values + shift)


class Drifts(Good):
    def sample(self, curves, steps, rng):
        return super().sample(curves, steps, np.random.default_rng(next(_CALLS)))


class Global(Good):
    def sample(self, curves, steps, rng):
        np.random.random()
        return super().sample(curves, steps, rng)


class Quiet(Good):
    def sample(self, curves, steps, rng):
        found = super().sample(curves, steps, rng)
        return found._replace(noise=found.noise / 10)


@nas.hookimpl
def nas_curve_priors():
    broken = {
        "draws-normalised-curves": Percent,
        "its-generator-decides": Drifts,
        "leaves-random-state": Global,
        "observations-have-its-noise": Quiet,
    }
    return [nas.Component(name, build, "broken") for name, build in broken.items()]
