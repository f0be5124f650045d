"""Bayesian ridge regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nas_predictors.features import Rows, UnitRange
from nas_predictors.vectors import Floats, VectorPredictor


@dataclass(eq=False, kw_only=True)
class Ridge(VectorPredictor):
    """Linear regression whose weights and noise have unknown variances (MacKay 1992).

    Both variances are those that make the data most likely. The standard deviation is that of the
    predictive distribution, in closed form: what is not known of the weights, and the noise.

    Linear in the encoding: ``pairwise`` makes it see which values go together.
    """

    def _learn(self, rows: Rows, scores: Floats) -> None:
        from sklearn.linear_model import BayesianRidge

        self._unit = UnitRange(rows)
        inputs = self._unit(rows)
        self._basis = _span(inputs)
        self._model: Any = None
        if len(self._basis) and len(scores) > 1:
            self._model = BayesianRidge(fit_intercept=True).fit(inputs @ self._basis.T, scores)

    def _infer(self, rows: Rows) -> tuple[Floats, Floats]:
        if self._model is None:  # no two samples differ: the scores have mean 0 and variance 1
            return np.zeros(len(rows)), np.ones(len(rows))
        inputs = self._unit(rows)
        inside = inputs @ self._basis.T
        mean, std = self._model.predict(inside, return_std=True)
        outside = np.maximum((inputs**2).sum(axis=1) - (inside**2).sum(axis=1), 0.0)
        return mean, np.sqrt(std**2 + outside / self._model.lambda_)


def _span(inputs: Floats) -> Floats:
    """Return ``(rank, features)`` orthonormal directions in which the samples differ from 0.

    Weights in all other directions keep their prior, so this is all to learn in.
    """
    wide = inputs.shape[1] > len(inputs)
    strength, vectors = np.linalg.eigh(inputs @ inputs.T if wide else inputs.T @ inputs)
    clear = strength > 1e-10 * max(float(strength[-1]), 1e-10)
    span: Floats = vectors[:, clear]
    return (inputs.T @ (span / np.sqrt(strength[clear]))).T if wide else span.T
