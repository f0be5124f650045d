"""Learning curves: priors over them, and predictors of how one goes on.

A curve here is normalised: values in [0, 1], higher is better, one at each of the steps 1, 2, ...
``CurveScale`` maps a metric to that and back.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.abstract.use import Use

Floats = NDArray[np.float64]


class CurveSamples(NamedTuple):
    """Curves drawn from a prior.

    Args:
        means: ``(curves, steps)`` without noise.
        noise: ``(curves,)`` standard deviations of the noise of an observation.
        values: ``(curves, steps)`` as they would be observed, all in [0, 1].
    """

    means: Floats
    noise: Floats
    values: Floats


class CurvePrior(ABC):
    """What learning curves look like before one is seen."""

    @abstractmethod
    def sample(self, curves: int, steps: int, rng: np.random.Generator) -> CurveSamples:
        """Draw curves at the steps 1 to ``steps``."""


class CurvePosterior(ABC):
    """What is expected of the later steps of one or more curves.

    Attributes:
        steps: ``(steps,)``: the steps that are predicted, from the first unseen one to the last.
    """

    steps: NDArray[np.int64]

    @abstractmethod
    def quantiles(self, levels: Sequence[float]) -> Floats:
        """Return ``(curves, steps, levels)``: values that are not exceeded with that probability.

        Args:
            levels: probabilities in (0, 1), increasing.
        """

    @abstractmethod
    def exceedance(self, value: Floats | float) -> Floats:
        """Return ``(curves, steps)``: the probability that an observation exceeds ``value``.

        Args:
            value: one for all, or ``(curves,)``.
        """

    @abstractmethod
    def log_density(self, values: Floats) -> Floats:
        """Return ``(curves, steps)``: the log density (nats) of later observations.

        Args:
            values: ``(curves, steps)`` what was observed there.
        """


class CurvePredictor(ABC):
    """Predicts how learning curves go on.

    Attributes:
        used: the components of ``uses``, built, in that order. Who builds a predictor sets it.
    """

    used: Sequence[Any] = ()

    @property
    def uses(self) -> Sequence[Use]:
        """Components that it works with, such as a ``curve_prior``."""
        return ()

    @abstractmethod
    def predict(self, curves: Floats, epochs: int) -> CurvePosterior:
        """Predict steps ``seen + 1`` to ``epochs`` of curves of which the first ``seen`` are known.

        The same arguments give the same posterior.

        Args:
            curves: ``(curves, seen)`` normalised, at least one step each; or ``(seen,)`` for one.
            epochs: the last step, above ``seen``.

        Raises:
            ValueError: values outside [0, 1] or not finite, nothing seen, or nothing to predict.
        """
