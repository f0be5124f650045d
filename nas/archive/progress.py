"""How far a study was after each of its trials, and what that had cost."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.archive.traces import trace_of
from nas.errors import ArchiveError
from nas.goals import Goal
from nas.study import Study
from nas.trial import Status

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

NOT_EVALUATED = (Status.INFEASIBLE, Status.CANCELLED)
"""Trials that were turned away or given up: they are not counted, only what they cost."""


@dataclass(frozen=True)
class Progress:
    """A study's evaluated trials by number.

    Args:
        study: whose.
        goals: the objectives.
        numbers: ``(n,)`` of the trials.
        seconds: ``(n,)`` spent up to the end of each, if one had followed the other: evaluating on
            workers, and choosing. It is a cost, whatever the number of workers.
        losses: ``(n, goals)``, lower is better; NaN where a trial has no result that counts.
    """

    study: Study
    goals: tuple[Goal, ...]
    numbers: Integers
    seconds: Floats
    losses: Floats

    def worth(self, reference: Sequence[float] | None = None) -> Floats:
        """Return what had been found after each trial.

        Args:
            reference: losses up to which the hypervolume is taken; needed with several objectives.

        Returns:
            ``(n,)``: with a reference, the dominated hypervolume; without, the best value of the
            one objective, in its own unit, NaN before there is one.
        """
        import numpy as np

        from nas.pareto import volumes

        if reference is not None:
            return volumes(self.losses, reference)
        (goal,) = self.goals
        return goal.loss(1.0) * np.fmin.accumulate(self.losses[:, 0])


@dataclass(frozen=True)
class History:
    """The dominated hypervolume after each evaluated trial.

    Args:
        numbers: ``(n,)`` of the trials.
        seconds: ``(n,)`` spent up to the end of each, see ``Progress``.
        values: ``(n,)`` in the product of the objectives' units.
        reference: up to which it is taken, by metric, in the metric's own unit.
    """

    numbers: Integers
    seconds: Floats
    values: Floats
    reference: Mapping[str, float]


def progress_of(connection: sqlite3.Connection, study: Study, goals: Sequence[Goal]) -> Progress:
    """Read how far a study was after each trial.

    Raises:
        ArchiveError: no trial of it has one of the objectives.
    """
    import numpy as np

    trace = trace_of(connection, study, [goal.metric for goal in goals])
    seconds = _seconds(connection, study)
    evaluated = np.array([status not in NOT_EVALUATED for status in trace.status], dtype=bool)
    counts = np.array(trace.feasible, dtype=bool)
    losses = np.array(
        [[goal.loss(value) for value in trace.metrics[goal.metric]] for goal in goals], dtype=float
    ).T.reshape(-1, len(goals))
    for goal, column in zip(goals, losses.T, strict=True):
        if counts.any() and np.isnan(column[counts]).all():
            raise ArchiveError(f"no complete trial of study {study.name!r} has {goal.metric!r}")
    losses[~counts | ~np.isfinite(losses).all(axis=1)] = np.nan
    numbers = np.array([number for number, _ in seconds], dtype=np.int64)
    spent = np.cumsum([took for _, took in seconds], dtype=np.float64)
    return Progress(study, tuple(goals), numbers[evaluated], spent[evaluated], losses[evaluated])


def _seconds(connection: sqlite3.Connection, study: Study) -> list[tuple[int, float]]:
    sql = """SELECT number, seconds + coalesce(choosing, 0) FROM trials
        WHERE study = ? AND status <> 'cancelled' ORDER BY number"""
    return connection.execute(sql, (study.id,)).fetchall()
