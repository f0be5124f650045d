"""Features beside the encoding, such as proxies' scores, and what models can take."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nas.abstract.predictor import Features
from nas.architecture import Architecture

Rows = NDArray[np.float32]

_LARGEST = np.finfo(np.float64).max
_UNKNOWN = -1e6
"""Less than every feature that is known."""


def with_extra(
    encoded: Rows, extra: Features | None, architectures: Sequence[Architecture]
) -> Rows:
    """Return ``(architectures, features)``: what is encoded, then the extra features, if any.

    Numbers of any size become ``sign(x) log(1 + |x|)``, which keeps their order; what is not known
    is NaN.
    """
    if extra is None:
        return encoded
    found = np.clip(np.asarray(extra(architectures), dtype=np.float64), -_LARGEST, _LARGEST)
    return np.hstack([encoded, np.sign(found) * np.log1p(np.abs(found))]).astype(np.float32)


def for_trees(rows: Rows) -> Rows:
    """Return rows without NaN: trees see an order only, in which what is not known comes first."""
    return np.where(np.isnan(rows), np.float32(_UNKNOWN), rows)


class UnitRange:
    """Centred columns, each over a range of 1 in what is learnt from: models weigh them alike.

    What is not known becomes the mean, and a column of its own tells that it is not known.

    Args:
        rows: ``(n, columns)`` what is learnt from; NaN where not known.
    """

    def __init__(self, rows: Rows) -> None:
        known = ~np.isnan(rows)
        count = np.maximum(known.sum(axis=0), 1)
        self._centre = np.where(known, rows, 0).sum(axis=0, dtype=np.float64) / count
        low = np.where(known, rows, np.inf).min(axis=0)
        high = np.where(known, rows, -np.inf).max(axis=0)
        self._scale = np.where(high > low, high - low, 1.0).astype(np.float64)
        self._gaps = ~known.all(axis=0)

    def __call__(self, rows: Rows) -> NDArray[np.float64]:
        """Return ``(n, columns)``, those that tell what is not known last."""
        unknown = np.isnan(rows)
        scaled = np.where(unknown, 0.0, (rows - self._centre) / self._scale)
        return np.hstack([scaled, unknown[:, self._gaps]])
