"""One Gaussian process on rows of numbers. Imported when one is fitted."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning  # noqa: TID253 - see above
from sklearn.gaussian_process import GaussianProcessRegressor  # noqa: TID253

from nas_predictors.features import Rows, UnitRange

Floats = NDArray[np.float64]

STEPS = 40
"""Of the search for the most likely hyperparameters."""


class Scaling:
    """Columns centred and scaled, so that two samples are 1 apart in each group, in mean square.

    Args:
        rows: ``(n, columns)`` what is learnt from; NaN where not known.
        groups: number of columns of each group.
    """

    def __init__(self, rows: Rows, groups: Sequence[int]) -> None:
        self._unit = UnitRange(rows)
        inputs = self._unit(rows)
        ends = np.cumsum(groups).tolist()
        ends[-1] = inputs.shape[1]  # what tells that something is not known belongs to the last
        self.groups = [stop - start for start, stop in pairwise([0, *ends])]
        self._scale = np.ones(inputs.shape[1])
        for start, stop in pairwise([0, *ends]):
            squared = 2 * inputs[:, start:stop].var(axis=0).sum()
            self._scale[start:stop] = np.sqrt(squared) if squared > 0 else 1.0

    def __call__(self, rows: Rows) -> Floats:
        """Return ``(n, columns)``."""
        scaled: Floats = self._unit(rows) / self._scale
        return scaled


class Process:
    """A Gaussian process of mean 0 (scikit-learn).

    Args:
        kernel: a product of a constant and others, plus noise. A search for better hyperparameters
            begins at those it has. Their logarithms are free, but those of length scales have a
            normal prior around them, of standard deviation 1.
        like: has hyperparameters for a kernel of the same shape, which are kept; None to choose.
    """

    def __init__(self, kernel: Any, like: Process | None = None) -> None:
        self._kernel = kernel
        free = [h for h in kernel.hyperparameters if not h.fixed]
        names = (h.name for h in free for _ in range(h.n_elements))
        self._lengths = np.array(["length_scale" in name for name in names])
        self._choose = like is None or len(like._kernel.theta) != len(kernel.theta)
        if like is not None and not self._choose:
            kernel.theta = like._kernel.theta
        self.evidence = -np.inf
        """Log marginal likelihood of what was learnt."""

    def fit(self, inputs: Floats, scores: Floats) -> None:
        """Learn ``(n,)`` scores, which are of the order of 1, from ``(n, columns)`` inputs."""
        search = self._choose and len(scores) > 1 and np.ptp(scores) > 0
        model = GaussianProcessRegressor(
            self._kernel, alpha=1e-8, optimizer=self._search if search else None
        )
        with warnings.catch_warnings():  # that one of them is at its bound is no failure
            warnings.simplefilter("ignore", ConvergenceWarning)
            self._model: Any = model.fit(inputs, scores)
        self._kernel = self._model.kernel_
        self.evidence = float(self._model.log_marginal_likelihood_value_)

    def predict(self, inputs: Floats, *, latent: bool) -> tuple[Floats, Floats]:
        """Return mean and standard deviation at ``(m, columns)`` inputs.

        Args:
            inputs: where to predict.
            latent: whether the noise is left out.
        """
        signal = self._model.kernel_.k1
        between = signal(inputs, self._model.X_train_)
        half = solve_triangular(self._model.L_, between.T, lower=True, check_finite=False)
        variance = signal.diag(inputs) - np.einsum("ij,ij->j", half, half)
        noise = 0.0 if latent else self._model.kernel_.k2.noise_level
        return between @ self._model.alpha_, np.sqrt(np.maximum(variance, 0.0) + noise)

    def _search(
        self, objective: Callable[..., Any], start: Floats, bounds: Floats
    ) -> tuple[Floats, float]:
        """Climb to the most likely hyperparameters, given the prior of the length scales.

        Without it, few samples make most columns of many look irrelevant, and the process sure.
        """

        def loss(theta: Floats) -> tuple[float, Floats]:
            value, gradient = objective(theta)
            away = np.where(self._lengths, theta - start, 0.0)
            return value + float(away @ away) / 2, gradient + away

        end = minimize(
            loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": STEPS}
        )
        return end.x, float(end.fun)
