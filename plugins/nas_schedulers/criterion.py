"""The one objective that a scheduler goes by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nas.abstract.scheduler import Contest, Course
from nas.errors import ConfigError
from nas.goals import Goal
from nas.suggest import did_you_mean


@dataclass(frozen=True)
class Criterion:
    """An objective and its place among the losses.

    Args:
        goal: the objective.
        column: of the losses.
    """

    goal: Goal
    column: int

    @classmethod
    def of(cls, contest: Contest, objective: str | None) -> Criterion:
        """Find the objective by its metric; None is the first one.

        Raises:
            ConfigError: the study has no such objective.
        """
        metrics = [goal.metric for goal in contest.goals]
        if objective is None:
            return cls(contest.goals[0], 0)
        if objective not in metrics:
            raise ConfigError(
                f"the scheduler's objective must be one of the study's ({', '.join(metrics)}), "
                f"not {objective!r}.{did_you_mean(str(objective), metrics)}"
            )
        return cls(contest.goals[metrics.index(objective)], metrics.index(objective))

    def loss(self, course: Course, index: int = -1) -> float:
        """Return a report's loss, the last one's by default."""
        return float(course.losses[index, self.column])

    def words(self, loss: float) -> str:
        """Return name and value as the user knows it, such as ``accuracy 0.913``."""
        return valued(self.goal, loss)


class ByOneObjective:
    """A scheduler that goes by one objective: its metric, or None for the study's first."""

    objective: str | None

    def decides_by(self, goals: Sequence[Goal]) -> Sequence[str]:
        """Return the metric that it goes by."""
        return [self.objective or goals[0].metric]


def valued(goal: Goal, loss: float) -> str:
    """Return an objective's name and value as the user knows it."""
    if not math.isfinite(loss):
        return f"{goal.metric} without a finite value"
    return f"{goal.metric} {value(goal, loss)}"


def value(goal: Goal, loss: float) -> str:
    """Return an objective's value as the user knows it."""
    known = goal.loss(loss)  # a loss is the value or its negative
    return f"{known:,.0f}" if 1000 <= abs(known) < 1e12 else f"{known:.4g}"
