"""One driver a study: a file lock, which the kernel frees when its process ends in any way."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

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
