"""What a trial competes with: rivals, and what its objectives are compared by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.abstract.curve_scale import CurveScale
from nas.abstract.scheduler import Course, Peers
from nas.goals import Goal
from nas_schedulers.curve_chance import Others
from nas_schedulers.curve_lines import Grid, Line, Lines, scale_of

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Field:
    """One objective that is predicted; all numbers are normalised: 0 to 1, higher is better.

    Args:
        goal: the objective.
        scale: of its losses.
        own: the trial's line.
        lines: those of all others, in the order in which they began.
        bests: ``(rivals,)``, in that order, the same rivals for all objectives.
    """

    goal: Goal
    scale: CurveScale
    own: Line
    lines: Sequence[Line]
    bests: Floats

    @property
    def level(self) -> float:
        """The trial's best so far."""
        return float(normalised(self.scale, self.own.best[-1:])[0])

    @property
    def curve(self) -> Floats:
        """``(seen,)``: what the trial has reported."""
        return normalised(self.scale, self.own.values)

    @property
    def required(self) -> float:
        """The bound on the objective; 0 if there is none."""
        bound = self.goal.high if self.goal.direction == "minimize" else self.goal.low
        if bound is None:
            return 0.0
        return float(normalised(self.scale, [self.goal.loss(bound)])[0])

    def others(self, steps: int) -> Others:
        """Return who has come further."""
        seen = len(self.own.best)
        ahead = [line for line in self.lines if len(line.best) > seen]
        bests = [normalised(self.scale, line.best) for line in ahead]
        return Others.of(bests, [line.complete for line in ahead], seen, steps)

    def words(self, level: float) -> str:
        """Return a normalised value as the user knows it."""
        return f"{self.goal.loss(float(self.scale.restore(level))):.4g}"


def fields(
    goals: Sequence[Goal],
    course: Course,
    peers: Peers,
    known: tuple[Lines, Grid],
    bounds: tuple[float | None, float | None],
) -> list[Field]:
    """Return the objectives that can be predicted.

    These are the ones that change while trials train; with one objective, it.

    Args:
        goals: the objectives in order.
        course: the trial.
        peers: all others, of which it takes what they were when the trial began.
        known: the memory of lines, and the grid they are on.
        bounds: smallest and largest value that a metric can have, None where unknown.
    """
    lines, grid = known
    own = [lines.line(course, column, grid) for column in range(len(goals))]
    others = [lines.all(peers.at_start, column, grid) for column in range(len(goals))]
    predicted = [
        column
        for column, mine in enumerate(own)
        if mine is not None and (len(goals) == 1 or _moves(mine, others[column]))
    ]
    among = _rivals(own, others, predicted)
    found = []
    for column in predicted:
        mine, goal = own[column], goals[column]
        assert mine is not None  # of those only that have a line
        scale = scale_of(others[column], goal, *bounds) or scale_of([mine], goal, *bounds)
        if scale is not None:
            bests = [line.best[-1] for line in others[column] if line.number in among]
            ready = normalised(scale, np.array(bests))
            found.append(Field(goal, scale, mine, others[column], ready))
    return found


def _rivals(
    own: Sequence[Line | None], others: Sequence[Sequence[Line]], predicted: Sequence[int]
) -> set[int]:
    """Return the trials that are no worse in what does not change in training.

    If any of them has kept all bounds, those that have not are none.
    """
    feasible = {line.number: line.feasible for lines in others for line in lines}
    among = set(feasible)
    for column, (mine, lines) in enumerate(zip(own, others, strict=True)):
        if column in predicted:
            among &= {line.number for line in lines}
        elif mine is not None:
            among &= {line.number for line in lines if line.values[-1] <= mine.values[-1]}
    return {number for number in among if feasible[number]} or among


def _moves(own: Line, others: Sequence[Line]) -> bool:
    """Tell whether an objective changes while trials train."""
    return own.moves or any(line.moves for line in others)


def normalised(scale: CurveScale, losses: Sequence[float] | Floats) -> Floats:
    """Return losses from 0 to 1, higher is better; what lies beyond a hard bound lies on it."""
    return scale.normalise(np.clip(losses, scale.low, scale.high))
