"""One driver a study: a file lock, which the kernel frees when its process ends in any way."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from nas.archive import sessions
from nas.archive.rows import STUDY, study_of
from nas.errors import ArchiveError


class Lease:
    """The right to run a study; hold it as long as the study runs.

    A second driver is refused, on this machine or in another container of it. The lock is no sign
    in the archive that could be left over: it ends with the process, even with ``kill -9``. Its
    file, ``digits.db-1.lock`` for the study in row 1, says nothing and may be left over.

    Args:
        archive: path of the archive.
        study: row of the study.

    Raises:
        BlockedStudy: somebody else holds it.
    """

    def __init__(self, archive: Path, study: int) -> None:
        self._path = path = archive.with_name(f"{archive.name}-{study}.lock")
        try:
            # not one lock for each thread: a second driver in this process is refused as well
            self._lock = FileLock(path, timeout=0, thread_local=False)
            self._lock.acquire()
        except Timeout:
            raise BlockedStudy from None
        except OSError as error:
            raise ArchiveError(f"{str(path)!r} cannot be locked: {error.strerror}") from error

    def release(self) -> None:
        """Let another driver have it; more than once is fine."""
        if self._lock.is_locked:
            with suppress(OSError):  # whoever has opened it meanwhile sees that it is gone
                self._path.unlink()
            self._lock.release()


class BlockedStudy(Exception):  # noqa: N818 - never leaves the archive: who holds it is added
    """Another driver holds the lease."""


def refuse_if_running(archive: Path, connection: sqlite3.Connection) -> None:
    """Raise ``ArchiveError`` if a search runs on an archive, which would have to wait too long.

    The caller is in a transaction that writes, so that none can begin meanwhile.
    """
    for row in connection.execute(f"{STUDY} WHERE status = 'running'").fetchall():
        study = study_of(row, str(archive))
        try:
            Lease(archive, study.id).release()
        except BlockedStudy:
            holder = sessions.latest(connection, study)
            who = f" by {holder.holder()}" if holder else ""
            raise ArchiveError(
                f"study {study.name!r} in {str(archive)!r} is being run{who}. Wait for it or stop "
                "it first"
            ) from None
