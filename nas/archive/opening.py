"""Opening an archive: is it one, is it of this version, and may it be written?

Everything about a file that can be told by reading it is told before SQLite touches it, so that
somebody else's file is left as it is, its write-ahead log included.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nas.archive import migrations
from nas.archive.views import create_views, drop_views
from nas.errors import ArchiveError
from nas.suggest import did_you_mean_file, listed

APPLICATION_ID = int.from_bytes(b"nas1", "big")
"""Marks an SQLite file as an archive of ours (``PRAGMA application_id``)."""

BUSY = 30.0
"""Seconds to wait for another process's transaction."""

_MAGIC = b"SQLite format 3\0"
_ID_AT = slice(68, 72)
"""Where the application id stands in an SQLite file."""


@contextmanager
def errors_of(path: Path) -> Iterator[None]:
    """Turn what SQLite complains about into an ``ArchiveError`` that names the file."""
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_READONLY:
            raise ArchiveError(
                f"archive {str(path)!r} cannot be written: its disk has become read-only"
            ) from error
        raise ArchiveError(f"archive {str(path)!r}: {error}") from error


@contextmanager
def content_of(path: Path) -> Iterator[None]:
    """Turn what cannot be read as what it should be into an ``ArchiveError`` that names the file.

    Anybody can write anything into an SQLite file: texts where numbers belong, JSON without end.
    """
    try:
        yield
    except (ValueError, TypeError, RecursionError) as error:
        raise ArchiveError(
            f"archive {str(path)!r} is damaged, or not all of it was written by nas: {error}"
        ) from error


def check_file(path: Path, *, may_be_new: bool) -> None:
    """Read a file's first bytes. Raises ``ArchiveError`` unless SQLite may be let at it."""
    name = repr(str(path))
    try:
        if path.is_dir():
            raise ArchiveError(f"{name} is a folder; an archive is one SQLite file")
        if not path.parent.is_dir():
            raise ArchiveError(f"{name}: there is no folder {str(path.parent)!r}")
        if not path.exists():
            if may_be_new:
                return
            nearest = did_you_mean_file(path)
            raise ArchiveError(f"there is no archive {name}; `nas search` creates one.{nearest}")
        if not path.is_file():
            raise ArchiveError(f"{name} is no regular file; an archive is one SQLite file")
        with path.open("rb") as file:
            head = file.read(100)
    except OSError as error:
        raise ArchiveError(f"archive {name} cannot be read: {error.strerror}") from None
    _check_head(head, name, may_be_new)


def _check_head(head: bytes, name: str, may_be_new: bool) -> None:
    if not head:  # what a killed process leaves if it had just begun to create one
        if may_be_new:
            return
        raise ArchiveError(f"{name} is an empty file, not an archive")
    if not head.startswith(_MAGIC):
        raise ArchiveError(f"{name} is no archive: not an SQLite file")
    if head[_ID_AT] != APPLICATION_ID.to_bytes(4, "big"):
        raise ArchiveError(f"{name} is no archive: an SQLite file, but not written by nas")


def open_for_writing(path: Path, *, durable: bool = True) -> sqlite3.Connection:
    """Open or create an archive, and bring it to this version.

    A commit is on disk when it returns (WAL, synchronous = FULL); or, unless it is to be durable,
    with the operating system: then a power cut may undo the last commits, and nothing else.

    Raises:
        ArchiveError: it is none, of a newer version, or cannot be written.
    """
    check_file(path, may_be_new=True)
    with errors_of(path):
        try:
            connection = _connect(path, "rwc")
            with _closed_on_error(connection):
                _bring_up_to_date(connection, path)
                _set_up(connection, path, durable=durable)
        except sqlite3.OperationalError as error:
            if _lacks_permission(error):
                raise ArchiveError(
                    f"archive {str(path)!r} cannot be written: it or its folder is read-only"
                ) from None
            raise
    return connection


