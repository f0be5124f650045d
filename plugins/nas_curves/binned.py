"""Posteriors that are histograms at every step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.abstract.learning_curve import CurvePosterior
from nas_curves.mixtures import checked_levels, checked_value, checked_values

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

_TINY = 1e-300


class Bins(NamedTuple):
    """Bins of a standardised variable; the first and the last are open.

    Within a bin the density is even. In the open ones it falls with the square of the distance
    (Pareto's law), so that what nobody expected is unlikely, but never impossible.

    Args:
        edges: ``(bins - 1,)`` between them, increasing.
        tails: how far beyond the outer edges the open bins' medians lie, below and above.
    """

    edges: Floats
    tails: tuple[float, float]

    @classmethod
    def of(cls, values: Floats, bins: int) -> Bins:
        """Return equally likely bins of a sample."""
        edges = np.quantile(values, np.arange(1, bins) / bins)
        below, above = edges[0] - values[values < edges[0]], values[values > edges[-1]] - edges[-1]
        return cls(edges, (float(np.median(below)), float(np.median(above))))

    def find(self, values: Floats) -> NDArray[np.int64]:
        """Return the bin of each value."""
        return np.asarray(np.searchsorted(self.edges, values, side="right"))

    def log_density(self, values: Floats) -> tuple[NDArray[np.int64], Floats]:
        """Return the bins of values, and log densities there of a bin with probability 1."""
        found = self.find(values)
        widths = np.diff(self.edges)
        inner = np.clip(found - 1, 0, len(widths) - 1)
        density = -np.log(widths[inner])
        for where, beyond, tail in (
            (found == 0, self.edges[0] - values, self.tails[0]),
            (found == len(self.edges), values - self.edges[-1], self.tails[1]),
        ):
            away = np.maximum(beyond[where], 0.0)
            density[where] = np.log(tail) - 2.0 * np.log(tail + away)
        return found, density

    def above(self, values: Floats) -> tuple[NDArray[np.int64], Floats]:
        """Return the bins of values, and which share of its own bin lies above each."""
        found = self.find(values)
        widths = np.diff(self.edges)
        inner = np.clip(found - 1, 0, len(widths) - 1)
        share = (self.edges[inner + 1] - values) / widths[inner]
        low, high = found == 0, found == len(self.edges)
        share[low] = 1.0 - self.tails[0] / (self.tails[0] + self.edges[0] - values[low])
        share[high] = self.tails[1] / (self.tails[1] + values[high] - self.edges[-1])
        return found, np.clip(share, 0.0, 1.0)

    def at(self, found: NDArray[np.int64], share: Floats) -> Floats:
        """Return the values in bins with these shares of the bin above them."""
        widths = np.diff(self.edges)
        inner = np.clip(found - 1, 0, len(widths) - 1)
        values = self.edges[inner + 1] - share * widths[inner]
        low, high = found == 0, found == len(self.edges)
        down, up = self.tails
        values[low] = self.edges[0] + down - down / np.maximum(1.0 - share[low], _TINY)
        values[high] = self.edges[-1] - up + up / np.maximum(share[high], _TINY)
        return np.asarray(values)


class BinnedPosterior(CurvePosterior):
    """A histogram for every curve and step.

    Args:
        steps: ``(steps,)`` that are predicted.
        bins: of the standardised values.
        shares: ``(curves, steps, bins)`` probabilities.
        centres: ``(curves, steps)`` that are subtracted from values,
        scales: which are then divided by these.
    """

    def __init__(
        self,
        steps: NDArray[np.int64],
        bins: Bins,
        shares: Singles,
        centres: Floats,
        scales: Floats,
    ) -> None:
        self.steps = steps
        self._bins, self._shares = bins, shares
        self._centres, self._scales = centres, scales

    def quantiles(self, levels: Sequence[float]) -> Floats:
        """Invert the piecewise linear distribution."""
        wanted = checked_levels(levels)
        upto = np.cumsum(self._shares, axis=2, dtype=np.float64)
        upto /= upto[:, :, -1:]
        found = np.empty((*upto.shape[:2], len(wanted)))
        for index, level in enumerate(wanted):
            inside = (upto < level).sum(axis=2)
            after = np.take_along_axis(upto, inside[:, :, None], axis=2)[:, :, 0]
            mass = np.take_along_axis(self._shares, inside[:, :, None], axis=2)[:, :, 0]
            share = np.clip((after - level) / np.maximum(mass, _TINY), 0.0, 1.0)
            found[:, :, index] = self._bins.at(inside, share)
        return self._centres[:, :, None] + self._scales[:, :, None] * found

    def exceedance(self, value: Floats | float) -> Floats:
        """Sum the bins above."""
        values = checked_value(value, len(self._shares))
        bins, share = self._bins.above((values - self._centres) / self._scales)
        over = np.cumsum(self._shares[:, :, ::-1], axis=2, dtype=np.float64)[:, :, ::-1]
        whole = np.take_along_axis(over, bins[:, :, None], axis=2)[:, :, 0]
        own = np.take_along_axis(self._shares, bins[:, :, None], axis=2)[:, :, 0]
        return np.clip((whole - (1.0 - share) * own) / over[:, :, 0], 0.0, 1.0)

    def log_density(self, values: Floats) -> Floats:
        """Look up the bins."""
        checked = checked_values(values, self._centres.shape)
        bins, density = self._bins.log_density((checked - self._centres) / self._scales)
        own = np.take_along_axis(self._shares, bins[:, :, None], axis=2)[:, :, 0]
        return np.log(np.maximum(own, _TINY)) + density - np.log(self._scales)
