"""Anybody's SQL on an archive: it can read everything in it, and do nothing else.

Four locks, each enough by itself against what it is there for: the file is opened read-only; only a
SELECT is let through; an authorizer allows reading alone, so a SELECT can neither attach another
file, nor load an extension, nor hide a write; and SQLite executes one statement at a time. What
runs away ends with Ctrl-C, or after the time that it is given.
"""

from __future__ import annotations

import math
import re
import sqlite3
import time
from collections.abc import Iterator, Sequence
from typing import Any

from nas.errors import ArchiveError

_FIRST_WORD = re.compile(r"(?:\s|--[^\n]*(?:\n|\Z)|/\*(?s:.*?)\*/)*(\w*)")
_ALLOWED_WORDS = ("SELECT", "WITH", "VALUES")

_ALLOWED_ACTIONS = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE)
_FORBIDDEN = ("not authorized", "prohibited")
"""In what SQLite says of what an authorizer denies."""
_SCHEMA_PRAGMAS = (
    "foreign_key_list",
    "function_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "table_info",
    "table_list",
    "table_xinfo",
)

STEPS = 20_000
"""Of SQLite's machine, about a millisecond, between two looks at the clock."""


def run(
    connection: sqlite3.Connection,
    sql: str,
    values: Sequence[Any] = (),
    *,
    seconds: float | None = None,
) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
    """Execute one SELECT.

    Args:
        connection: opened read-only; it is closed when the rows have been read.
        sql: from anybody.
        values: of its place holders.
        seconds: that it may take until its last row is read; None for as long as it likes.

    Returns:
        Names of the columns, and the rows, which are read as they are asked for.

    Raises:
        ArchiveError: it is no SELECT, or SQLite's message; from the rows as well.
    """
    watch = Watch(seconds)
    try:
        _check_first_word(sql)
        connection.set_authorizer(watch.authorize)
        connection.set_progress_handler(watch, STEPS)
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        cursor = connection.execute(sql, values)
    except BaseException as error:
        connection.close()
        if isinstance(error, _SQL_ERRORS):
            raise watch.explained(error) from None
        raise
    rows = _rows(connection, cursor, watch)
    next(rows)  # begun, it closes the connection even if nobody reads a row
    return [column[0] for column in cursor.description], rows


_SQL_ERRORS = (sqlite3.Error, ValueError)
"""What is wrong with the SQL; a ValueError is a NUL or half a surrogate pair in it."""


class Watch:
    """Looks at what SQLite is about to do, and stops it when the time is over.

    It has Python's attention meanwhile, so a Ctrl-C is raised in here, and sqlite3 swallows it:
    what SQLite then complains of is neither forbidden nor late.
    """

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._denied = False
        self._end = math.inf if seconds is None else time.monotonic() + seconds

    def __call__(self) -> bool:
        """Tell whether the time is over."""
        return time.monotonic() > self._end

    def authorize(self, *asked: Any) -> int:
        """Tell whether SQLite may do something."""
        answer = _authorize(*asked)
        self._denied = self._denied or answer == sqlite3.SQLITE_DENY
        return answer

    def explained(self, error: Exception) -> BaseException:
        """Return what to raise instead of SQLite's error."""
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT:
            if not self():
                return KeyboardInterrupt()
            return ArchiveError(f"SQL: no answer within {self._seconds:g} s; it was stopped")
        if not any(word in str(error) for word in _FORBIDDEN):
            return ArchiveError(f"SQL: {error}")
        if not self._denied:
            return KeyboardInterrupt()
        return ArchiveError(f"an archive can only be read; this SELECT does more ({error})")


def _rows(
    connection: sqlite3.Connection, cursor: sqlite3.Cursor, watch: Watch
) -> Iterator[tuple[Any, ...]]:
    try:
        yield ()
        yield from cursor
    except _SQL_ERRORS as error:
        raise watch.explained(error) from None
    finally:
        connection.close()


def _check_first_word(sql: str) -> None:
    match = _FIRST_WORD.match(sql)
    word = match[1].upper() if match else ""
    if word not in _ALLOWED_WORDS:
        shown = word or "nothing"
        raise ArchiveError(
            f"an archive can only be asked a SELECT (or WITH ... SELECT), not {shown}"
        )


def _authorize(
    action: int, first: str | None, second: str | None, _database: str | None, _trigger: str | None
) -> int:
    # a table-valued function such as json_each declares its columns, which looks like an update of
    # the schema; a real one is no SELECT
    declares = action == sqlite3.SQLITE_UPDATE and first == "sqlite_master"
    if (
        action in _ALLOWED_ACTIONS
        or declares
        or (action == sqlite3.SQLITE_FUNCTION and second != "load_extension")
        or (action == sqlite3.SQLITE_PRAGMA and first in _SCHEMA_PRAGMAS)
    ):
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY
