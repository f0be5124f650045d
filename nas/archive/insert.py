"""From records to rows: plain ``executemany``, a few statements a batch whatever its size.

Everything here is part of the caller's transaction. Text that comes from plugins, workers and
file systems can hold half a surrogate pair, which SQLite cannot store; it is written escaped.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from nas.archive.artifacts import Artifact
from nas.archive.record import ComponentRecord, Record, Score
from nas.archive.rows import to_json
from nas.archive.views import add_metrics
from nas.errors import ArchiveError
from nas.study import Study
from nas.trial import Status, Trial

_Pair = tuple[Record, Trial]
"""What there is to insert, and its trial as it is archived."""

_ARCHITECTURE = """
INSERT INTO architectures (canonical_id, space, decisions, text) VALUES (?, ?, ?, ?)
ON CONFLICT (canonical_id, space, decisions) DO UPDATE SET text = excluded.text
WHERE architectures.text IS NULL AND excluded.text IS NOT NULL"""

_ARCHITECTURE_ID = (
    "SELECT id FROM architectures WHERE canonical_id = ? AND space = ? AND decisions = ?"
)

_TRIAL = """
INSERT INTO trials (id, study, number, architecture, status, seed, budget, seconds, started,
    violation, worker, failure_kind, failure_message, failure_traceback, reused, told, choosing)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""

_PARENT = "INSERT INTO parents (trial, position, parent) VALUES (?, ?, ?)"

_METRIC = """
INSERT INTO metrics (trial, name, value, spread, protocol)
VALUES (?, ?, ?, ?, (SELECT id FROM protocols WHERE protocol = ?))"""

_CURVE = "INSERT INTO curves (trial, step, name, value) VALUES (?, ?, ?, ?)"

_RULING = "INSERT INTO rulings (trial, position, step, verdict, reason) VALUES (?, ?, ?, ?, ?)"

_SCORE = """
INSERT INTO scores (trial, position, scorer, architecture, value, failure)
VALUES (?, ?, ?, ?, ?, ?)"""


def insert_space(connection: sqlite3.Connection, components: Sequence[ComponentRecord]) -> int:
    """Return the id of the space among the components, which is added if it is new."""
    spaces = [component for component in components if component.role == "space"]
    if len(spaces) != 1:
        raise ArchiveError(f"a study has one component of role 'space', not {len(spaces)}")
    values = (spaces[0].name, to_json(spaces[0].parameters, sort_keys=True))
    connection.execute("INSERT OR IGNORE INTO spaces (name, parameters) VALUES (?, ?)", values)
    found = "SELECT id FROM spaces WHERE name = ? AND parameters = ?"
    (space,) = connection.execute(found, values).fetchone()
    return int(space)


def insert_components(
    connection: sqlite3.Connection, study: int, components: Iterable[ComponentRecord]
) -> None:
    """Add what is not yet noted of a study's components: a new version is a new row."""
    connection.executemany(
        """INSERT OR IGNORE INTO components
            (study, role, name, parameters, distribution, version) VALUES (?, ?, ?, ?, ?, ?)""",
        [
            (
                study,
                c.role,
                c.name,
                to_json(c.parameters, sort_keys=True),
                c.distribution,
                c.version,
            )
            for c in components
        ],
    )


