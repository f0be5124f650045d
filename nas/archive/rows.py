"""From rows to studies, trials and scores; what the writer and the reader share."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from nas.architecture import Architecture
from nas.archive.artifacts import Artifact
from nas.archive.record import ComponentRecord
from nas.errors import ArchiveError
from nas.goals import Goal, losses
from nas.study import Study
from nas.suggest import did_you_mean, listed
from nas.trial import CurvePoint, Failure, Measurement, Ruling, Status, Trial

CHUNK = 1_000
"""Trials that are read at once."""

STUDY = "SELECT id, name, goals, config, seed, window, evaluation FROM studies"

_TRIAL = """
SELECT trials.id, trials.study, trials.number, architectures.decisions, trials.status,
       trials.violation, trials.seed, trials.budget, trials.seconds,
       trials.failure_kind, trials.failure_message, trials.failure_traceback
FROM trials JOIN architectures ON architectures.id = trials.architecture
WHERE trials.id IN (SELECT value FROM json_each(?)) ORDER BY trials.study, trials.number"""

_METRICS = """
SELECT trial, name, value FROM metrics WHERE trial IN (SELECT value FROM json_each(?))"""

_PARENTS = """
SELECT trial, made.number, CASE WHEN made.study != trials.study THEN studies.name END FROM parents
JOIN trials ON trials.id = trial JOIN trials AS made ON made.id = parent
JOIN studies ON studies.id = made.study
WHERE trial IN (SELECT value FROM json_each(?)) ORDER BY trial, position"""


def to_json(value: object, *, sort_keys: bool = False) -> str:
    """Return plain values as compact JSON; with ``sort_keys``, equal values are equal text.

    Raises:
        ArchiveError: something that JSON does not have, such as NaN.
    """
    try:
        return json.dumps(
            value, sort_keys=sort_keys, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )
    except (TypeError, ValueError) as error:
        raise ArchiveError(f"only plain JSON values can be archived: {error}") from None


def study_of(row: tuple[Any, ...], archive: str) -> Study:
    """Return the study of a row of ``STUDY``."""
    id_, name, goals, config, seed, window, evaluation = row
    wanted = tuple(Goal(**goal) for goal in json.loads(goals))
    return Study(name, archive, wanted, json.loads(config), seed, window, evaluation, id_)


def find_study(connection: sqlite3.Connection, name: str | None, archive: str) -> Study:
    """Return the study of that name, or the one that was last written to.

    Raises:
        ArchiveError: there is none, with the names that there are.
    """
    if name is None:
        row = connection.execute(f"{STUDY} ORDER BY updated DESC, id DESC LIMIT 1").fetchone()
    else:
        row = connection.execute(f"{STUDY} WHERE name = ?", (name,)).fetchone()
    if row is None:
        if name is None:
            raise ArchiveError(f"{archive!r} has no study yet")
        names = [known for (known,) in connection.execute("SELECT name FROM studies")]
        hint = did_you_mean(name, names)
        raise ArchiveError(f"{archive!r} has no study {name!r}.{hint} Studies: {listed(names)}.")
    return study_of(row, archive)


def number_or_nan(value: float | None) -> float:
    """Return a stored value; NULL stands for NaN."""
    return math.nan if value is None else float(value)


def trials_by_id(
    connection: sqlite3.Connection, goals: Mapping[int, tuple[Goal, ...]], ids: Iterable[int]
) -> list[Trial]:
    """Return trials, by study and number.

    Args:
        connection: to an archive.
        goals: by the id of a study; losses are not stored but follow from them. Those of a study
            that is missing here are its own.
        ids: of trials; those that are not there are left out.
    """
    wanted = (json.dumps(list(ids)),)
    metrics: dict[int, dict[str, float]] = {}
    for trial, name, value in connection.execute(_METRICS, wanted):
        metrics.setdefault(trial, {})[name] = number_or_nan(value)
    lineage: dict[int, tuple[list[int], list[tuple[str, int]]]] = {}
    for trial, number, elsewhere in connection.execute(_PARENTS, wanted):
        own, others = lineage.setdefault(trial, ([], []))
        own.append(number) if elsewhere is None else others.append((elsewhere, number))
    found = connection.execute(_TRIAL, wanted).fetchall()
    known = {**_goals(connection, {row[1] for row in found} - {*goals}), **goals}
    return [
        _trial(row, known[row[1]], metrics.get(row[0], {}), *lineage.get(row[0], ((), ())))
        for row in found
    ]


def _goals(connection: sqlite3.Connection, studies: set[int]) -> dict[int, tuple[Goal, ...]]:
    rows = (connection.execute(f"{STUDY} WHERE id = ?", (id_,)).fetchone() for id_ in studies)
    return {row[0]: study_of(row, "").goals for row in rows}


def _trial(
    row: tuple[Any, ...],
    goals: tuple[Goal, ...],
    metrics: dict[str, float],
    parents: Sequence[int],
    elsewhere: Sequence[tuple[str, int]],
) -> Trial:
    id_, _, number, decisions, status, violation, seed, budget, seconds, kind, message, trace = row
    return Trial(
        number=number,
        architecture=Architecture.from_json(decisions),
        status=Status(status),
        losses=losses(goals, metrics) if status == Status.COMPLETE else (),
        violation=float(violation),
        metrics=metrics,
        seed=seed,
        budget=budget,
        seconds=float(seconds),
        parents=tuple(parents),
        stems_from=tuple(elsewhere),
        failure=None if kind is None else Failure(kind, message, trace),
        id=id_,
    )


def trials_of(
    connection: sqlite3.Connection,
    study: Study,
    *,
    status: Status | None = None,
    limit: int | None = None,
) -> Iterator[Trial]:
    """Yield a study's trials by number, a chunk at a time."""
    which = "" if status is None else "AND status = :status"
    sql = f"""SELECT id, number FROM trials WHERE study = :study AND number > :after {which}
        ORDER BY number LIMIT :chunk"""
    after, left = -1, math.inf if limit is None else limit
    goals = {study.id: study.goals}
    while left > 0:
        chunk = int(min(CHUNK, left))
        values = {"study": study.id, "after": after, "status": status, "chunk": chunk}
        found = connection.execute(sql, values).fetchall()
        if not found:
            return
        yield from trials_by_id(connection, goals, (id_ for id_, _ in found))
        after, left = found[-1][1], left - len(found)


