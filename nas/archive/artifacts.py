"""Files next to the archive, named by what is in them.

``digits.db.artifacts/3f/3f8a....safetensors``: the name is the SHA-256 of the content, so a file is
never changed, only added or removed, and whoever reads it can check it. The writer adds files
inside a transaction, before the rows that refer to them are committed, and removes files in a
transaction of its own, once no row refers to them: a file that a committed row refers to is there.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nas.errors import ArchiveError

log = logging.getLogger(__name__)

WEIGHTS = "weights"
"""Kind of an artifact: a trained network's state dict, safetensors."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_SUFFIX = ".safetensors"
_UNFINISHED = ".part"


@dataclass(frozen=True)
class Artifact:
    """A file that is kept for a trial.

    Args:
        trial: id of the trial.
        kind: ``weights``.
        sha256: of the content, 64 hexadecimal digits.
        bytes: its size.
    """

    trial: int
    kind: str
    sha256: str
    bytes: int


class Artifacts:
    """The folder next to an archive; it is created with the first file."""

    def __init__(self, archive: Path) -> None:
        self.folder = archive.with_name(archive.name + ".artifacts")

    def path(self, sha256: str) -> Path:
        """Return where a file is. Raises ``ArchiveError`` on anything but a SHA-256."""
        if not _SHA256.fullmatch(sha256):
            raise ArchiveError(f"{sha256!r} is no SHA-256: the archive has been tampered with")
        return self.folder / sha256[:2] / f"{sha256}{_SUFFIX}"

    def add(self, trial: int, content: bytes) -> Artifact:
        """Put a trial's weights on disk; when this returns they survive a loss of power.

        Raises:
            ArchiveError: they cannot be written; the disk is full, for example.
        """
        sha256 = hashlib.sha256(content).hexdigest()
        path = self.path(sha256)
        self._refuse_links(path)
        try:
            if not path.exists():
                self._write(path, content)
        except OSError as error:
            raise ArchiveError(f"{str(path)!r} cannot be written: {error.strerror}") from error
        return Artifact(trial, WEIGHTS, sha256, len(content))

    def _write(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(_UNFINISHED)
        try:
            with unfinished.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        except OSError:
            unfinished.unlink(missing_ok=True)  # half a file would only help to fill the disk
            raise
        for folder in (path.parent, self.folder, self.folder.parent):
            _fsync(folder)

    def _refuse_links(self, path: Path) -> None:
        """Raise ``ArchiveError`` if a link, which may come with a copied archive, leads away."""
        for step in (self.folder, path.parent, path, path.with_suffix(_UNFINISHED)):
            if step.is_symlink():
                raise ArchiveError(
                    f"{str(step)!r} is a symbolic link; an archive's weights stand in the folder "
                    "beside it, in plain files"
                )

    def read(self, sha256: str) -> bytes:
        """Return a file's content. Raises ``ArchiveError`` if it is missing or damaged."""
        path = self.path(sha256)
        self._refuse_links(path)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ArchiveError(
                f"{str(path)!r} cannot be read: {error.strerror}; an archive's weights are in the "
                "folder beside it: move both together"
            ) from None
        if hashlib.sha256(content).hexdigest() != sha256:
            raise ArchiveError(f"{str(path)!r} is damaged: its content does not fit its name")
        return content

    def remove_unused(self, connection: sqlite3.Connection, among: Iterable[Path]) -> None:
        """Remove those files that no row refers to; the caller holds the write lock.

        One that cannot be removed now is tried again when the archive is next written to.
        """
        for path in among:
            used = connection.execute(
                "SELECT 1 FROM artifacts WHERE sha256 = ? LIMIT 1", (path.stem,)
            ).fetchone()
            if path.suffix == _UNFINISHED or not used:
                try:
                    path.unlink(missing_ok=True)
                except OSError as error:
                    log.warning("%s is not needed, but cannot be removed: %s", path, error)

    def files(self) -> Iterator[Path]:
        """Yield every file of ours, also unfinished ones; what is not ours is left alone."""
        if self.folder.is_symlink():
            return
        for path in self.folder.glob("??/*"):
            if path.parent.is_symlink():
                continue
            if path.suffix in (_SUFFIX, _UNFINISHED) and _SHA256.fullmatch(path.stem):
                yield path


def _fsync(folder: Path) -> None:
    """Make a rename durable; only POSIX can open a folder."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