def make_room(connection: sqlite3.Connection, study: Study, records: Sequence[Record]) -> list[int]:
    """Return the ids for the records' trials, which follow the order in which trials end.

    A cancelled or paused trial of the same number is removed; trials that were made from it are
    noted as made from the new one.

    Raises:
        ArchiveError: a trial of that number has ended in another way, or comes twice.
    """
    numbers = [record.trial.number for record in records]
    if len(set(numbers)) < len(numbers):
        raise ArchiveError(f"study {study.name!r}: a trial was recorded twice, among {numbers}")
    replaced: dict[int, int] = {}
    for number, id_, status in _by_number(connection, study, numbers):
        if status not in (Status.CANCELLED, Status.PAUSED):
            raise ArchiveError(
                f"study {study.name!r} has trial {number} already ({status}); "
                "does another search write to it?"
            )
        replaced[number] = id_
    (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM trials").fetchone()
    ids = list(range(last + 1, last + 1 + len(records)))
    new = [(id_, replaced[n]) for n, id_ in zip(numbers, ids, strict=True) if n in replaced]
    connection.executemany("UPDATE parents SET parent = ? WHERE parent = ?", new)
    connection.executemany("DELETE FROM trials WHERE id = ?", [(old,) for _, old in new])
    return ids


def insert_records(
    connection: sqlite3.Connection,
    study: Study,
    space: int,
    records: Sequence[Record],
    trials: Sequence[Trial],
) -> None:
    """Insert everything but front and artifacts.

    Args:
        connection: in a transaction.
        study: as archived.
        space: id of its space.
        records: what there is to insert.
        trials: those of the records, with ids.
    """
    pairs = list(zip(records, trials, strict=True))
    add_metrics(connection, (name for trial in trials for name in trial.metrics))
    many = connection.executemany
    architectures = insert_architectures(connection, _architectures(space, pairs))
    tried = zip(architectures, pairs, strict=False)
    many(_TRIAL, [_trial(study, id_, r, t) for id_, (r, t) in tried])
    many(_PARENT, _parents(connection, study, trials))
    many("INSERT OR IGNORE INTO protocols (protocol) VALUES (?)", _protocols(records))
    many(_METRIC, _metrics(pairs))
    many(_CURVE, _curves(pairs))
    many(_RULING, _rulings(pairs))
    many(_SCORE, _scores(architectures[len(pairs) :], pairs))


def insert_artifacts(connection: sqlite3.Connection, artifacts: Iterable[Artifact]) -> None:
    """Note the files that are kept for trials."""
    connection.executemany(
        "INSERT INTO artifacts (trial, kind, sha256, bytes) VALUES (?, ?, ?, ?)",
        [(a.trial, a.kind, a.sha256, a.bytes) for a in artifacts],
    )


def _by_number(
    connection: sqlite3.Connection, study: Study, numbers: Iterable[int]
) -> list[tuple[int, int, str]]:
    """Return number, id and status of those trials that are there."""
    sql = """SELECT number, trials.id, status FROM json_each(?) AS wanted
        CROSS JOIN trials ON study = ? AND number = wanted.value"""
    return connection.execute(sql, (json.dumps(list(numbers)), study.id)).fetchall()


def insert_architectures(
    connection: sqlite3.Connection, rows: Sequence[tuple[str, int, str, str | None]]
) -> list[int]:
    """Add what is new; return the ids of all.

    Args:
        connection: in a transaction.
        rows: canonical id, id of the space, decisions as JSON, and the space's own string form or
            None.
    """
    last = "SELECT coalesce(max(id), 0) FROM architectures"
    (before,) = connection.execute(last).fetchone()
    connection.executemany(_ARCHITECTURE, rows)
    (after,) = connection.execute(last).fetchone()
    if after - before == len(rows):  # all new, as usual: there is nothing to look up
        return list(range(before + 1, after + 1))
    return [connection.execute(_ARCHITECTURE_ID, row[:3]).fetchone()[0] for row in rows]


def _architectures(space: int, pairs: Iterable[_Pair]) -> list[tuple[str, int, str, str | None]]:
    """Those that were tried, in the pairs' order, then those that were only scored."""
    rows: list[tuple[str, int, str, str | None]] = [
        (r.canonical_id, space, t.architecture.to_json(), escaped(r.text)) for r, t in pairs
    ]
    for record, _ in pairs:
        rows += [(s.canonical_id, space, s.architecture.to_json(), None) for s in record.scores]
    return rows


def _trial(study: Study, architecture: int, record: Record, trial: Trial) -> tuple[Any, ...]:
    failure = trial.failure
    return (
        trial.id,
        study.id,
        trial.number,
        architecture,
        trial.status.value,
        trial.seed,
        trial.budget,
        float(trial.seconds),
        float(record.started),
        float(trial.violation),
        escaped(record.worker),
        escaped(failure.kind) if failure else None,
        escaped(failure.message) if failure else None,
        escaped(failure.traceback) if failure else None,
        record.reused,
        record.told,
        record.choosing,
    )


def _parents(
    connection: sqlite3.Connection, study: Study, trials: Sequence[Trial]
) -> list[tuple[int, int, int]]:
    pairs = [(trial, i, number) for trial in trials for i, number in enumerate(trial.parents)]
    found = _by_number(connection, study, {number for _, _, number in pairs}) if pairs else []
    ids = {number: id_ for number, id_, _ in found}
    for trial, _, number in pairs:
        if number not in ids:
            raise ArchiveError(
                f"study {study.name!r}: trial {trial.number} was made from trial {number}, "
                "which is not in the archive"
            )
    own = [(trial.id, i, ids[number]) for trial, i, number in pairs]
    return own + _elsewhere(connection, study, trials)


def _elsewhere(
    connection: sqlite3.Connection, study: Study, trials: Iterable[Trial]
) -> list[tuple[int, int, int]]:
    """Return the parents of trials that are in other studies."""
    sql = """SELECT trials.id FROM trials JOIN studies ON studies.id = trials.study
        WHERE studies.name = ? AND trials.number = ? AND studies.id != ?"""
    rows = []
    for trial in trials:
        for position, (name, number) in enumerate(trial.stems_from, start=len(trial.parents)):
            found = connection.execute(sql, (name, number, study.id)).fetchone()
            if found is None:
                raise ArchiveError(
                    f"study {study.name!r}: trial {trial.number} stems from trial {number} of "
                    f"another study, {name!r}, which is not in the archive"
                )
            rows.append((trial.id, position, int(found[0])))
    return rows


def _protocols(records: Iterable[Record]) -> set[tuple[str]]:
    return {
        (to_json(m.protocol, sort_keys=True),) for r in records for m in r.measurements.values()
    }


def _metrics(pairs: Iterable[_Pair]) -> Iterator[tuple[Any, ...]]:
    for record, trial in pairs:
        for name, value in trial.metrics.items():
            measured = record.measurements.get(name)
            if measured is None:
                yield trial.id, name, float(value), None, None
            else:
                protocol = to_json(measured.protocol, sort_keys=True)
                yield trial.id, name, float(value), float(measured.spread), protocol


def _curves(pairs: Iterable[_Pair]) -> Iterator[tuple[Any, ...]]:
    for record, trial in pairs:
        for point in record.curve:
            for name, value in point.metrics.items():
                yield trial.id, point.step, escaped(name), float(value)


def _rulings(pairs: Iterable[_Pair]) -> Iterator[tuple[Any, ...]]:
    for record, trial in pairs:
        for position, r in enumerate(record.rulings):
            yield trial.id, position, r.step, r.verdict, escaped(r.reason)


def _scores(architectures: Iterable[int], pairs: Iterable[_Pair]) -> Iterator[tuple[Any, ...]]:
    architecture = iter(architectures)
    for record, trial in pairs:
        for position, score in enumerate(record.scores):
            yield trial.id, position, escaped(score.scorer), next(architecture), *_score(score)


def _score(score: Score) -> tuple[float | None, str | None]:
    """A score that is not a number is none: it gets a reason instead."""
    failure = None if score.failure is None else escaped(score.failure)
    if score.value is None or math.isnan(score.value):
        return None, failure or "the score is not a number"
    return float(score.value), failure


def escaped(text: str) -> str:
    """Return text that UTF-8 can hold, with halves of surrogate pairs as ``\\udc80``."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")