def trials_by_end(connection: sqlite3.Connection, study: Study) -> Iterator[Trial]:
    """Return the trials that a study has now, in the order in which they ended, by the chunk."""
    which = "FROM trials WHERE study = ? AND status NOT IN ('cancelled', 'paused') AND id"
    (last,) = connection.execute(f"SELECT max(id) {which} > 0", (study.id,)).fetchone()
    return _up_to(
        connection, study, last or 0, f"SELECT id {which} > ? AND id <= ? ORDER BY id LIMIT ?"
    )


def _up_to(connection: sqlite3.Connection, study: Study, last: int, sql: str) -> Iterator[Trial]:
    after, goals = 0, {study.id: study.goals}
    while after < last:
        found = connection.execute(sql, (study.id, after, last, CHUNK)).fetchall()
        trials = trials_by_id(connection, goals, (id_ for (id_,) in found))
        yield from sorted(trials, key=lambda trial: trial.id)
        after = found[-1][0]


def told_of(connection: sqlite3.Connection, study: Study) -> dict[int, int]:
    """Return how many trials had been told when each was proposed, by number, where it is kept."""
    sql = "SELECT number, told FROM trials WHERE study = ? AND told IS NOT NULL"
    return dict(connection.execute(sql, (study.id,)).fetchall())


def front_ids(connection: sqlite3.Connection, study: Study) -> list[int]:
    """Return the ids of the trials on a study's front."""
    rows = connection.execute("SELECT trial FROM front WHERE study = ?", (study.id,))
    return [id_ for (id_,) in rows]


def front_of(connection: sqlite3.Connection, study: Study) -> list[Trial]:
    """Return the trials on a study's front, by first objective."""
    ids = front_ids(connection, study)
    return by_first_objective(trials_by_id(connection, {study.id: study.goals}, ids))


def by_first_objective(trials: Iterable[Trial]) -> list[Trial]:
    """Return trials from the best first objective to the worst; ties by the next, then number."""
    return sorted(trials, key=lambda trial: (trial.losses, trial.number))


def curve_of(connection: sqlite3.Connection, trial: int) -> tuple[CurvePoint, ...]:
    """Return a trial's learning curve, by increasing step."""
    points: dict[int, dict[str, float]] = {}
    sql = "SELECT step, name, value FROM curves WHERE trial = ? ORDER BY step, name"
    for step, name, value in connection.execute(sql, (trial,)):
        points.setdefault(step, {})[name] = number_or_nan(value)
    return tuple(CurvePoint(step, metrics) for step, metrics in points.items())


