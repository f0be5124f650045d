"""When nothing is left within the bounds."""

from __future__ import annotations

from collections.abc import Sequence

from nas.engine.candidate import Candidate
from nas.goals import Goal

IN_A_ROW = 2_000
"""A study stops when so many candidates in a row broke their bounds."""


class InfeasibleRun:
    """Counts candidates in a row that break a bound.

    Args:
        goals: the objectives with their bounds.
    """

    def __init__(self, goals: Sequence[Goal]) -> None:
        self._goals, self._run = goals, 0

    def counts(self, candidate: Candidate) -> bool:
        """Take note of a candidate; tell whether it breaks a bound."""
        breaks = candidate.violation > 0 and candidate.failure is None
        self._run = self._run + 1 if breaks else 0
        return breaks

    @property
    def reason(self) -> str:
        """Why the study should stop; empty while it should not."""
        if self._run < IN_A_ROW:
            return ""
        bounds = ", ".join(goal.bound() for goal in self._goals if goal.bound())
        return f"{self._run} candidates in a row broke a bound ({bounds})"
