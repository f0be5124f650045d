"""From a metric to a normalised learning curve and back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas.goals import Direction

Floats = NDArray[np.float64]

_REACH = 20.0
"""At most so many times as far from the best as half of what was seen lies the soft bad bound."""


@dataclass(frozen=True)
class CurveScale:
    """Maps a metric to [0, 1], higher is better, and back.

    A logistic function takes what lies between the soft bounds to its nearly straight middle, and
    the hard bounds to 0 and 1; it is reflected if the metric is minimised (LC-PFN, Adriaensen et
    al. 2023, https://arxiv.org/abs/2310.20447, appendix on normalisation). It keeps the order of
    values, so that what exceeds what is the same on either side.

    Args:
        direction: which way the metric is better.
        low: the smallest value that the metric can have; -inf if there is none.
        high: the largest value; inf if there is none.
        soft_low: where the usual values begin.
        soft_high: where they end.
    """

    direction: Direction
    low: float
    high: float
    soft_low: float
    soft_high: float

    def __post_init__(self) -> None:
        if self.direction not in ("minimize", "maximize"):
            said = f'direction must be "minimize" or "maximize", not {self.direction!r}'
            raise ValueError(said)
        ordered = self.low <= self.soft_low < self.soft_high <= self.high
        if not ordered or not math.isfinite(self.soft_high - self.soft_low):
            raise ValueError(
                "bounds must be ordered, low <= soft_low < soft_high <= high, and the soft ones "
                f"finite, not {self.low}, {self.soft_low}, {self.soft_high}, {self.high}"
            )

    @classmethod
    def between(cls, low: float, high: float, direction: Direction) -> CurveScale:
        """Return the scale of a metric with known bounds, such as an accuracy or an error."""
        return cls(direction, low, high, low, high)

    @classmethod
    def seen(
        cls,
        curves: Iterable[ArrayLike],
        direction: Direction,
        low: float | None = None,
        high: float | None = None,
    ) -> CurveScale:
        """Choose the scale by what is known of the metric and by what has been seen of it.

        With both bounds known it is ``between`` them. Otherwise the soft bound on the bad side is
        the median of the curves' first values (as the paper has it for the cross-entropy: hard 0
        and infinity, soft 0 and the first value), but no further away than 20 times the median of
        all values, so that a first value of 1e6 does not flatten the rest. The soft bound on the
        good side is the hard one, or where there is none the best value seen.

        Args:
            curves: values of the metric, in order of steps, of one curve or more; what is not
                finite is left out.
            direction: which way the metric is better.
            low: the smallest value that the metric can have, None if unknown or unbounded.
            high: the largest value.

        Raises:
            ValueError: no finite value has been seen, or one outside the bounds.
        """
        hard_low, hard_high = _bound(low, -math.inf), _bound(high, math.inf)
        if math.isfinite(hard_low) and math.isfinite(hard_high):
            return cls.between(hard_low, hard_high, direction)
        finite = _finite(curves)
        if direction == "maximize":
            bad, good = _soft(finite, hard_low, hard_high)
            return cls(direction, hard_low, hard_high, bad, good)
        bad, good = _soft([-curve for curve in finite], -hard_high, -hard_low)
        return cls(direction, hard_low, hard_high, -good, -bad)

    def normalise(self, values: ArrayLike) -> Floats:
        """Map values of the metric to [0, 1], higher is better.

        An infinite value lies on the bound where there is none, such as a loss that diverged.

        Raises:
            ValueError: NaN, or a value outside the hard bounds.
        """
        raw = np.asarray(values, dtype=np.float64)
        wrong = ~((raw >= self.low) & (raw <= self.high))
        if wrong.any():
            raise ValueError(
                f"a value must lie within the bounds {self.low:g} to {self.high:g}, "
                f"not {raw[wrong].flat[0]}"
            )
        start, width = self._span()
        scaled = np.clip((_logistic(self._straight(raw)) - start) / width, 0.0, 1.0)
        return scaled if self.direction == "maximize" else 1.0 - scaled

    def restore(self, normalised: ArrayLike) -> Floats:
        """Map normalised values back to the metric; those outside [0, 1] to its hard bounds."""
        inside = np.clip(np.asarray(normalised, dtype=np.float64), 0.0, 1.0)
        scaled = inside if self.direction == "maximize" else 1.0 - inside
        start, width = self._span()
        share = start + width * scaled
        with np.errstate(divide="ignore"):
            straight = np.log(share) - np.log1p(-share)
        raw = self.soft_low + (straight + 1.0) / 2.0 * (self.soft_high - self.soft_low)
        return np.asarray(np.clip(raw, self.low, self.high))

    def _straight(self, raw: ArrayLike) -> Floats:
        """Map the soft bounds to -1 and 1."""
        span = self.soft_high - self.soft_low
        return np.asarray(2.0 * (np.asarray(raw) - self.soft_low) / span - 1.0)

    def _span(self) -> tuple[float, float]:
        """Return the logistic function of the lower hard bound, and how far it is to the upper."""
        start = float(_logistic(self._straight(self.low)))
        return start, float(_logistic(self._straight(self.high))) - start


def _logistic(x: Floats) -> Floats:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)))


def _bound(value: float | None, default: float) -> float:
    return default if value is None else float(value)


def _finite(curves: Iterable[ArrayLike]) -> list[Floats]:
    every = [np.asarray(curve, dtype=np.float64).ravel() for curve in curves]
    found = [finite for curve in every if len(finite := curve[np.isfinite(curve)])]
    if not found:
        raise ValueError("a scale needs one finite value that was seen at least, or both bounds")
    return found


def _soft(curves: Sequence[Floats], worst: float, best: float) -> tuple[float, float]:
    """Return the soft bounds, bad and good, of curves of which higher is better."""
    values = np.concatenate(curves)
    good = best if math.isfinite(best) else float(values.max())
    reach = _REACH * (good - float(np.median(values)))
    first = good - float(np.median([curve[0] for curve in curves]))
    away = min(first, reach) if reach > 0 else first
    bad = max(good - (away if away > 0 else abs(good) or 1.0), worst)
    return bad, good if good > bad else bad + (abs(bad) or 1.0)
