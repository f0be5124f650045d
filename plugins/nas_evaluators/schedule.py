"""Learning rate schedules, as functions of how much of training is done."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

_WARM_UP = 0.3
_START = 1 / 25
_END = 1e-4 / 25


def constant(progress: float) -> float:
    """Return 1."""
    return 1.0


def cosine(progress: float) -> float:
    """Return half a cosine from 1 to 0 (Loshchilov and Hutter, SGDR, eq. 5, no restarts)."""
    return (1 + math.cos(math.pi * progress)) / 2


def one_cycle(progress: float) -> float:
    """Return 1/25 rising to 1 over the first 30 %, then falling to 4e-6, both by half cosines.

    Smith and Topin, Super-Convergence (arXiv:1708.07120), with PyTorch's constants.
    """
    if progress < _WARM_UP:
        return _START + (1 - _START) * (1 - cosine(progress / _WARM_UP))
    return _END + (1 - _END) * cosine((progress - _WARM_UP) / (1 - _WARM_UP))


SCHEDULES: Mapping[str, Callable[[float], float]] = {
    "constant": constant,
    "cosine": cosine,
    "one_cycle": one_cycle,
}
"""Each takes the share of steps already done, in [0, 1), and returns the share of the peak rate."""
