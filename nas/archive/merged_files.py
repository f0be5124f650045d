"""The files of archives that are merged: weights, and snapshots of trials that may go on."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from nas.archive.artifacts import Artifacts
from nas.archive.copying import Row
from nas.archive.snapshots import path_of, snapshots_of
from nas.errors import ArchiveError

log = logging.getLogger(__name__)


class Files:
    """Copies files before the rows that refer to them are committed.

    Args:
        target: path of the archive.
        weights: whether weights are copied; otherwise no row refers to any.
    """

    def __init__(self, target: Path, *, weights: bool) -> None:
        self._target, self._weights = target, weights
        self._to, self._from = Artifacts(target), Artifacts(target)
        self._new: list[Path] = []

    def begin(self, source: Path) -> None:
        """Go on with another source."""
        self._source, self._from = source, Artifacts(source)

    def artifact(self, row: Row) -> Row | None:
        """Copy the file of a row. Raises ``ArchiveError`` if it is missing or damaged."""
        if not self._weights:
            return None
        path = self._to.path(row["sha256"])
        if not path.exists():
            try:
                content = self._from.read(row["sha256"])
            except ArchiveError as error:
                raise ArchiveError(f"{error} (--no-weights merges without them)") from None
            self._new.append(path)
            self._to.add(row["trial"], content)
        return row

    def snapshots(self, studies: Mapping[int, int]) -> None:
        """Copy the snapshots of studies, by their ids there and here."""
        for found in snapshots_of(self._source):
            if found.study not in studies or found.unfinished:
                continue
            to = path_of(self._target, studies[found.study], found.number)
            try:
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(found.path, to)
            except FileNotFoundError:
                continue  # its trial has ended meanwhile
            except OSError as error:
                raise ArchiveError(f"{str(to)!r} cannot be written: {error.strerror}") from error
            self._new.append(to)

    def undo(self) -> None:
        """Remove what has been copied for nothing; no row refers to it."""
        for path in self._new:
            with suppress(OSError):
                path.unlink(missing_ok=True)
