"""A bank of prior curves and how well each explains what was observed."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.abstract.learning_curve import CurvePrior

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Singles = NDArray[np.float32]

_AT_ONCE = 50_000
"""Curves that are drawn together: it bounds memory."""
_REMEMBERED = 64
"""Observed curves whose misfits are kept, so that one more step costs one more step."""
_TAILS = (-6.0, 4.0)
"""Ends of the grid of the noise's logarithm, in standard deviations about its mean. Real curves on
a plateau have less noise than the published prior expects."""

_CERTAIN = 1e-9
"""Deviations of the noise's logarithm below this are rounding errors."""
_PACE, _WIDEST = 1.4, 1.0
"""From level to level where a prior has one level of noise, and the highest."""


class NoiseGrid(NamedTuple):
    """The prior of the noise, on a grid.

    Args:
        stds: ``(levels,)`` standard deviations, increasing.
        log_prior: ``(levels,)``: logarithms of their probabilities.
    """

    stds: Floats
    log_prior: Floats

    @classmethod
    def of(cls, noise: Floats, levels: int) -> NoiseGrid:
        """Take the logarithms to be normal, with the mean and deviation of a sample.

        Raises:
            ValueError: the noise is not positive.
        """
        if not (noise > 0).all():
            raise ValueError(f"the noise of a prior must be positive, not {noise.min()}")
        logs = np.log(noise)
        deviation = float(logs.std())
        if deviation < _CERTAIN or levels == 1:
            return cls._known(float(np.exp(logs.mean())))
        z = np.linspace(*_TAILS, levels)
        prior = -0.5 * z**2
        return cls(np.exp(logs.mean() + deviation * z), prior - np.logaddexp.reduce(prior))

    @classmethod
    def _known(cls, std: float) -> NoiseGrid:
        """Return one level, and impossible ones above it at which a bank is compared first."""
        above = max(2, int(np.ceil(np.log(_WIDEST / std) / np.log(_PACE))) + 1)
        prior = np.full(above, -np.inf)
        prior[0] = 0.0
        return cls(std * _PACE ** np.arange(float(above)), prior)


class Curves(NamedTuple):
    """Curves of a prior.

    Args:
        means: ``(curves, steps)``.
        noise: its prior.
    """

    means: Singles
    noise: NoiseGrid

    @classmethod
    def draw(cls, prior: CurvePrior, size: int, steps: int, levels: int, seed: int) -> Curves:
        """Draw ``size`` curves."""
        rng = np.random.default_rng(seed)
        parts, noise = [], []
        for start in range(0, size, _AT_ONCE):
            drawn = prior.sample(min(_AT_ONCE, size - start), steps, rng)
            parts.append(drawn.means.astype(np.float32))
            noise.append(drawn.noise)
        return cls(np.concatenate(parts), NoiseGrid.of(np.concatenate(noise), levels))

    def some(self, size: int) -> Singles:
        """Return the first ``size`` of the curves."""
        return self.means[:size]


class Bank:
    """Curves that are compared with an observation under one kind of noise.

    They are sorted by where they end, so that every systematic sample of them spreads evenly.

    Args:
        means: ``(curves, steps)``.
        noise: its prior.
        covariance: ``(steps, steps)`` of the noise of a curve at level 1; white noise if None.
        since: ``(curves,)`` known steps from which a curve is compared at all; 1 if None.
    """

    def __init__(
        self,
        means: Singles,
        noise: NoiseGrid,
        covariance: Floats | None = None,
        since: Indices | None = None,
    ) -> None:
        order = np.argsort(means[:, -1], kind="stable")
        self.means, self.noise = means[order], noise
        self._since = None if since is None else since[order]
        self._covariance = covariance
        self._white: Floats | None = None
        whitened = self.means
        self.log_volume = np.zeros(means.shape[1])
        if covariance is not None:
            root = np.linalg.cholesky(covariance)
            self.log_volume = np.cumsum(np.log(np.diag(root)))
            self._white = np.linalg.inv(root)
            whitened = self.means @ self._white.T.astype(np.float32)
        self._by_step = np.ascontiguousarray(whitened.T)
        self._memory: OrderedDict[bytes, Singles] = OrderedDict()
        self._links: tuple[int, tuple[Floats, Floats]] | None = None

    def compares(self, seen: int) -> bool:
        """Return whether any curve is compared where so many steps are known."""
        return self._since is None or bool((self._since <= seen).any())

    def whiten(self, seen: Floats) -> Floats:
        """Return ``(seen,)`` an observation in units in which its noise is white."""
        return seen if self._white is None else self._white[: len(seen), : len(seen)] @ seen

    def early(self, members: Indices, seen: int) -> Floats:
        """Return ``(members, seen)`` whitened first steps of curves."""
        means = self.means[members, :seen].astype(np.float64)
        return means if self._white is None else means @ self._white[:seen, :seen].T

    def late(self, members: Indices, seen: Floats) -> Floats:
        """Return ``(members, later)``: what curves expect after an observation."""
        means = self.means[members].astype(np.float64)
        start = len(seen)
        if self._covariance is None:
            return np.asarray(means[:, start:])
        return np.asarray(means[:, start:] + (seen - means[:, :start]) @ self._link(start)[0].T)

    def spread(self, seen: int) -> Floats:
        """Return ``(later,)``: the noise at level 1 that the first steps leave, as deviations."""
        if self._covariance is None:
            return np.ones(self.means.shape[1] - seen)
        return self._link(seen)[1]

    def misfits(self, seen: Floats) -> Singles:
        """Return ``(curves,)``: squared distances to an observation, in units of its noise.

        They are infinite where a curve is not compared. Steps are added one by one, whether or not
        earlier ones are remembered, so that the result is the same to the last bit.
        """
        key = seen.tobytes()
        known = self._memory.pop(key, None)
        if known is None:
            white = self.whiten(seen)
            start, known = self._longest(seen)
            for step in range(start, len(seen)):
                away = self._by_step[step] - np.float32(white[step])
                away *= away
                known = away if known is None else known + away
        assert known is not None  # at least one step was seen
        self._memory[key] = known
        while len(self._memory) > _REMEMBERED:
            self._memory.popitem(last=False)
        if self._since is None:
            return known
        return np.where(self._since <= len(seen), known, np.float32(np.inf))

    def _longest(self, seen: Floats) -> tuple[int, Singles | None]:
        """Return how many of the steps are already added up, and their sums."""
        for steps in range(len(seen) - 1, 0, -1):
            known = self._memory.get(seen[:steps].tobytes())
            if known is not None:
                return steps, known
        return 0, None

    def _link(self, seen: int) -> tuple[Floats, Floats]:
        """Return the regression of the later noise on the earlier, and what it leaves."""
        if self._links is None or self._links[0] != seen:
            assert self._covariance is not None  # the callers have looked
            self._links = seen, _regression(self._covariance, seen)
        return self._links[1]


def _regression(whole: Floats, seen: int) -> tuple[Floats, Floats]:
    slopes = np.linalg.solve(whole[:seen, :seen], whole[:seen, seen:]).T
    left = np.diag(whole)[seen:] - (slopes * whole[seen:, :seen]).sum(axis=1)
    return np.asarray(slopes), np.sqrt(np.maximum(left, 0.0))