def rulings_of(connection: sqlite3.Connection, trial: int) -> tuple[Ruling, ...]:
    """Return what a scheduler has decided on a trial, in order."""
    sql = "SELECT step, verdict, reason FROM rulings WHERE trial = ? ORDER BY position"
    return tuple(Ruling(*row) for row in connection.execute(sql, (trial,)))


def measurements_of(connection: sqlite3.Connection, trial: int) -> dict[str, Measurement]:
    """Return a trial's measured metrics with spread and protocol."""
    sql = """SELECT name, value, spread, protocols.protocol
        FROM metrics JOIN protocols ON protocols.id = metrics.protocol
        WHERE trial = ? ORDER BY name"""
    return {
        name: Measurement(number_or_nan(value), number_or_nan(spread), json.loads(protocol))
        for name, value, spread, protocol in connection.execute(sql, (trial,))
    }


def components_of(connection: sqlite3.Connection, study: Study) -> tuple[ComponentRecord, ...]:
    """Return the provenance of a study's components, in the order they were given."""
    sql = """SELECT role, name, parameters, distribution, version
        FROM components WHERE study = ? ORDER BY id"""
    return tuple(
        ComponentRecord(role, name, json.loads(parameters), distribution, version)
        for role, name, parameters, distribution, version in connection.execute(sql, (study.id,))
    )


def protocols_of(connection: sqlite3.Connection, study: Study) -> dict[str, dict[str, Any]]:
    """Return the protocol of each measured metric, as the study's first trial has it."""
    sql = """SELECT metrics.name, protocols.protocol, min(trials.number)
        FROM trials JOIN metrics ON metrics.trial = trials.id
        JOIN protocols ON protocols.id = metrics.protocol
        WHERE trials.study = ? GROUP BY metrics.name"""
    rows = connection.execute(sql, (study.id,))
    return {name: json.loads(protocol) for name, protocol, _ in rows}


def counts_of(connection: sqlite3.Connection, study: Study) -> dict[Status, int]:
    """Return how many trials of a study there are of each status."""
    sql = "SELECT status, count(*) FROM trials WHERE study = ? GROUP BY status"
    found = dict(connection.execute(sql, (study.id,)).fetchall())
    return {status: found.get(status.value, 0) for status in Status}


def turned_away_of(connection: sqlite3.Connection, study: Study) -> dict[str, int]:
    """Return how many infeasible trials broke each bound, by the bound in words."""
    sql = """SELECT count(*) FROM trials JOIN metrics ON metrics.trial = trials.id
        WHERE trials.study = ? AND trials.status = 'infeasible' AND metrics.name = ?
        AND (metrics.value > ? OR metrics.value < ?)"""
    found = {
        goal.bound(): connection.execute(sql, (study.id, goal.metric, goal.high, goal.low))
        for goal in study.goals
        if goal.bound()
    }
    return {bound: cursor.fetchone()[0] for bound, cursor in found.items()}


def artifacts_of(connection: sqlite3.Connection, trial: int) -> tuple[Artifact, ...]:
    """Return the files that are kept for a trial."""
    sql = "SELECT trial, kind, sha256, bytes FROM artifacts WHERE trial = ? ORDER BY kind"
    return tuple(Artifact(*row) for row in connection.execute(sql, (trial,)))


def trials_with(connection: sqlite3.Connection, study: Study, kind: str) -> list[int]:
    """Return the ids of a study's trials for which such a file is kept."""
    sql = """SELECT trial FROM artifacts CROSS JOIN trials ON trials.id = trial
        WHERE study = ? AND kind = ? ORDER BY trial"""
    return [id_ for (id_,) in connection.execute(sql, (study.id, kind))]


def ancestors_of(connection: sqlite3.Connection, trial: int) -> dict[int, int]:
    """Return the ids of all trials that a trial stems from, with the shortest way to each."""
    sql = "SELECT DISTINCT parent FROM parents WHERE trial IN (SELECT value FROM json_each(?))"
    depths = {trial: 0}
    generation = [trial]
    while generation:
        depth = depths[generation[0]] + 1
        found = connection.execute(sql, (json.dumps(generation),)).fetchall()
        generation = [parent for (parent,) in found if parent not in depths]
        depths.update(dict.fromkeys(generation, depth))
    del depths[trial]
    return depths
