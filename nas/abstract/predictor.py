"""Predictors: learn a metric from architectures; give mean and standard deviation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.abstract.space import Space
from nas.architecture import Architecture


class Prediction(NamedTuple):
    """Predicted metric, in its own unit.

    Args:
        mean: ``(architectures,)`` float64.
        std: ``(architectures,)`` float64, at least 0.
    """

    mean: NDArray[np.float64]
    std: NDArray[np.float64]


Features = Callable[[Sequence[Architecture]], NDArray[np.float64]]
"""From architectures to ``(architectures, features)``; NaN where one is not known."""


class Predictor(ABC):
    """Learns one metric from finished trials.

    Attributes:
        takes_features: whether it uses ``extra``.
        extra: features beside those of the encoding, such as proxies' scores; a search sets it
            before the first ``fit`` where the config asks for it.
    """

    takes_features: ClassVar[bool] = False
    extra: Features | None = None

    @abstractmethod
    def fit(
        self, space: Space, architectures: Sequence[Architecture], values: Sequence[float]
    ) -> None:
        """Learn from scratch; all values are finite, there is at least one.

        The same calls with the same arguments give the same predictor.
        """

    def update(
        self, space: Space, architectures: Sequence[Architecture], values: Sequence[float]
    ) -> None:
        """Learn as ``fit`` does, but keep what is dear to choose, such as a kernel's parameters.

        For a strategy that learns from every trial and calls ``fit`` now and then. By default it
        is ``fit``.
        """
        self.fit(space, architectures, values)

    @abstractmethod
    def predict(self, architectures: Sequence[Architecture]) -> Prediction:
        """Predict for any members of the space of the last ``fit``."""
