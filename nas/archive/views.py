"""The two views that people query: a column for every metric, named by strangers.

``trials_wide`` has all trials of all studies, ``pareto_front`` those on their study's front, with
the same columns. Both are made anew when a metric appears for the first time. A metric whose name
is already a column (``seconds``, or ``Error`` beside ``error``: SQLite folds case) is found under
``metric_NAME``. SQLite ends at 2,000 columns, so metrics beyond the first 1,900 are in the table
``metrics`` only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from nas.errors import ArchiveError

ALL, FRONT = "trials_wide", "pareto_front"

MOST_METRICS = 1_900

_BEFORE = (
    ("id", "trials.id"),
    ("study", "studies.name"),
    ("number", "trials.number"),
    ("status", "trials.status"),
    ("on_front", "EXISTS (SELECT 1 FROM front WHERE front.trial = trials.id)"),
)
_AFTER = (
    ("violation", "trials.violation"),
    ("budget", "trials.budget"),
    ("seconds", "trials.seconds"),
    ("choosing", "trials.choosing"),
    ("started", "trials.started"),
    ("seed", "trials.seed"),
    ("architecture", "architectures.text"),
    ("canonical_id", "architectures.canonical_id"),
    ("failure_kind", "trials.failure_kind"),
    ("failure_message", "trials.failure_message"),
    ("worker", "trials.worker"),
)
_FROM = """
FROM trials
JOIN studies ON studies.id = trials.study
JOIN architectures ON architectures.id = trials.architecture"""


def add_metrics(connection: sqlite3.Connection, names: Iterable[str]) -> None:
    """Give columns to metrics that have none yet; part of the caller's transaction.

    Raises:
        ArchiveError: a name that SQL cannot spell.
    """
    known = {name for (name,) in connection.execute("SELECT name FROM metric_names")}
    new = [name for name in dict.fromkeys(names) if name not in known]
    for name in new:
        if "\0" in name or name != name.encode("utf-8", "replace").decode():
            raise ArchiveError(f"{name!r} cannot be the name of a metric: it is not plain text")
    if new:
        connection.executemany("INSERT INTO metric_names (name) VALUES (?)", [(n,) for n in new])
        drop_views(connection)
        create_views(connection)


def drop_views(connection: sqlite3.Connection) -> None:
    """Drop both views, so that the tables below them can change."""
    connection.execute(f"DROP VIEW IF EXISTS {FRONT}")
    connection.execute(f"DROP VIEW IF EXISTS {ALL}")


def create_views(connection: sqlite3.Connection) -> None:
    """Create both views with a column for every metric there is."""
    rows = connection.execute(
        "SELECT name FROM metric_names ORDER BY position LIMIT ?", (MOST_METRICS,)
    )
    columns = [*_BEFORE, *_metric_columns(name for (name,) in rows), *_AFTER]
    shown = ",\n".join(f"{sql} AS {_identifier(name)}" for name, sql in columns)
    connection.execute(f"CREATE VIEW {ALL} AS SELECT\n{shown}{_FROM}")
    connection.execute(
        f"CREATE VIEW {FRONT} AS SELECT {ALL}.* FROM front JOIN {ALL} ON {ALL}.id = front.trial"
    )


def _metric_columns(names: Iterable[str]) -> list[tuple[str, str]]:
    taken = {name for name, _ in (*_BEFORE, *_AFTER)}
    columns = []
    for name in names:
        column = name
        while column.lower() in taken:
            column = f"metric_{column}"
        taken.add(column.lower())
        value = f"metrics.trial = trials.id AND metrics.name = {_text(name)}"
        columns.append((column, f"(SELECT value FROM metrics WHERE {value})"))
    return columns


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
