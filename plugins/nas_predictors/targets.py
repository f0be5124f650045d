"""The scale on which a metric is learnt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nas_predictors.scores import NormalScores

Floats = NDArray[np.float64]

_LARGEST = np.log(np.finfo(np.float64).max) - 1


class Target(Protocol):
    """A scale made for the values that are learnt; on it they are of the order of 1.

    Attributes:
        training: ``(n,)`` the values on this scale.
    """

    training: Floats

    def moments(self, mean: Floats, std: Floats) -> tuple[Floats, Floats]:
        """Return mean and standard deviation, in the metric's unit, of what is normal here."""
        ...


class Standardised:
    """The values less their mean, divided by their standard deviation.

    Where all are equal nothing is known of a spread: whatever is predicted has none.

    Args:
        values: ``(n,)``, at least one, finite.
    """

    def __init__(self, values: Floats) -> None:
        unit = float(np.abs(values).max()) or 1.0  # sums of the largest numbers stay finite
        centre, spread = float(np.mean(values / unit)), float(np.std(values / unit))
        equal = bool((values == values[0]).all())
        self._centre, self._spread = centre * unit, 0.0 if equal else spread * unit
        self.training: Floats = (
            np.zeros(len(values)) if equal else (values / unit - centre) / spread
        )

    def moments(self, mean: Floats, std: Floats) -> tuple[Floats, Floats]:
        """Return mean and standard deviation in the metric's unit."""
        return self._centre + self._spread * mean, self._spread * std


class Logarithm:
    """The standardised natural logarithm: for values whose ratios matter, such as latencies.

    Args:
        values: ``(n,)``, at least one, finite.

    Raises:
        ValueError: a value is not positive.
    """

    def __init__(self, values: Floats) -> None:
        if not (values > 0).all():
            wrong = int(np.flatnonzero(~(values > 0))[0])
            raise ValueError(
                f"target 'log' is for positive values, and value {wrong} is {values[wrong]:g}; "
                "take 'normal' or 'raw'"
            )
        self._of_log = Standardised(np.log(values))
        self.training: Floats = self._of_log.training

    def moments(self, mean: Floats, std: Floats) -> tuple[Floats, Floats]:
        """Return the moments of a log-normal distribution; none is larger than a number can be."""
        centre, spread = self._of_log.moments(mean, std)
        log_mean = centre + spread**2 / 2
        with np.errstate(divide="ignore"):  # no spread at all
            # log(exp(s^2) - 1), which must not overflow on the way
            log_ratio = spread**2 + np.log(-np.expm1(-(spread**2)))
        log_std = log_mean + log_ratio / 2
        return np.exp(np.minimum(log_mean, _LARGEST)), np.exp(np.minimum(log_std, _LARGEST))


TARGETS: Mapping[str, Callable[[Floats], Target]] = {
    "normal": NormalScores,
    "log": Logarithm,
    "raw": Standardised,
}
