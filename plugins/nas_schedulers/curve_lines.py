"""Learning curves of a study's trials, on one grid of steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.abstract.curve_scale import CurveScale
from nas.abstract.scheduler import Course, Standing
from nas.goals import Goal

Floats = NDArray[np.float64]

MOST_STEPS = 100
"""Longer curves are thinned to at most so many steps before they are predicted."""


class Grid(NamedTuple):
    """Evenly spaced steps.

    Args:
        unit: of budget, from one to the next.
        steps: of a complete trial.
    """

    unit: int
    steps: int

    @classmethod
    def of(cls, course: Course, budget: int) -> Grid:
        """Return the grid of a trial's own reports, thinned if there are too many."""
        gap = int(np.diff((0, *course.steps)).min())
        unit = max(gap, math.ceil(budget / MOST_STEPS), 1)
        return cls(unit, math.ceil(budget / unit))

    def reached(self, course: Course) -> int:
        """Return how many steps of the grid lie behind a trial."""
        if course.standing is Standing.COMPLETE:
            return self.steps
        return min(course.step // self.unit, self.steps)


class Line(NamedTuple):
    """One objective of one trial.

    Args:
        number: of the trial.
        values: ``(seen,)`` losses on the grid; at each step the last one reported.
        best: ``(seen,)`` the lowest so far.
        complete: whether the trial had its full budget.
        feasible: whether it has kept all bounds at some step.
        moves: whether the objective changes while the trial trains.
    """

    number: int
    values: Floats
    best: Floats
    complete: bool
    feasible: bool
    moves: bool

    @classmethod
    def of(cls, course: Course, column: int, grid: Grid) -> Line | None:
        """Return a trial's line; None if nothing is known of the objective yet."""
        seen = grid.reached(course)
        known = ~np.isnan(course.losses[:, column])
        if seen == 0 or not known.any():
            return None
        losses = course.losses[known, column]
        steps = np.array(course.steps)[known]
        wanted = grid.unit * np.arange(1, seen + 1)
        places = np.maximum(np.searchsorted(steps, wanted, side="right") - 1, 0)
        places[-1] = len(losses) - 1
        return cls(
            course.number,
            losses[places],
            np.minimum.accumulate(losses)[places],
            course.standing is Standing.COMPLETE,
            bool((course.violations <= 0).any()),
            bool((losses != losses[0]).any()),
        )


class Lines:
    """The lines of all trials. What has been computed is remembered for each course."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[Course, Grid, Line | None]] = {}

    def line(self, course: Course, column: int, grid: Grid) -> Line | None:
        """Return one trial's line."""
        known = self._known.get((course.number, column))
        if known is not None and known[0] is course and known[1] == grid:
            return known[2]
        line = Line.of(course, column, grid)
        self._known[course.number, column] = course, grid, line
        return line

    def all(self, courses: Sequence[Course], column: int, grid: Grid) -> list[Line]:
        """Return the lines of trials that have one, in the order of the trials."""
        found = (self.line(course, column, grid) for course in courses)
        return [line for line in found if line is not None]


def scale_of(
    lines: Sequence[Line], goal: Goal, low: float | None, high: float | None
) -> CurveScale | None:
    """Return how losses become normalised curves; None if no finite one was seen.

    Where the metric's bounds are not given, a metric that was never negative is taken to be bounded
    by 0, and one to be maximised that never left [0, 1] by 1.

    Args:
        lines: that it is chosen by.
        goal: the objective.
        low: smallest value that the metric can have, or None.
        high: largest value, or None.
    """
    values = np.concatenate([line.values for line in lines]) if lines else np.empty(0)
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    least, most = sorted((goal.loss(float(values.min())), goal.loss(float(values.max()))))
    if low is None and least >= 0:
        low = 0.0
    if high is None and goal.direction == "maximize" and least >= 0 and most <= 1:
        high = 1.0
    inside = [np.clip(line.values, *_mirrored(goal, low, high)) for line in lines]
    ends = (None if math.isinf(end) else end for end in _mirrored(goal, low, high))
    return CurveScale.seen(inside, "minimize", *ends)


def _mirrored(goal: Goal, low: float | None, high: float | None) -> tuple[float, float]:
    """Return the bounds of a metric's loss."""
    ends = (-math.inf if low is None else low, math.inf if high is None else high)
    return ends if goal.direction == "minimize" else (-ends[1], -ends[0])
