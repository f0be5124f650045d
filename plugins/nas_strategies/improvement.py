"""By how much a trial improves on everything before it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from nas import pareto
from nas.trial import Trial

MARGIN = 0.1
"""The reference point lies this share of the range beyond the worst of each objective."""


class Improvement:
    """Keeps the best of the trials so far, and says what each new one adds.

    With one objective that is by how much the least loss falls. With several it is the hypervolume
    that the front of the feasible trials gains, where each objective is scaled to its range on that
    front, the trial included.
    """

    def __init__(self) -> None:
        self._front: pareto.Front[int] = pareto.Front()
        self._count = 0

    def add(self, trial: Trial) -> float:
        """Return the gain: 0 for a trial that is not feasible, infinity for the first that is."""
        if not trial.feasible or not all(map(math.isfinite, trial.losses)):
            return 0.0
        before = [losses for _, losses in self._front.items()]
        self._count += 1
        enters, _ = self._front.add(self._count, trial.losses)
        if not before:
            return math.inf
        if not enters:
            return 0.0
        if len(trial.losses) == 1:
            return before[0][0] - trial.losses[0]
        return _gained(before, trial.losses)


def _gained(before: Sequence[pareto.Losses], losses: pareto.Losses) -> float:
    points = np.array([*before, losses])
    low, high = points.min(axis=0), points.max(axis=0)
    scaled = (points - low) / np.where(high > low, high - low, 1.0)
    reference = (1.0 + MARGIN,) * len(losses)
    return max(
        pareto.hypervolume(scaled.tolist(), reference)
        - pareto.hypervolume(scaled[:-1].tolist(), reference),
        0.0,
    )
