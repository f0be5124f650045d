"""From a bank of curves and an observation to particles of the posterior."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas_curves.bank import Bank
from nas_curves.conditioning import Ensemble

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

FEW = 30.0
"""Effective curves below which the bank is too coarse for a level of noise."""
_ENSEMBLE = 256
"""Curves that are moved where the bank is too coarse."""
_NEGLIGIBLE = 12.0
"""Nats below the best level of noise at which one is left out."""
_NOTHING = 1e-12
"""Weight, relative to the best curve's, below which a curve is never drawn."""
_BANDWIDTH = 0.5
"""Of the kernel that smooths n particles, times n ** -0.2, in their standard deviations."""
_TINY = 1e-300
_QUARTILES = 1.349
"""How far apart they lie in a normal distribution, in standard deviations."""


class Particles(NamedTuple):
    """Equally likely curves, each with its spread.

    Args:
        means: ``(particles, steps)`` at the later steps.
        stds: ``(particles, steps)`` of an observation about them.
    """

    means: Floats
    stds: Floats


def systematic(weights: Floats | Singles, draws: int) -> NDArray[np.int64]:
    """Return ``(draws,)`` indices, as often as their weight says, without chance (sorted)."""
    upto = np.cumsum(weights, dtype=np.float64)
    wanted = (np.arange(draws) + 0.5) / draws * upto[-1]
    return np.asarray(np.minimum(np.searchsorted(upto, wanted), len(upto) - 1))


class Posterior:
    """What a bank makes of the first steps of one curve.

    The joint posterior of bank curve and level of noise is exact for the bank, by importance
    weights. Where the noise is so low that only a few of the bank's curves explain the
    observation, those that explain it at the lowest level that the bank resolves are moved as by
    normal conditioning (see ``Ensemble``).

    Args:
        bank: of prior curves.
        seen: ``(seen,)`` the observation.

    Attributes:
        coarse: how many levels of noise are lower than the bank resolves.
        evidence: ``(levels,)``: log probabilities of observation and level, but for a constant
            that all banks share.
    """

    def __init__(self, bank: Bank, seen: Floats) -> None:
        self._bank, self._seen = bank, seen
        misfits = bank.misfits(seen)
        self._least = float(misfits.min())
        self._excess = misfits - np.float32(self._least)
        self._weights: dict[int, Singles] = {}
        stds = bank.noise.stds
        volume = len(seen) * np.log(stds) + bank.log_volume[len(seen) - 1]
        self._free = bank.noise.log_prior - volume - np.log(len(misfits))
        self._best = self._free - 0.5 * self._least / stds**2
        self.coarse = self._first_resolved()
        self._moved = self._ensemble() if self.coarse else None
        self.evidence = self._evidence()

    def particles(self, count: int) -> Particles:
        """Return ``count`` particles, shared among the levels of noise by their evidence."""
        shares = np.exp(self.evidence - self.evidence.max())
        counts = np.bincount(systematic(shares, count), minlength=len(shares))
        parts = [self._level(int(j), int(counts[j])) for j in np.flatnonzero(counts)]
        return Particles(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    def _weigh(self, level: int) -> Singles:
        """Return ``(size,)``: the likelihood of the bank's curves relative to the best one."""
        if level not in self._weights:
            slope = np.float32(-0.5 / self._bank.noise.stds[level] ** 2)
            self._weights[level] = np.exp(slope * self._excess)
        return self._weights[level]

    def _first_resolved(self) -> int:
        """Return the lowest level at which the weights are shared by ``FEW`` curves or more."""
        low, high = 0, len(self._bank.noise.stds) - 1
        while low < high:
            middle = (low + high) // 2
            weights = self._weigh(middle)
            total = float(weights.sum())
            if total**2 >= FEW * float(weights @ weights):
                high = middle
            else:
                low = middle + 1
        return low

    def _ensemble(self) -> Ensemble:
        chosen = self._drawn(self.coarse, _ENSEMBLE)
        noise, seen = self._bank.noise.stds, self._seen
        variances = 1.0 / (noise[: self.coarse] ** -2 - noise[self.coarse] ** -2)
        early = self._bank.early(chosen, len(seen))
        return Ensemble(
            early, lambda: self._bank.late(chosen, seen), self._bank.whiten(seen), variances
        )

    def _evidence(self) -> Floats:
        first = self.coarse
        found = np.full(len(self._best), -np.inf)
        found[first] = self._best[first] + self._log_total(first)
        if self._moved is not None:
            shared = self._log_total(first) - 0.5 * self._least / self._bank.noise.stds[first] ** 2
            found[:first] = self._free[:first] + shared + self._moved.log_evidence
        most = np.log(len(self._excess))
        for level in range(first + 1, len(found)):
            if self._best[level] + most > found.max() - _NEGLIGIBLE:
                found[level] = self._best[level] + self._log_total(level)
        return found

    def _drawn(self, level: int, count: int) -> NDArray[np.int64]:
        """Return ``(count,)`` curves of the bank by their weights."""
        weights = self._weigh(level)
        near = np.flatnonzero(weights > _NOTHING)
        return np.asarray(near[systematic(weights[near], count)])

    def _log_total(self, level: int) -> float:
        return float(np.log(self._weigh(level).sum()))

    def _level(self, level: int, count: int) -> Particles:
        if level < self.coarse and self._moved is not None:
            means = self._moved.moved(level, systematic(np.ones(_ENSEMBLE), count))
        else:
            means = self._bank.late(self._drawn(level, count), self._seen)
        centre, spread = means.mean(axis=0), means.std(axis=0)
        width = _width(means, spread)
        shrunk = np.sqrt(1.0 - (width / np.maximum(spread, _TINY)) ** 2)
        noise = self._bank.noise.stds[level] * self._bank.spread(len(self._seen))
        stds = np.sqrt(noise**2 + width**2)
        return Particles(centre + shrunk * (means - centre), np.broadcast_to(stds, means.shape))


def _width(means: Floats, spread: Floats) -> Floats:
    """Return ``(steps,)``: a kernel's standard deviations, by Silverman's robust rule of thumb."""
    count = len(means)
    if count == 1:
        return np.zeros(means.shape[1])
    between = _quartile_range(np.sort(means, axis=0))
    return np.asarray(_BANDWIDTH * count**-0.2 * np.minimum(spread, between / _QUARTILES))


def _quartile_range(ordered: Floats) -> Floats:
    """Return ``(steps,)`` distances of the quartiles; ``np.quantile`` takes five times as long."""
    last = len(ordered) - 1
    at = np.array([0.25, 0.75]) * last
    below = at.astype(np.int64)
    share = (at - below)[:, None]
    above = np.minimum(below + 1, last)
    low, high = (1.0 - share) * ordered[below] + share * ordered[above]
    return np.asarray(high - low)