def _set_up(connection: sqlite3.Connection, path: Path, *, durable: bool) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise ArchiveError(
            f"archive {str(path)!r}: no write-ahead log is possible there (journal mode {mode!r}); "
            "a network file system? Use a local disk."
        )
    connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    connection.execute("PRAGMA foreign_keys = ON")
    # every checkpoint writes each page that has changed: seldom is cheaper, 32 MB is no burden
    connection.execute("PRAGMA wal_autocheckpoint = 8000")
    # canonical ids are as good as random: every trial touches another page of their index
    connection.execute("PRAGMA cache_size = -32768")


def open_for_reading(path: Path) -> tuple[sqlite3.Connection, bool]:
    """Open an archive read-only, beside a running search or not.

    Returns:
        The connection, and whether it is a snapshot: in a folder that cannot be written, SQLite
        opens a file without a log only if it is told that nobody changes it. A snapshot is good
        for one transaction.

    Raises:
        ArchiveError: it is none, or not of this version.
    """
    check_file(path, may_be_new=False)
    with errors_of(path):
        try:
            return _readable(path, "ro"), False
        except sqlite3.OperationalError as error:
            if not _lacks_permission(error):
                raise
            if _has_log(path):
                raise ArchiveError(
                    f"archive {str(path)!r} was not closed, and its folder cannot be written; copy "
                    f"it together with {path.name + '-wal'!r} to a folder that can"
                ) from None
            return _readable(path, "ro&immutable=1"), True


def _lacks_permission(error: sqlite3.Error) -> bool:
    kind = error.sqlite_errorcode & 0xFF  # the rest says more about where it happened
    return kind in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM)


def _has_log(path: Path) -> bool:
    """Tell whether something is committed, or half done, outside the file itself."""
    logs = (path.with_name(path.name + end) for end in ("-wal", "-journal"))
    return any(log.exists() and log.stat().st_size > 0 for log in logs)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    # a reader is used from several threads, one at a time (Archive holds a lock)
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY,
        isolation_level=None,
        check_same_thread=mode == "rwc",
    )
    with _closed_on_error(connection):
        connection.execute("PRAGMA trusted_schema = OFF")
    return connection


@contextmanager
def _closed_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _readable(path: Path, mode: str) -> sqlite3.Connection:
    connection = _connect(path, mode)
    with _closed_on_error(connection):
        applied = _applied(connection)
        _check_version(applied, path)
        missing = [name for name in migrations.NAMES if name not in applied]
        if missing:
            raise ArchiveError(
                f"archive {str(path)!r} is of an older version of nas (it lacks "
                f"{listed(missing)}); a search that writes to it brings it up to date"
            )
    return connection


def _bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    """Apply the migrations that the file lacks, all or none of them."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        (mark,) = connection.execute("PRAGMA application_id").fetchone()
        if tables and mark != APPLICATION_ID:
            raise ArchiveError(f"{str(path)!r} is no archive: not written by nas")
        applied = _applied(connection)
        _check_version(applied, path)
        if len(applied) < len(migrations.NAMES):
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            drop_views(connection)
            _migrate(connection)
            create_views(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _migrate(connection: sqlite3.Connection) -> None:
    from sqlite_utils import Database, Migrations

    known = Migrations(migrations.SET)
    for migration in migrations.MIGRATIONS:
        known()(migration)
    known.apply(Database(connection, recursive_triggers=False, execute_plugins=False))


def _applied(connection: sqlite3.Connection) -> list[str]:
    """Return the names of our migrations that the file has."""
    has_any = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (migrations.TABLE,))
    if not has_any.fetchone():
        return []
    rows = connection.execute(
        f"SELECT name FROM {migrations.TABLE} WHERE migration_set = ?", (migrations.SET,)
    )
    return [name for (name,) in rows]


def _check_version(applied: list[str], path: Path) -> None:
    newer = [name for name in applied if name not in migrations.NAMES]
    if newer:
        raise ArchiveError(
            f"archive {str(path)!r} was written by a newer version of nas (it has "
            f"{listed(newer)}); upgrade plugnas to use it"
        )
