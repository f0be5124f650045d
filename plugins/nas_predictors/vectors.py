"""What predictors share that learn from rows of numbers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from nas import checks
from nas.abstract.predictor import Prediction, Predictor
from nas.abstract.space import Space
from nas.architecture import Architecture
from nas_predictors.encodings import Encoder
from nas_predictors.features import Rows, with_extra
from nas_predictors.targets import TARGETS

Floats = NDArray[np.float64]

AT_ONCE = 2_000
"""Architectures that are predicted together: it bounds memory."""


def checked(architectures: Sequence[Architecture], values: Sequence[float]) -> Floats:
    """Return ``(n,)`` values to learn from.

    Raises:
        ValueError: no samples, not one value for each, or a value that is not finite.
    """
    targets = np.asarray(values, dtype=np.float64)
    if len(architectures) == 0 or targets.shape != (len(architectures),):
        raise ValueError(
            f"expected one value for each of at least one architecture, not {len(values)} "
            f"values for {len(architectures)} architectures"
        )
    if not np.isfinite(targets).all():
        wrong = int(np.flatnonzero(~np.isfinite(targets))[0])
        raise ValueError(f"value {wrong} is {targets[wrong]}; all must be finite")
    return targets


@dataclass(eq=False, kw_only=True)
class VectorPredictor(Predictor):
    """Encodes architectures, learns scores of the values, and carries predictions back.

    Args:
        encoding: ``one_hot``, ``counts``, ``pairwise``, ``adjacency``, ``path``, ``graph``, or
            ``wl`` (Weisfeiler-Lehman).
        target: scale on which values are learnt: ``normal`` scores, which outliers do not move,
            ``log`` for positive values, or ``raw``.
        seed: of everything that is drawn.
    """

    takes_features: ClassVar[bool] = True

    encoding: str = "counts"
    target: str = "normal"
    seed: int = 0
    _encoder: Encoder = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._encoder = Encoder(self.encoding)
        checks.one_of("target", self.target, TARGETS)
        checks.whole("seed", self.seed, 0)

    def fit(
        self, space: Space, architectures: Sequence[Architecture], values: Sequence[float]
    ) -> None:
        """Learn from scratch.

        Raises:
            ValueError: no samples, not one value for each, or a value that is not finite, or that
                the target does not allow.
            ConfigError: the encoding does not suit the space.
        """
        scale = TARGETS[self.target](checked(architectures, values))
        encoded = self._encoder.fit(space, architectures)
        self._learn(with_extra(encoded, self.extra, architectures), scale.training)
        self._scale = scale

    def predict(self, architectures: Sequence[Architecture]) -> Prediction:
        """Predict for any members of the space; raises ``StudyError`` before the first ``fit``."""
        parts = [
            self._predict(architectures[start : start + AT_ONCE])
            for start in range(0, max(1, len(architectures)), AT_ONCE)
        ]
        return Prediction(*map(np.concatenate, zip(*parts, strict=True)))

    def _predict(self, architectures: Sequence[Architecture]) -> tuple[Floats, Floats]:
        encoded = self._encoder.rows(architectures)
        if len(architectures) == 0:
            return np.empty(0), np.empty(0)
        mean, std = self._infer(with_extra(encoded, self.extra, architectures))
        return self._scale.moments(mean, std)

    @abstractmethod
    def _learn(self, rows: Rows, scores: Floats) -> None:
        """Learn ``(n,)`` scores, which are of the order of 1, from ``(n, features)`` rows.

        NaN stands for an extra feature that is not known.
        """

    @abstractmethod
    def _infer(self, rows: Rows) -> tuple[Floats, Floats]:
        """Return mean and standard deviation of the scores of at least one row."""
