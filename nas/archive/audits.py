"""What stopping trials loses, by those that were to stop and went on all the same."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from nas.goals import Goal
from nas.trial import Status, Trial

MARGIN = 0.1
"""The hypervolume's reference point lies so much of the range beyond the worst values."""

Losses = tuple[float, ...]


@dataclass(frozen=True)
class Audited:
    """A trial that was to stop, and went on to see what would have been lost.

    It is compared with the complete trials that were not to stop. One that failed, or broke a
    bound, is no loss.

    Args:
        trial: as it is now.
        step: after which it was to stop.
        reason: why.
        lost: whether none of the others is as good in every objective, so that without it the
            front would be another; None as long as the trial has not ended.
        regret: what stopping it would have cost, 0 if nothing. Of one objective: by how much it is
            better than the best of the others, in the metric's unit. Of several: the share of the
            front's hypervolume that it adds to theirs. None if that is not known, or if there are
            no others.
        behind: of one objective, by how much it ended behind the best of the others, negative if
            before it; None if it has no value, or of several objectives.
    """

    trial: Trial
    step: int
    reason: str
    lost: bool | None = None
    regret: float | None = None
    behind: float | None = None


class Auditor:
    """Compares trials that were audited with those that were not to stop.

    Args:
        goals: the objectives in order.
        trials: all of a study.
        audited: ids of those that were to stop and went on.
    """

    def __init__(
        self, goals: Sequence[Goal], trials: Sequence[Trial], audited: Collection[int]
    ) -> None:
        self._goals = goals
        self._others = [t.losses for t in trials if _counts(t) and t.id not in audited]
        self._all = [t.losses for t in trials if _counts(t)]

    def judge(self, trial: Trial, step: int, reason: str) -> Audited:
        """Return what stopping a trial after a step would have lost."""
        if trial.status not in (Status.COMPLETE, Status.FAILED):
            return Audited(trial, step, reason)
        if not _counts(trial):
            return Audited(trial, step, reason, lost=False, regret=0.0 if self._others else None)
        lost = not any(
            all(theirs <= own for theirs, own in zip(other, trial.losses, strict=True))
            for other in self._others
        )
        if not self._others:
            return Audited(trial, step, reason, lost)
        if len(self._goals) > 1:
            return Audited(trial, step, reason, lost, self._share(trial.losses) if lost else 0.0)
        behind = trial.losses[0] - min(best for (best,) in self._others)
        return Audited(trial, step, reason, lost, max(0.0, -behind), behind)

    def _share(self, losses: Losses) -> float:
        """Return which share of the hypervolume is missing without a point."""
        from nas.pareto import hypervolume  # with numpy, which most questions do without

        columns = list(zip(*self._all, strict=True))
        ranges = [(min(column), (max(column) - min(column)) or 1.0) for column in columns]

        def volume(of: Sequence[Losses]) -> float:
            scaled = [
                [(loss - low) / span for loss, (low, span) in zip(point, ranges, strict=True)]
                for point in of
            ]
            return hypervolume(scaled, [1.0 + MARGIN] * len(ranges))

        return 1.0 - volume(self._others) / volume([*self._others, losses])


def _counts(trial: Trial) -> bool:
    """Tell whether a trial can be on a front."""
    return trial.feasible and all(map(math.isfinite, trial.losses))
