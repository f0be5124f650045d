"""Posteriors that are mixtures of normal distributions at every step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, ndtr, ndtri

from nas.abstract.learning_curve import CurvePosterior

Floats = NDArray[np.float64]

_ITERATIONS = 100
"""Halving alone would need about 40."""
_CLOSE = 1e-10
"""A quantile is found when its probability is within this."""
_FIVE = 5.0
_COVER = 0.3
"""Standard deviation of a normal that covers [0, 1]: about that of a uniform variable."""
_ANYWHERE = 0.2
"""Share of the surprises that may be anywhere."""
_LOG_ROOT = 0.5 * float(np.log(2.0 * np.pi))


def checked_levels(levels: Sequence[float]) -> Floats:
    """Return ``(levels,)``.

    Raises:
        ValueError: not increasing, or not within (0, 1).
    """
    found = np.asarray(levels, dtype=np.float64)
    ordered = found.ndim == 1 and found.size > 0 and bool((np.diff(found) > 0).all())
    if not ordered or not 0 < found[0] <= found[-1] < 1:
        raise ValueError(f"levels must increase and lie within (0, 1), not {list(levels)}")
    return found


def checked_value(value: Floats | float, curves: int) -> Floats:
    """Return ``(curves, 1)``, or ``(1, 1)`` for one value for all.

    Raises:
        ValueError: of another shape, or NaN.
    """
    found = np.asarray(value, dtype=np.float64).reshape(-1, 1)
    if len(found) not in (1, curves) or np.isnan(found).any():
        raise ValueError(f"value must be a number, or one for each of {curves} curves, not {value}")
    return found


def checked_values(values: Floats, shape: tuple[int, ...]) -> Floats:
    """Return the values. Raises ``ValueError`` if they have another shape than ``shape``."""
    found = np.asarray(values, dtype=np.float64)
    if found.shape != shape:
        raise ValueError(f"values must be (curves, steps) = {shape}, not {found.shape}")
    return found


class NormalMixture(CurvePosterior):
    """A mixture of normal distributions for every curve and step.

    Args:
        steps: ``(steps,)`` that are predicted.
        weights: ``(curves, components)``, summing to one.
        means: ``(curves, components, steps)``.
        stds: of the same shape, or ``(curves, components, 1)``; positive.
    """

    def __init__(self, steps: NDArray[np.int64], weights: Floats, means: Floats, stds: Floats):
        self.steps = steps
        self.weights = weights
        self.means = means
        self.stds = np.broadcast_to(stds, means.shape)

    @property
    def _shape(self) -> tuple[int, int]:
        return len(self.means), self.means.shape[2]

    def quantiles(self, levels: Sequence[float]) -> Floats:
        """Solve for the quantiles by bisection."""
        wanted = checked_levels(levels)
        found = [self._quantiles(curve, wanted) for curve in range(len(self.means))]
        return np.stack(found) if found else np.empty((*self._shape, len(wanted)))

    def exceedance(self, value: Floats | float) -> Floats:
        """Sum the components' upper tails."""
        values = checked_value(value, len(self.means))[:, :, None]
        tails = ndtr((self.means - values) / self.stds)
        return np.asarray(np.einsum("ck,cks->cs", self.weights, tails)).clip(0.0, 1.0)

    def log_density(self, values: Floats) -> Floats:
        """Sum the components' densities."""
        z = (checked_values(values, self._shape)[:, None] - self.means) / self.stds
        with np.errstate(divide="ignore"):
            logs = np.log(self.weights)[:, :, None] - np.log(self.stds)
        return np.asarray(logsumexp(logs - 0.5 * z * z, axis=1)) - _LOG_ROOT

    def _quantiles(self, curve: int, levels: Floats) -> Floats:
        """Return ``(steps, levels)`` of one curve."""
        used = self.weights[curve] > 0
        weights = self.weights[curve, used]
        means, stds = self.means[curve, used], self.stds[curve, used]
        ends = means[:, :, None] + stds[:, :, None] * ndtri(levels)
        low, high = ends.min(axis=0), ends.max(axis=0)
        first = np.einsum("k,ksl->sl", weights, ends)
        steps, wanted = np.divmod(np.arange(first.size), len(levels))
        return _solve(
            weights,
            (means[:, steps], stds[:, steps]),
            levels[wanted],
            (low.ravel(), high.ravel()),
            first.ravel(),
        ).reshape(first.shape)


def _solve(
    weights: Floats,
    parts: tuple[Floats, Floats],
    levels: Floats,
    bounds: tuple[Floats, Floats],
    guess: Floats,
) -> Floats:
    """Return ``(n,)`` quantiles by Newton's method, halving the interval where it leaves it.

    Args:
        weights: ``(components,)``.
        parts: means and standard deviations, ``(components, n)``.
        levels: ``(n,)``.
        bounds: ``(n,)`` each; the quantiles lie between them.
        guess: ``(n,)``.
    """
    (means, stds), (low, high) = parts, bounds
    found = np.clip(guess, low, high)
    open_ = np.arange(len(found))
    for _ in range(_ITERATIONS):
        at = found[open_]
        z = (at - means[:, open_]) / stds[:, open_]
        miss = weights @ ndtr(z) - levels[open_]
        slope = weights @ (np.exp(-0.5 * z * z - _LOG_ROOT) / stds[:, open_])
        low[open_] = np.where(miss < 0, at, low[open_])
        high[open_] = np.where(miss > 0, at, high[open_])
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            tried = at - miss / slope
        inside = (tried > low[open_]) & (tried < high[open_])
        halved = 0.5 * (low[open_] + high[open_])
        left = np.abs(miss) > _CLOSE
        found[open_[left]] = np.where(inside, tried, halved)[left]
        open_ = open_[left & (high[open_] > low[open_])]
        if not len(open_):
            break
    return found


def with_surprises(mixture: NormalMixture, probability: float) -> NormalMixture:
    """Return the mixture with two wide normals that what nobody expected has some density under.

    One is five times as wide as what is expected; the other, a fifth as likely, covers [0, 1].
    """
    if not probability:
        return mixture
    weights = mixture.weights[:, :, None]
    centre = (weights * mixture.means).sum(axis=1)
    square = (weights * (mixture.stds**2 + mixture.means**2)).sum(axis=1)
    std = np.sqrt(np.maximum(square - centre**2, 0.0))
    ones = np.ones_like(centre)
    far = [centre, 0.5 * ones], [np.minimum(_FIVE * std, _COVER + std), _COVER * ones]
    share = probability * np.array([1.0 - _ANYWHERE, _ANYWHERE])
    return NormalMixture(
        mixture.steps,
        np.concatenate(
            [(1.0 - probability) * mixture.weights, np.tile(share, (len(centre), 1))], axis=1
        ),
        np.concatenate([mixture.means, np.stack(far[0], axis=1)], axis=1),
        np.concatenate([mixture.stds, np.stack(far[1], axis=1)], axis=1),
    )
