"""The SQLite file itself: its pages, its schema, its log, the disk, and who was writing to it."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from nas.archive.findings import Case, Finding, some
from nas.archive.opening import open_for_writing
from nas.archive.views import ALL, FRONT, add_metrics, create_views, drop_views

LARGE = 2**29
"""Bytes from which on the indexes are compared with their tables only if everything is examined."""
ROOM = 100_000_000
"""Bytes that a disk should have left."""

_FROM_A_COPY = "take the archive from a copy; SQLite's `.recover` saves what can be read"
_BY_REPAIR = "nas doctor --repair makes it anew from the trials"


def integrity(case: Case) -> Iterator[Finding]:
    """Pages, records and indexes are what SQLite expects."""
    whole = case.everything or case.path.stat().st_size < LARGE
    if not whole:
        case.remarks.append("integrity: indexes were not compared with their tables (--all does)")
    pragma = "integrity_check" if whole else "quick_check"
    try:
        found = [line for (line,) in case.connection.execute(f"PRAGMA {pragma}(20)")]
    except sqlite3.DatabaseError as error:  # so damaged that it cannot even be checked
        found = [str(error)]
    if found != ["ok"]:
        said = "; ".join(" ".join(str(line).split()) for line in found[:3])
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        yield Finding(
            "integrity",
            f"the SQLite file is damaged ({said}{more})",
            "some of it cannot be read, or is not what was written",
            _FROM_A_COPY,
        )


def references(case: Case) -> Iterator[Finding]:
    """Every row that a row refers to is there."""
    rows = case.connection.execute("PRAGMA foreign_key_check").fetchall()
    for (table, parent), n in Counter((row[0], row[2]) for row in rows).items():
        ids = [row[1] for row in rows if (row[0], row[2]) == (table, parent) and row[1]]
        which = f" (rows {some(ids)})" if ids else ""
        yield Finding(
            "references",
            f"{n} of {table}{which} refer to rows of {parent} that are not there",
            "somebody else has changed the file, and what these rows belong to is lost",
            "take the archive from a copy, or delete these rows if you know what happened",
        )


def schema(case: Case) -> Iterator[Finding]:
    """Tables and indexes are those of this version, and views have a column for every metric."""
    here, expected = _schema(case.connection), _expected(case.connection)
    views = (ALL, FRONT)
    wrong = [name for name in expected if name not in views and here.get(name) != expected[name]]
    if wrong:
        yield Finding(
            "schema",
            f"{', '.join(sorted(wrong))} missing, or another than in this version",
            "commands may fail, or be slow",
            _FROM_A_COPY,
        )
    unknown = sorted(set(here) - set(expected))
    if unknown:
        case.remarks.append(f"schema: {', '.join(unknown)} were added by somebody else")
    sql = "SELECT DISTINCT name FROM metrics EXCEPT SELECT name FROM metric_names"
    unnamed = [name for (name,) in case.connection.execute(sql)]
    if unnamed or any(here.get(view) != expected[view] for view in views):
        which = f"lack the metrics {', '.join(unnamed)}" if unnamed else "are not up to date"
        yield Finding(
            "schema",
            f"the views {ALL} and {FRONT} {which}",
            "queries fail, or do not see all metrics",
            _BY_REPAIR,
            repairable=True,
        )


def _schema(connection: sqlite3.Connection) -> dict[str, str]:
    sql = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
    found = connection.execute(sql)
    return {name: " ".join(text.split()) for name, text in found if not name.startswith("_")}


def _expected(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the schema of a new archive with the same metrics."""
    names = connection.execute("SELECT name FROM metric_names ORDER BY position").fetchall()
    with (
        TemporaryDirectory() as folder,
        closing(open_for_writing(Path(folder) / "new.db", durable=False)) as new,
    ):
        add_metrics(new, (name for (name,) in names))
        return _schema(new)


def log(case: Case) -> Iterator[Finding]:
    """What has been committed stands in the file."""
    wal = case.path.with_name(case.path.name + "-wal")
    size = wal.stat().st_size if wal.exists() else 0
    if size and case.is_written:
        case.remarks.append(f"log: {size:,} bytes in {wal.name}, as usual while a search runs")
    elif size:
        yield Finding(
            "log",
            f"{size:,} bytes of commits stand in {wal.name}",
            "whoever wrote last was killed, or still writes; nothing is lost, but a copy of the "
            "archive without that file would lack them",
            "nas resume or nas vacuum writes them into the archive",
        )


def disk(case: Case) -> Iterator[Finding]:
    """There is room to go on."""
    free = shutil.disk_usage(case.path.absolute().parent).free
    if free < ROOM:
        yield Finding(
            "disk",
            f"{free:,} bytes are left on the disk",
            "a search would end when they are used up",
            "make room; nas vacuum --weights SIZE drops networks that can be done without",
        )


def driving(case: Case) -> Iterator[Finding]:
    """Whoever began to run a study runs it, or has said that it ended."""
    for study, session, living in case.running.values():
        if living:
            case.remarks.append(f"sessions: study {study.name!r} runs: {session.holder()}")
            continue
        where = "" if session.alive is not None else f" (on {session.host}, not this machine)"
        yield Finding(
            "sessions",
            f"the driver of study {study.name!r} was killed, or is gone{where}",
            f"{session.holder()}; what it had archived is there, what was running is not",
            f"nas resume {case.path} {study.name!r} goes on",
        )


def repair_views(connection: sqlite3.Connection) -> None:
    """Make the views anew; part of the caller's transaction."""
    sql = "SELECT DISTINCT name FROM metrics EXCEPT SELECT name FROM metric_names"
    add_metrics(connection, [name for (name,) in connection.execute(sql)])
    drop_views(connection)
    create_views(connection)
