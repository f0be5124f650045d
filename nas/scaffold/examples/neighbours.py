"""A predictor: the mean of the nearest architectures that are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import nas
import numpy as np
from nas import checks
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(eq=False)
class Neighbours(nas.Predictor):
    """Weighted mean of the nearest known architectures; nearer ones count more.

    The distance is the number of decisions that differ, plus squared differences of extra
    features (``filter.features``, such as a proxy's scores) in standard deviations. The standard
    deviation, the same for all, is how far off it was on known samples when each was predicted
    from the others; 0 while there is a single one, of which that cannot be said.

    Args:
        nearest: how many the mean is taken of, at least 1.
    """

    takes_features: ClassVar[bool] = True

    nearest: int = 5
    _space: nas.Space | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        checks.whole("nearest", self.nearest, 1)

    def fit(
        self,
        space: nas.Space,
        architectures: Sequence[nas.Architecture],
        values: Sequence[float],
    ) -> None:
        """Keep what is known, and measure how far off it is."""
        self._space = space
        self._known = self._one_hot(architectures)
        self._values = np.asarray(values, dtype=np.float64)
        features = self._extra(architectures)
        self._centre, self._scale = _moments(features)
        self._features = self._standardised(features)
        self._std = self._left_out()

    def predict(self, architectures: Sequence[nas.Architecture]) -> nas.Prediction:
        """Predict; raises ``StudyError`` before the first ``fit``."""
        rows = self._one_hot(architectures)
        features = self._standardised(self._extra(architectures))
        pairs = zip(rows, features, strict=True)
        mean = np.array([self._mean(self._distances(*pair)) for pair in pairs], dtype=np.float64)
        return nas.Prediction(mean, np.full(len(mean), self._std))

    def _one_hot(self, architectures: Sequence[nas.Architecture]) -> Floats:
        """Return ``(architectures, choices)``."""
        if self._space is None:
            raise nas.StudyError("fit comes before predict")
        rows = np.zeros((len(architectures), self._space.tree.offsets[-1]))
        for row, architecture in zip(rows, architectures, strict=True):
            row[:] = self._space.one_hot(architecture)
        return rows

    def _extra(self, architectures: Sequence[nas.Architecture]) -> Floats:
        """Return ``(architectures, features)``, NaN where not known."""
        if self.extra is None:
            return np.zeros((len(architectures), 0))
        return self.extra(architectures)

    def _standardised(self, features: Floats) -> Floats:
        """Return them with mean 0 and deviation 1 of what was learnt; 0 where not known."""
        scaled = (features - self._centre) / self._scale
        return np.where(np.isfinite(scaled), scaled, 0.0)

    def _distances(self, row: Floats, features: Floats) -> Floats:
        """Return ``(known,)``: two of the ones and zeros differ where a decision does."""
        differing = np.abs(self._known - row).sum(axis=1) / 2
        return np.asarray(differing + ((self._features - features) ** 2).sum(axis=1))

    def _mean(self, distances: Floats) -> float:
        near = np.argsort(distances, kind="stable")[: self.nearest]
        near = near[np.isfinite(distances[near])]
        return float(np.average(self._values[near], weights=1 / (0.5 + distances[near])))

    def _left_out(self) -> float:
        """Return the root mean square error on a hundred known samples at most."""
        count = len(self._values)
        if count == 1:
            return 0.0
        errors = []
        for i in range(0, count, -(-count // 100)):
            distances = self._distances(self._known[i], self._features[i])
            distances[i] = np.inf
            errors.append(self._mean(distances) - self._values[i])
        return float(np.sqrt(np.mean(np.square(errors))))


def _moments(features: Floats) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of each column's finite values; 0 and 1 for none."""
    columns = [column[np.isfinite(column)] for column in features.T]
    centre = [column.mean() if len(column) else 0.0 for column in columns]
    scale = [column.std() if len(column) else 0.0 for column in columns]
    return np.array(centre), np.array([deviation or 1.0 for deviation in scale])
