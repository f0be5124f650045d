"""A normal approximation of the published prior: where later steps lie, roughly, in closed form.

``lc_pfn`` sees curves relative to it and predicts relative to it, so that what a network has to
learn is of one size, whatever the noise. It is a frame of reference, whatever prior the network is
trained on.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas_curves.domhan3 import Domhan3

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

NOISES = np.exp(np.linspace(-8.0, -1.0, 8))
"""Standard deviations of the noise that are considered."""
RANK = 12
"""Principal components that are kept."""
_LOG_PRIOR = -0.5 * ((np.log(NOISES) + 4.0) / 1.5) ** 2
_SAMPLE = 4_096
_SMALLEST = 1e-12


class Prefixes(NamedTuple):
    """What is known after every step of curves, by level of noise.

    Args:
        coefficients: ``(curves, steps, noises, rank)`` of the principal components.
        shares: ``(curves, steps, noises)`` probabilities of the noise.
        surprises: ``(curves, steps, noises)``: each step relative to what was expected of it.
    """

    coefficients: Floats
    shares: Floats
    surprises: Floats


class Anchor:
    """Curves of ``steps`` steps as a normal distribution of low rank plus white noise.

    Args:
        steps: of the curves.
    """

    def __init__(self, steps: int) -> None:
        curves = Domhan3().sample(_SAMPLE, steps, np.random.default_rng(0)).means
        self.steps = steps
        self.mean: Floats = curves.mean(axis=0)
        sizes, axes = np.linalg.svd(curves - self.mean, full_matrices=False)[1:]
        self.axes = np.zeros((steps, RANK))
        rank = min(RANK, len(sizes))
        self.axes[:, :rank] = (axes[:rank] * sizes[:rank, None]).T / np.sqrt(_SAMPLE)
        grown = np.cumsum(self.axes[:, :, None] * self.axes[:, None], axis=0)
        precision = np.eye(RANK) + grown[:, None] * NOISES[:, None, None] ** -2
        covariances = np.linalg.inv(precision)
        self._half_logs = -0.5 * np.linalg.slogdet(precision)[1]
        self._slopes = _beside(covariances * NOISES[:, None, None] ** -2)
        self._spread = ((self.axes @ covariances) * self.axes).sum(axis=3)
        first = np.broadcast_to((self.axes**2).sum(axis=1), (1, len(NOISES), steps))
        before = np.concatenate([first, self._spread[:-1]])
        every = np.arange(steps)
        self._stds = np.sqrt(NOISES**2 + before[every, :, every])

    def prefixes(self, curves: Floats) -> Prefixes:
        """Condition on the first step, the first two, and so on.

        Args:
            curves: ``(curves, seen)``, at most as many as the anchor has steps.
        """
        seen = curves.shape[1]
        away = (curves - self.mean[:seen]).T
        axes = self.axes[:seen]
        sums = np.cumsum(away[:, :, None] * axes[:, None], axis=0)
        coefficients = sums @ self._slopes[:seen]
        apart = coefficients.reshape(*sums.shape[:2], len(NOISES), RANK)
        squares = np.cumsum(away**2, axis=0)
        left = squares[:, :, None] - (apart @ sums[:, :, :, None])[:, :, :, 0]
        count = np.arange(1, seen + 1)[:, None, None]
        logs = _LOG_PRIOR - count * np.log(NOISES) + self._half_logs[:seen, None]
        logs = logs - 0.5 * np.maximum(left, 0.0) * NOISES**-2
        shares = np.exp(logs - logs.max(axis=2, keepdims=True))
        shares /= shares.sum(axis=2, keepdims=True)
        expected = np.zeros_like(shares)
        expected[1:] = (apart[:-1] @ axes[1:, None, :, None])[:, :, :, 0]
        surprises = (away[:, :, None] - expected) / self._stds[:seen, None]
        return Prefixes(apart.swapaxes(0, 1), shares.swapaxes(0, 1), surprises.swapaxes(0, 1))

    def expected(self, known: Prefixes, last: Indices, steps: Indices) -> tuple[Floats, Floats]:
        """Return means and standard deviations of observations, ``(curves, n)`` each.

        Args:
            known: of the curves.
            last: ``(curves, n)`` last steps that are known, from 1.
            steps: ``(curves, n)`` later steps, from 1.
        """
        curves = np.arange(len(last))[:, None]
        coefficients, shares = known.coefficients[curves, last - 1], known.shares[curves, last - 1]
        above = (coefficients @ self.axes[steps - 1][:, :, :, None])[:, :, :, 0]
        every = np.arange(len(NOISES))
        spread = self._spread[last[:, :, None] - 1, every, steps[:, :, None] - 1]
        return self._mixed(shares, above + self.mean[steps - 1][:, :, None], spread)

    def expected_after(self, known: Prefixes) -> tuple[Floats, Floats]:
        """Return means and standard deviations of all steps after those known, ``(curves, n)``."""
        seen = known.shares.shape[1]
        above = known.coefficients[:, -1] @ self.axes[seen:].T + self.mean[seen:]
        spread = np.broadcast_to(self._spread[seen - 1, :, seen:].T, above.swapaxes(1, 2).shape)
        return self._mixed(known.shares[:, -1][:, None], above.swapaxes(1, 2), spread)

    def _mixed(self, shares: Floats, means: Floats, spread: Floats) -> tuple[Floats, Floats]:
        """Return mean and standard deviation of mixtures over the noise, the last axis."""
        mean = (shares * means).sum(axis=-1)
        variance = (shares * (spread + NOISES**2 + (means - mean[..., None]) ** 2)).sum(axis=-1)
        return mean, np.sqrt(np.maximum(variance, _SMALLEST))


def _beside(matrices: Floats) -> Floats:
    """Return ``(steps, rank, noises * rank)`` of ``(steps, noises, rank, rank)``."""
    steps, noises, rank, _ = matrices.shape
    return np.ascontiguousarray(matrices.swapaxes(1, 2)).reshape(steps, rank, noises * rank)
