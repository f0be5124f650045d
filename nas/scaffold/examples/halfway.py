"""A scheduler: one look at half of the budget."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import nas
import numpy as np
from nas import checks


@dataclass(eq=False)
class Halfway(nas.Scheduler):
    """Stops a trial at half of its budget unless it is among the best of those that came as far.

    It goes by the first objective alone. A loss that is no number ends a trial.

    Args:
        keep: share of the trials that goes on, above 0 and at most 1; rounded up to whole trials.
    """

    keep: float = 0.5
    _contest: nas.Contest | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        checks.probability("keep", self.keep)
        checks.number("keep", self.keep, positive=True)

    def decides_by(self, goals: Sequence[nas.Goal]) -> Sequence[str]:
        """Return the first objective's metric."""
        return [goals[0].metric]

    def start(self, contest: nas.Contest) -> None:
        """Begin a study."""
        self._contest = contest

    def levels(self) -> Sequence[int]:
        """Return half of the budget, rounded down; nothing where that is 0."""
        if self._contest is None:
            raise nas.StudyError("start(contest) comes before levels and judge")
        half = self._contest.budget // 2
        return [half] if half else []

    def judge(self, course: nas.Course, peers: nas.Peers) -> nas.Decision:
        """Compare the trial with what the others had achieved at the same step."""
        levels = self.levels()
        if not levels or course.step < levels[0]:
            return nas.Decision(nas.Verdict.CONTINUE, f"step {course.step}: nothing is decided")
        loss = course.losses[course.index_at(levels[0]), 0]
        others = peers.at(levels[0]).losses[:, 0]
        where = f"step {course.step}, half of the budget"
        if not np.isfinite(loss):
            return nas.Decision(nas.Verdict.STOP, f"{where}: the loss is {loss}")
        place, came = 1 + int((others < loss).sum()), 1 + len(others)
        allowed = math.ceil(self.keep * came)
        verdict = nas.Verdict.CONTINUE if place <= allowed else nas.Verdict.STOP
        return nas.Decision(verdict, f"{where}: place {place} of {came}; {allowed} go on")
