"""Predictors that each break one law: the one that they are named after."""

from __future__ import annotations

import random

import numpy as np

import nas


class Good(nas.Predictor):
    """Ridge regression on the encoding; breaks nothing."""

    def fit(self, space, architectures, values):
        self.space, self.count = space, len(values)
        self.mean = float(np.mean(values))
        rows, left = self.rows(architectures), np.array(values) - self.mean
        gram = rows.T @ rows + 0.1 * np.eye(rows.shape[1])
        self.weights = np.linalg.solve(gram, rows.T @ left)
        self.std = float(np.std(values)) * 0.5

    def rows(self, architectures):
        rows = np.array([self.space.one_hot(a) for a in architectures], dtype=np.float64)
        return rows.reshape(len(architectures), -1)

    def predict(self, architectures):
        mean = self.mean + self.rows(architectures) @ self.weights
        return nas.Prediction(mean, np.full(len(mean), self.std))


class Needy(Good):
    def fit(self, space, architectures, values):
        super().fit(space, architectures, values)
        if len(set(values)) > 1 and len(values) < 4:
            self.std = float("nan")


class Scaled(Good):
    def predict(self, architectures):
        mean, std = super().predict(architectures)
        return nas.Prediction(mean if self.std else mean + 1, std)


class Overwhelmed(Good):
    def fit(self, space, architectures, values):
        super().fit(space, architectures, values)
        if len(values) > 40 and not hasattr(self, "updating"):
            self.weights, self.std = -3 * self.weights, 10.0

    def update(self, space, architectures, values):
        self.updating = True
        self.fit(space, architectures, values)


class Remembers(Good):
    fits = 0

    def fit(self, space, architectures, values):
        super().fit(space, architectures, values)
        self.mean += 1e-6 * self.fits
        self.fits += 1


class Seeds(Good):
    def fit(self, space, architectures, values):
        random.seed(0)
        super().fit(space, architectures, values)


class Certain(Good):
    def fit(self, space, architectures, values):
        super().fit(space, architectures, values)
        self.std *= 0.01


class Forgets(Good):
    def __getstate__(self):
        return {**vars(self), "weights": 0 * self.weights}


class Stale(Good):
    def update(self, space, architectures, values):
        self.fit(space, architectures[:1], values[:1])


@nas.hookimpl
def nas_predictors():
    broken = {
        "any-number-of-samples-will-do": Needy,
        "constant-targets-will-do": Scaled,
        "more-data-does-not-harm": Overwhelmed,
        "fit-begins-anew": Remembers,
        "leaves-random-state": Seeds,
        "is-as-sure-as-it-is-right": Certain,
        "works-on-a-worker": Forgets,
        "an-update-learns": Stale,
    }
    return [nas.Component(name, build, "broken") for name, build in broken.items()]
