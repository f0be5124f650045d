"""Losses on a scale that suits a predictor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from nas.abstract.aggregate import ranks

Floats = NDArray[np.float64]


def normal_scores(losses: Floats) -> Floats:
    """Return each loss's normal quantile by its rank among its objective's; equals stay equal.

    Failures to learn, which lie far from all else, outweigh nothing, and no unit matters.

    Args:
        losses: ``(n, objectives)``, finite.
    """
    shares = [(ranks(column) - 0.5) / len(losses) for column in losses.T]
    scores = [[NormalDist().inv_cdf(share) for share in column.tolist()] for column in shares]
    return np.array(scores).reshape(losses.shape[1], len(losses)).T


def logarithms(losses: Floats) -> Floats:
    """Return the standardised logarithm of each objective's losses: ratios count, as on a front.

    Those of an objective that has losses of 0 or below, such as a negated accuracy, are counted
    from the least, in units of how far the median is from it, and have 1 added.

    Args:
        losses: ``(n, objectives)``, finite.
    """
    low = losses.min(axis=0)
    middle = np.median(losses, axis=0) - low
    from_least = 1 + (losses - low) / np.where(middle > 0, middle, 1.0)
    return standardised(np.log(np.where(low > 0, losses, from_least)))


def standardised(losses: Floats) -> Floats:
    """Return losses less their mean, divided by their standard deviation.

    Args:
        losses: ``(n, objectives)``, finite.
    """
    spread = losses.std(axis=0)
    scaled: Floats = (losses - losses.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return scaled


SCALES: Mapping[str, Callable[[Floats], Floats]] = {
    "normal": normal_scores,
    "log": logarithms,
    "raw": standardised,
}


def default(objectives: int) -> str:
    """Return the scale where none is asked for: one optimum needs an order, a front ratios."""
    return "normal" if objectives == 1 else "log"
