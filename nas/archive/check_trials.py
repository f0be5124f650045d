"""Studies and trials: what follows from other rows follows from them."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterator
from typing import Any

import numpy as np

from nas import pareto
from nas.archive.findings import Case, Finding, some
from nas.archive.importing import ROLE
from nas.archive.rows import STUDY, front_ids, study_of
from nas.goals import violation
from nas.study import Study

RECENT = 200_000
"""Trials whose learning curves are examined, unless everything is."""
CLOSE = 1e-9
"""Relative difference of numbers that are computed again."""

_BY_HAND = "somebody else has changed the file"
_COPY = "take the archive from a copy"


def studies(case: Case) -> Iterator[Finding]:
    """Every study's row can be read, and has objectives."""
    for row in case.connection.execute(STUDY).fetchall():
        try:
            if study_of(row, "").goals:
                continue
            why = "no objective"
        except (ValueError, TypeError, AttributeError) as error:
            why = str(error)
        yield Finding(
            "studies",
            f"the row of study {row[1]!r} cannot be read ({why})",
            "no command can use it",
            _COPY,
        )


def front(case: Case) -> Iterator[Finding]:
    """The stored front of every study is the one that its trials have."""
    for study in case.studies:
        stored = set(front_ids(case.connection, study))
        computed = set(front_of_trials(case.connection, study))
        wrong = [
            f"{len(ids)} {what} ({some(sorted(ids))})"
            for what, ids in (("lack", computed - stored), ("too many", stored - computed))
            if ids
        ]
        if wrong:
            yield Finding(
                "front",
                f"that of study {study.name!r} is not the one of its trials: {', '.join(wrong)}",
                "nas front and pareto_front answer wrongly",
                "nas doctor --repair computes it anew",
                repairable=True,
            )


def front_of_trials(connection: sqlite3.Connection, study: Study) -> list[int]:
    """Return the ids of the trials that no other of a study dominates, from the metrics alone."""
    place = {goal.metric: i for i, goal in enumerate(study.goals)}
    sql = """SELECT trials.id, name, value FROM trials JOIN metrics ON metrics.trial = trials.id
        WHERE study = ? AND status = 'complete' AND violation = 0
        AND name IN (SELECT value FROM json_each(?))"""
    found: dict[int, list[float]] = {}
    for trial, name, value in connection.execute(sql, (study.id, json.dumps(list(place)))):
        values = found.setdefault(trial, [math.nan] * len(place))
        if isinstance(value, int | float):
            values[place[name]] = study.goals[place[name]].loss(float(value))
    points = np.array(list(found.values()), dtype=np.float64).reshape(len(found), len(place))
    able = np.flatnonzero(np.isfinite(points).all(axis=1))
    ids = np.array(list(found), dtype=np.int64)[able]
    return [int(ids[i]) for i in pareto.front(points[able])]


def repair_fronts(connection: sqlite3.Connection, found: list[Study]) -> None:
    """Store the fronts that the trials have; part of the caller's transaction."""
    connection.execute("DELETE FROM front")
    for study in found:
        ids = front_of_trials(connection, study)
        connection.executemany(
            "INSERT INTO front (trial, study) VALUES (?, ?)", [(id_, study.id) for id_ in ids]
        )


def metrics(case: Case) -> Iterator[Finding]:
    """Values are numbers, and complete trials have every objective."""
    sql = """SELECT trial FROM metrics WHERE typeof(value) NOT IN ('real', 'integer', 'null')
        OR typeof(spread) NOT IN ('real', 'integer', 'null')"""
    if ids := _ids(case, sql):
        yield _wrong("metrics", f"values of trials {some(ids)} are no numbers")
    sql = """SELECT id FROM trials WHERE study = ? AND status = 'complete' AND NOT EXISTS
        (SELECT 1 FROM metrics WHERE trial = trials.id AND name = ? AND value IS NOT NULL
        AND abs(value) < 9e999)"""
    for study in case.studies:
        for goal in study.goals:
            if ids := _ids(case, sql, study.id, goal.metric):
                yield Finding(
                    "metrics",
                    f"complete trials {some(ids)} of study {study.name!r} have no finite "
                    f"{goal.metric}",
                    "they are on no front, and no strategy can learn from them",
                    "if their evaluator reported that, let it raise instead; else take a copy",
                )


