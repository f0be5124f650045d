"""How ``lc_pfn`` describes steps of a curve to its network."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nas_curves.anchors import NOISES, Anchor, Floats, Indices, Prefixes
from nas_curves.pace import LONGEST

Singles = NDArray[np.float32]

OBSERVED = 2 * len(NOISES) + 4
"""Numbers that describe an observed step."""
ASKED = len(NOISES) + 8
"""Numbers that describe a step to predict."""
_SPREAD = float(np.sqrt(12.0))
"""One over the standard deviation of a uniform variable."""


def observed(curves: Floats, known: Prefixes, anchor: Anchor) -> Singles:
    """Return ``(curves, seen, OBSERVED)``: each step, and what was known after it."""
    count, seen = curves.shape
    tokens = np.empty((count, seen, OBSERVED), dtype=np.float32)
    levels = len(NOISES)
    tokens[:, :, :levels] = np.arcsinh(known.surprises)
    tokens[:, :, levels : 2 * levels] = known.shares
    tokens[:, :, -4] = (curves - 0.5) * _SPREAD
    tokens[:, :, -3:] = _times(np.arange(1, seen + 1), anchor.steps)
    return tokens


def asked(
    curves: Floats,
    known: Prefixes,
    anchor: Anchor,
    last: Indices,
    steps: Indices,
    expected: tuple[Floats, Floats],
) -> Singles:
    """Return ``(curves, asked, ASKED)``: each step to predict, and what is expected there.

    Args:
        curves: ``(curves, seen)``.
        known: of them.
        anchor: that it comes from.
        last: ``(curves, asked)`` last steps that are known to each question, from 1.
        steps: ``(curves, asked)`` that are asked for.
        expected: means and standard deviations there.
    """
    every = np.arange(len(curves))[:, None]
    mean, std = expected
    tokens = np.empty((*steps.shape, ASKED), dtype=np.float32)
    tokens[:, :, :-8] = known.shares[every, last - 1]
    tokens[:, :, -8] = (mean - 0.5) * _SPREAD
    tokens[:, :, -7] = np.log(std) / 2.0 + 2.0
    tokens[:, :, -6] = np.arcsinh((curves[every, last - 1] - mean) / std)
    tokens[:, :, -5] = np.log(steps - last) / 2.0
    tokens[:, :, -4] = np.log(last) / 2.0
    tokens[:, :, -3:] = _times(steps, anchor.steps)
    return tokens


def _times(steps: Indices, epochs: int) -> Floats:
    length = np.full(steps.shape, np.log(epochs) / np.log(LONGEST))
    return np.stack([np.log(steps) / 2.0, steps / epochs, length], axis=-1)
