"""Several proxies as one, by how they rank an architecture among others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas import checks

Floats = NDArray[np.float64]
Rule = Literal["log_rank", "mean_rank"]


@dataclass(frozen=True)
class Aggregate:
    """Ranks architectures by several proxies; a hook offers it like a proxy.

    The score is relative: it tells how an architecture stands among those it was ranked with.

    Args:
        proxies: names, or tables with ``name`` and parameters; some may be aggregates themselves.
        rule: with ``m`` architectures, of which the worst has rank 1: ``log_rank`` is the sum of
            ``log(rank / m)`` over the proxies (Lee & Ham, CVPR 2024, arXiv:2403.19232), which
            punishes one bad rank more than a good one is worth; ``mean_rank`` the mean of
            ``rank / m``.
    """

    proxies: Sequence[str | Mapping[str, Any]]
    rule: Rule = "log_rank"

    def __post_init__(self) -> None:
        checks.one_of("rule", self.rule, get_args(Rule))
        if isinstance(self.proxies, str) or not self.proxies:
            raise ValueError('proxies is a list of names, such as ["gradsign", "naswot"]')

    def combine(self, scores: Sequence[ArrayLike]) -> Floats:
        """Return ``(architectures,)`` scores, higher is better.

        Args:
            scores: of each proxy, ``(architectures,)``; what is NaN ranks below all others.
        """
        relative = np.stack([ranks(of_proxy) for of_proxy in scores]) / max(np.size(scores[0]), 1)
        total: Floats = np.log(relative).sum(0) if self.rule == "log_rank" else relative.mean(0)
        return total


def ranks(scores: ArrayLike) -> Floats:
    """Return ``(n,)`` ranks from 1, the worst; equal scores share their mean, NaN is the worst."""
    values = np.asarray(scores, dtype=np.float64)
    values = np.where(np.isnan(values), -np.inf, values)
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    mean = np.cumsum(counts) - (counts - 1) / 2
    return np.asarray(mean[place.reshape(-1)], dtype=np.float64)
