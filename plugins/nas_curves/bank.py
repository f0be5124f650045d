"""A bank of prior curves and how well each explains what was observed."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.abstract.learning_curve import CurvePrior

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

_AT_ONCE = 50_000
"""Curves that are drawn together: it bounds memory."""
_REMEMBERED = 256
"""Observed curves whose misfits are kept, so that one more step costs one more step."""


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
        """Count standard deviations on a grid that is even in their logarithm.

        Raises:
            ValueError: one of them is not positive.
        """
        if not (noise > 0).all():
            raise ValueError(f"a prior's noise must be positive, not {noise.min()}")
        counts, edges = np.histogram(np.log(noise), bins=levels)
        some = counts > 0
        middles = 0.5 * (edges[1:] + edges[:-1])[some]
        return cls(np.exp(middles), np.log(counts[some] / len(noise)))


class Bank:
    """Curves drawn from a prior, sorted by where they end.

    The order makes every systematic sample of them spread evenly over where curves may end.

    Args:
        prior: that they are drawn from.
        size: how many.
        steps: of each.
        levels: of the noise.
        seed: of the draws.
    """

    def __init__(self, prior: CurvePrior, size: int, steps: int, levels: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        parts, noise = [], []
        for start in range(0, size, _AT_ONCE):
            drawn = prior.sample(min(_AT_ONCE, size - start), steps, rng)
            parts.append(drawn.means.astype(np.float32))
            noise.append(drawn.noise)
        curves = np.concatenate(parts)
        self.curves: Singles = curves[np.argsort(curves[:, -1], kind="stable")]
        self.noise = NoiseGrid.of(np.concatenate(noise), levels)
        self._by_step = np.ascontiguousarray(self.curves.T)
        self._memory: OrderedDict[bytes, Singles] = OrderedDict()

    def misfits(self, seen: Floats) -> Singles:
        """Return ``(size,)``: the sums of squared distances to the observed steps.

        Steps are added one by one, whether or not earlier ones are remembered, so that the result
        is the same to the last bit.
        """
        key = seen.tobytes()
        known = self._memory.pop(key, None)
        if known is None:
            start, known = self._longest(seen)
            for step in range(start, len(seen)):
                away = self._by_step[step] - np.float32(seen[step])
                away *= away
                known = away if known is None else known + away
        assert known is not None  # at least one step was seen
        self._memory[key] = known
        while len(self._memory) > _REMEMBERED:
            self._memory.popitem(last=False)
        return known

    def _longest(self, seen: Floats) -> tuple[int, Singles | None]:
        """Return how many of the steps are already added up, and their sums."""
        for steps in range(len(seen) - 1, 0, -1):
            known = self._memory.get(seen[:steps].tobytes())
            if known is not None:
                return steps, known
        return 0, None