def curves(case: Case) -> Iterator[Finding]:
    """Learning curves are numbers, at steps that their trials have reached."""
    (last,) = case.connection.execute("SELECT coalesce(max(id), 0) FROM trials").fetchone()
    first = 0 if case.everything else max(0, last - RECENT)
    if first:
        case.remarks.append(
            f"curves: those of trials {first + 1:,} to {last:,} were examined (--all: every one)"
        )
    sql = """SELECT DISTINCT trials.id FROM curves CROSS JOIN trials ON trials.id = curves.trial
        WHERE curves.trial > ? AND (step < 0 OR step > budget)"""
    if ids := _ids(case, sql, first):
        yield _wrong("curves", f"those of trials {some(ids)} have steps beyond their budget")
    sql = """SELECT DISTINCT trial FROM curves
        WHERE trial > ? AND typeof(value) NOT IN ('real', 'integer', 'null')"""
    if ids := _ids(case, sql, first):
        yield _wrong("curves", f"values of trials {some(ids)} are no numbers")


def trials(case: Case) -> Iterator[Finding]:
    """Counts, failures, bounds and lineage agree with each other."""
    sql = "SELECT id FROM trials WHERE (status = 'failed') <> (failure_kind IS NOT NULL)"
    if ids := _ids(case, sql):
        yield _wrong("trials", f"{some(ids)} failed without a reason, or have one and did not")
    sql = "SELECT id FROM trials WHERE seconds < 0 OR budget < 0 OR violation < 0"
    if ids := _ids(case, sql):
        yield _wrong("trials", f"{some(ids)} have negative seconds, budget or violation")
    sql = """SELECT trials.id FROM parents JOIN trials ON trials.id = trial
        JOIN trials made ON made.id = parent
        WHERE made.study = trials.study AND made.number >= trials.number"""
    if ids := _ids(case, sql):
        yield _wrong("lineage", f"trials {some(ids)} stem from later ones")
    for study in case.studies:
        yield from _counts(case, study)
        yield from _bounds(case, study)


def _counts(case: Case, study: Study) -> Iterator[Finding]:
    sql = """SELECT count(*), max(number) + 1 FROM trials JOIN studies ON studies.id = study
        WHERE study = ? AND studies.status = 'finished' AND NOT EXISTS
        (SELECT 1 FROM components WHERE study = studies.id AND role = ?)"""
    n, numbers = case.connection.execute(sql, (study.id, ROLE)).fetchone()
    if n and n != numbers:
        yield Finding(
            "trials",
            f"study {study.name!r} has finished with {n} trials, whose numbers go to {numbers - 1}",
            "trials were deleted",
            _COPY,
        )


def _bounds(case: Case, study: Study) -> Iterator[Finding]:
    """Violations follow from the metrics of complete trials; imported ones bring their own."""
    bounded = [goal for goal in study.goals if goal.bound()]
    sql = """SELECT trials.id, violation, name, value FROM trials
        JOIN metrics ON metrics.trial = trials.id
        WHERE study = ? AND status = 'complete' AND name IN (SELECT value FROM json_each(?))"""
    known: dict[int, tuple[float, dict[str, float]]] = {}
    names = json.dumps([goal.metric for goal in bounded])
    for trial, stored, name, value in case.connection.execute(sql, (study.id, names)):
        values = known.setdefault(trial, (stored, {}))[1]
        if isinstance(value, int | float):  # the check of metrics tells of others
            values[name] = value
    wrong = [
        trial
        for trial, (stored, values) in known.items()
        if not _same(stored, violation(bounded, values))
    ]
    if wrong:
        yield _wrong("trials", f"violations of {some(wrong)} do not follow from their metrics")


def _same(stored: Any, computed: float) -> bool:
    return isinstance(stored, int | float) and math.isclose(stored, computed, rel_tol=CLOSE)


def _ids(case: Case, sql: str, *values: object) -> list[int]:
    return sorted({id_ for (id_,) in case.connection.execute(sql, values)})


def _wrong(check: str, what: str) -> Finding:
    return Finding(check, what, _BY_HAND, _COPY)
