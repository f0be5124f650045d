"""Writing to an archive: a transaction, all of it or nothing, while the file is where it was."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nas.archive.opening import errors_of
from nas.errors import ArchiveError


class Transactions:
    """What one connection writes.

    Args:
        path: of the archive.
        connection: to it, as ``open_for_writing`` returned it.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path, self._connection = path, connection
        self._file = _identity(path)

    @contextmanager
    def begin(self) -> Iterator[None]:
        """Commit at the end, or leave the file as it was.

        Raises:
            ArchiveError: the file is no longer there, or SQLite complains.
        """
        with errors_of(self._path):
            self._check_still_there()
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield
                self._connection.execute("COMMIT")
            except BaseException as error:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                if isinstance(error, OverflowError | UnicodeEncodeError):
                    raise ArchiveError(f"SQLite cannot hold a value: {error}") from error
                raise

    def _check_still_there(self) -> None:
        """SQLite would go on writing to a file that nobody can find any more."""
        if self._file is None or _identity(self._path) != self._file:
            raise ArchiveError(
                f"archive {str(self._path)!r} was deleted, moved or replaced while it was written "
                "to; put it back to where it was, and go on"
            )


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
