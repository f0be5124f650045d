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

_ARCHITECTURE = """
INSERT INTO architectures (space, canonical_id, decisions, text) VALUES (?, ?, ?, ?)
ON CONFLICT (space, decisions) DO UPDATE SET text = excluded.text
WHERE architectures.text IS NULL AND excluded.text IS NOT NULL"""

_ARCHITECTURE_ID = "(SELECT id FROM architectures WHERE space = ? AND decisions = ?)"

_TRIAL = f"""
INSERT INTO trials (id, study, number, architecture, status, seed, budget, seconds, started,
    violation, worker, failure_kind, failure_message, failure_traceback)
VALUES (?, ?, ?, {_ARCHITECTURE_ID}, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""

_PARENT = "INSERT INTO parents (trial, position, parent) VALUES (?, ?, ?)"

_METRIC = """
INSERT INTO metrics (trial, name, value, spread, protocol)
VALUES (?, ?, ?, ?, (SELECT id FROM protocols WHERE protocol = ?))"""

_CURVE = "INSERT INTO curves (trial, step, name, value) VALUES (?, ?, ?, ?)"

_SCORE = f"""
INSERT INTO scores (trial, position, scorer, architecture, value, failure)
VALUES (?, ?, ?, {_ARCHITECTURE_ID}, ?, ?)"""


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
    """Return the ids for the records' trials; a cancelled trial is removed and leaves its id.

    Raises:
        ArchiveError: a trial of that number has ended in another way, or comes twice.
    """
    numbers = [record.trial.number for record in records]
    if len(set(numbers)) < len(numbers):
        raise ArchiveError(f"study {study.name!r}: a trial was recorded twice, among {numbers}")
    sql = """SELECT number, id, status FROM trials
        WHERE study = ? AND number IN (SELECT value FROM json_each(?))"""
    cancelled: dict[int, int] = {}
    for number, id_, status in connection.execute(sql, (study.id, json.dumps(numbers))).fetchall():
        if status != Status.CANCELLED:
            raise ArchiveError(
                f"study {study.name!r} has trial {number} already ({status}); "
                "does another search write to it?"
            )
        cancelled[number] = id_
    (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM trials").fetchone()
    connection.executemany(
        "DELETE FROM trials WHERE id = ?", [(id_,) for id_ in cancelled.values()]
    )
    fresh = iter(range(last + 1, last + 1 + len(records)))
    return [cancelled[n] if n in cancelled else next(fresh) for n in numbers]


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
    add_metrics(connection, _metric_names(study, trials))
    many = connection.executemany
    many(_ARCHITECTURE, _architectures(space, records))
    many(_TRIAL, [_trial(study, space, record, trial) for record, trial in pairs])
    many(_PARENT, _parents(connection, study, trials))
    many("INSERT OR IGNORE INTO protocols (protocol) VALUES (?)", _protocols(records))
    many(_METRIC, _metrics(pairs))
    many(_CURVE, _curves(pairs))
    many(_SCORE, _scores(space, pairs))


def insert_artifacts(connection: sqlite3.Connection, artifacts: Iterable[Artifact]) -> None:
    """Note the files that are kept for trials."""
    connection.executemany(
        "INSERT INTO artifacts (trial, kind, sha256, bytes) VALUES (?, ?, ?, ?)",
        [(a.trial, a.kind, a.sha256, a.bytes) for a in artifacts],
    )


def _metric_names(study: Study, trials: Iterable[Trial]) -> list[str]:
    names = list(dict.fromkeys(name for trial in trials for name in trial.metrics))
    for name in names:
        if "\0" in name or escaped(name) != name:
            raise ArchiveError(
                f"study {study.name!r}: {name!r} cannot be the name of a metric: not plain text"
            )
    return names


def _architectures(space: int, records: Iterable[Record]) -> Iterator[tuple[Any, ...]]:
    for record in records:
        decisions = record.trial.architecture.to_json()
        yield space, record.canonical_id, decisions, escaped(record.text)
        for score in record.scores:
            yield space, score.canonical_id, score.architecture.to_json(), None


def _trial(study: Study, space: int, record: Record, trial: Trial) -> tuple[Any, ...]:
    failure = trial.failure
    return (
        trial.id,
        study.id,
        trial.number,
        space,
        trial.architecture.to_json(),
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
    )


def _parents(
    connection: sqlite3.Connection, study: Study, trials: Iterable[Trial]
) -> list[tuple[int, int, int]]:
    pairs = [(trial, i, number) for trial in trials for i, number in enumerate(trial.parents)]
    numbers = json.dumps(sorted({number for _, _, number in pairs}))
    sql = """SELECT number, id FROM trials
        WHERE study = ? AND number IN (SELECT value FROM json_each(?))"""
    ids = dict(connection.execute(sql, (study.id, numbers)).fetchall()) if pairs else {}
    for trial, _, number in pairs:
        if number not in ids:
            raise ArchiveError(
                f"study {study.name!r}: trial {trial.number} was made from trial {number}, "
                "which is not in the archive"
            )
    return [(trial.id, i, ids[number]) for trial, i, number in pairs]


def _protocols(records: Iterable[Record]) -> set[tuple[str]]:
    return {
        (to_json(m.protocol, sort_keys=True),) for r in records for m in r.measurements.values()
    }


def _metrics(pairs: Iterable[tuple[Record, Trial]]) -> Iterator[tuple[Any, ...]]:
    for record, trial in pairs:
        for name, value in trial.metrics.items():
            measured = record.measurements.get(name)
            if measured is None:
                yield trial.id, name, float(value), None, None
            else:
                protocol = to_json(measured.protocol, sort_keys=True)
                yield trial.id, name, float(value), float(measured.spread), protocol


def _curves(pairs: Iterable[tuple[Record, Trial]]) -> Iterator[tuple[Any, ...]]:
    for record, trial in pairs:
        for point in record.curve:
            for name, value in point.metrics.items():
                yield trial.id, point.step, escaped(name), float(value)


def _scores(space: int, pairs: Iterable[tuple[Record, Trial]]) -> Iterator[tuple[Any, ...]]:
    for record, trial in pairs:
        for position, score in enumerate(record.scores):
            decisions = score.architecture.to_json()
            value, failure = _score(score)
            yield trial.id, position, score.scorer, space, decisions, value, failure


def _score(score: Score) -> tuple[float | None, str | None]:
    """A score that is not a number is none: it gets a reason instead."""
    failure = None if score.failure is None else escaped(score.failure)
    if score.value is None or math.isnan(score.value):
        return None, failure or "the score is not a number"
    return float(score.value), failure


def escaped(text: str) -> str:
    """Return text that UTF-8 can hold, with halves of surrogate pairs as ``\\udc80``."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
