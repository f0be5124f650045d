"""The file behind a reader: opened once, and read one state at a time."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nas.archive import query, rows
from nas.archive.opening import content_of, errors_of, open_for_reading
from nas.closing import Closing
from nas.errors import ArchiveError
from nas.study import Study


class Reading(Closing):
    """An archive that is open to be read, also by several threads and beside a writer.

    Args:
        path: of the SQLite file.

    Raises:
        ArchiveError: it is no archive, or not of this version.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None
        self._connection, self._snapshot = open_for_reading(self.path)

    def close(self) -> None:
        """Close the file; more than once is fine."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def query(self, sql: str) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
        """Execute a SELECT, whatever else the SQL tries.

        Returns:
            Names of the columns, and the rows, which are read as they are asked for.

        Raises:
            ArchiveError: it is no SELECT, or SQLite has a complaint; from the rows as well.
        """
        self._open()
        with errors_of(self.path):
            return query.run(open_for_reading(self.path)[0], sql)

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            raise ArchiveError(f"archive {str(self.path)!r} is closed")
        return self._connection

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Hold one state of the file, whatever a search writes meanwhile."""
        with self._lock, errors_of(self.path), content_of(self.path):
            connection = self._open()
            if self._snapshot:
                connection.close()
                connection, self._snapshot = open_for_reading(self.path)
                self._connection = connection
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")

    @contextmanager
    def _study(self, study: Study | str | None) -> Iterator[tuple[sqlite3.Connection, Study]]:
        with self._reading() as connection:
            name = study.name if isinstance(study, Study) else study
            yield connection, rows.find_study(connection, name, str(self.path))

    @contextmanager
    def _trial(self, trial_id: int) -> Iterator[tuple[sqlite3.Connection, Study]]:
        sql = f"{rows.STUDY} WHERE id = (SELECT study FROM trials WHERE id = ?)"
        with self._reading() as connection:
            row = connection.execute(sql, (trial_id,)).fetchone()
            if row is None:
                first, last = connection.execute("SELECT min(id), max(id) FROM trials").fetchone()
                has = "no trials yet" if first is None else f"trials {first} to {last}"
                raise ArchiveError(f"no trial {trial_id}; {str(self.path)!r} has {has}")
            yield connection, rows.study_of(row, str(self.path))
