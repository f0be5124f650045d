"""Learning curves of a whole study, and its front at a smaller budget than the full one."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from nas.archive.fidelities import stages_of
from nas.archive.rows import by_first_objective, front_of, number_or_nan, trials_by_id
from nas.errors import ArchiveError
from nas.goals import losses, violation
from nas.study import Study
from nas.suggest import listed
from nas.trial import CurvePoint, Trial

SHOWN = 12
"""Budgets that an error names one by one."""

_CURVES = """
SELECT curves.trial, step, name, value FROM trials JOIN curves ON curves.trial = trials.id
WHERE study = ? ORDER BY number, step, name"""

_AT = """
SELECT curves.trial, name, value FROM trials JOIN curves ON curves.trial = trials.id
WHERE study = ? AND step = ?"""

_BUDGETS = """
SELECT step, count(DISTINCT curves.trial) FROM trials JOIN curves ON curves.trial = trials.id
WHERE study = ? GROUP BY step"""


def curves_of(connection: sqlite3.Connection, study: Study) -> dict[int, tuple[CurvePoint, ...]]:
    """Return all learning curves of a study, by id of the trial in order of their numbers."""
    found: dict[int, dict[int, dict[str, float]]] = {}
    for trial, step, name, value in connection.execute(_CURVES, (study.id,)):
        found.setdefault(trial, {}).setdefault(step, {})[name] = number_or_nan(value)
    return {
        trial: tuple(CurvePoint(step, metrics) for step, metrics in points.items())
        for trial, points in found.items()
    }


def full_budget_of(connection: sqlite3.Connection, study: Study) -> int | None:
    """Return what a complete trial of a study spends; None if the archive does not tell yet."""
    # a trial that the user stopped was to have all of it
    sql = "SELECT max(budget) FROM trials WHERE study = ? AND status IN ('complete', 'cancelled')"
    (budget,) = connection.execute(sql, (study.id,)).fetchone()
    return len(stages_of(connection, study)) or None if budget is None else int(budget)


def budgets_of(connection: sqlite3.Connection, study: Study) -> dict[int, int]:
    """Return how many trials have reported at which budget; at the full one, are complete."""
    found: dict[int, int] = dict(connection.execute(_BUDGETS, (study.id,)))
    sql = """SELECT budget, count(*) FROM trials
        WHERE study = ? AND status = 'complete' AND budget IS NOT NULL GROUP BY budget"""
    found.update(connection.execute(sql, (study.id,)))
    return dict(sorted(found.items()))


def front_at(
    connection: sqlite3.Connection,
    study: Study,
    budget: int,
    unchanging: Callable[[], Collection[str]],
) -> list[Trial]:
    """Return the trials that no other dominates by what they had achieved at a budget.

    Args:
        connection: to an archive.
        study: of the trials.
        budget: what is compared; nothing that was found out at another one is.
        unchanging: returns the metrics that training does not change.

    Raises:
        ArchiveError: no trial has a value of some objective there.
    """
    known = budgets_of(connection, study)
    if budget not in known:
        raise ArchiveError(_no_such(study, budget, known))
    if budget == full_budget_of(connection, study):
        return front_of(connection, study)
    there: dict[int, dict[str, float]] = {}
    for trial, name, value in connection.execute(_AT, (study.id, budget)):
        there.setdefault(trial, {})[name] = number_or_nan(value)
    reported = {name for metrics in there.values() for name in metrics}
    others = {goal.metric for goal in study.goals} - reported
    if others and (never := sorted(others - set(unchanging()))):
        raise ArchiveError(
            f"study {study.name!r}: no trial has reported {listed(never)} at a budget of {budget}; "
            "it is known of complete trials only: leave out the budget"
        )
    trials = trials_by_id(connection, {study.id: study.goals}, there)
    return _front([_as_it_was(t, study, budget, there[t.id], others) for t in trials])


def _as_it_was(
    trial: Trial, study: Study, budget: int, reported: Mapping[str, float], others: set[str]
) -> Trial:
    metrics = {name: trial.metrics[name] for name in others if name in trial.metrics}
    metrics |= reported
    complete = all(goal.metric in metrics for goal in study.goals)
    return replace(
        trial,
        metrics=metrics,
        losses=losses(study.goals, metrics) if complete else (),
        violation=violation(study.goals, metrics),
        budget=budget,
    )


def _front(trials: list[Trial]) -> list[Trial]:
    from nas.pareto import front  # with numpy, which most questions do without

    able = [
        trial
        for trial in trials
        if trial.losses and trial.violation == 0 and all(map(math.isfinite, trial.losses))
    ]
    return by_first_objective(able[i] for i in front([trial.losses for trial in able]))


def _no_such(study: Study, budget: int, known: Collection[int]) -> str:
    if not known:
        return f"study {study.name!r} has no trial that knows its budget"
    nearest = min(known, key=lambda one: (abs(one - budget), one))
    first, last = min(known), max(known)
    if len(known) == last - first + 1 > 1:
        has = f"{first} to {last}"
    elif len(known) > SHOWN:
        has = f"{len(known)} others from {first} to {last}, the nearest {nearest}"
    else:
        has = ", ".join(map(str, sorted(known)))
    return f"no trial of study {study.name!r} has reported at a budget of {budget}, but at {has}"
