"""How much a candidate is expected to improve on what is known; lower losses are better."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Floats = NDArray[np.float64]

_ROOT_TAU = float(np.sqrt(2 * np.pi))
_LEAST = 1e-12
AUGMENTATION = 0.05
"""Weight of the sum beside the largest of the weighted losses (Knowles 2006)."""
DRAWS = 64


def expected_improvement(best: float, mean: Floats, std: Floats) -> Floats:
    """Return ``E[max(best - loss, 0)]`` of normal losses (Mockus 1978; Jones et al. 1998, eq. 15).

    Args:
        best: the least loss so far.
        mean: ``(n,)``.
        std: ``(n,)``, at least 0.
    """
    spread = np.maximum(std, _LEAST)
    away = (best - mean) / spread
    density = np.exp(-(away**2) / 2) / _ROOT_TAU
    return np.asarray(spread * (away * ndtr(away) + density))


def expected_hypervolume_improvement(
    front: Floats, reference: Floats, mean: Floats, std: Floats
) -> Floats:
    """Return the expected gain of hypervolume for two independent normal losses, exactly.

    The area that a point adds is cut into strips between neighbours on the front, in which it is a
    product of two one-dimensional improvements (Emmerich, Deutz & Klinkenberg, CEC 2011).

    Args:
        front: ``(k, 2)`` losses of which none dominates another.
        reference: ``(2,)``; what lies beyond it adds nothing.
        mean: ``(n, 2)``.
        std: ``(n, 2)``, at least 0.
    """
    inside = front[(front < reference).all(axis=1)]
    ordered = inside[np.argsort(inside[:, 0])]
    ends = [-np.inf, *ordered[:, 0].tolist(), float(reference[0])]
    tops = [float(reference[1]), *ordered[:, 1].tolist()]
    gain = np.zeros(len(mean))
    for (left, right), top in zip(pairwise(ends), tops, strict=True):
        wide = expected_improvement(right, mean[:, 0], std[:, 0])
        if np.isfinite(left):
            wide = wide - expected_improvement(left, mean[:, 0], std[:, 0])
        gain += wide * expected_improvement(top, mean[:, 1], std[:, 1])
    return gain


def expected_scalar_improvement(
    known: Floats, mean: Floats, std: Floats, draws: np.random.Generator
) -> Floats:
    """Return the expected improvement of one random scalarisation, for any number of losses.

    The augmented Tchebycheff function with random weights, of losses scaled to the range of what is
    known (ParEGO: Knowles, IEEE TEC 10(1), 2006), of which the expectation is taken over draws.

    Args:
        known: ``(k, objectives)`` losses.
        mean: ``(n, objectives)``.
        std: ``(n, objectives)``, at least 0.
        draws: random numbers.
    """
    weights = draws.dirichlet(np.ones(known.shape[1]))
    low, span = known.min(axis=0), np.ptp(known, axis=0)
    scale = weights / np.where(span > 0, span, 1.0)

    def scalar(losses: Floats) -> Floats:
        weighted = (losses - low) * scale
        return np.asarray(weighted.max(axis=-1) + AUGMENTATION * weighted.sum(axis=-1))

    best = scalar(known).min()
    noise = draws.standard_normal((DRAWS, 1, known.shape[1]))
    return np.asarray(np.maximum(best - scalar(mean + noise * std), 0.0).mean(axis=0))
