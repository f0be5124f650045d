"""Giving disk space back: weights by a quota, snapshots of studies that have ended, what is left
over from killed processes, and pages of the file that hold nothing."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nas.archive.artifacts import WEIGHTS, Artifacts
from nas.archive.lease import refuse_if_running
from nas.archive.opening import content_of, errors_of, open_for_reading, open_for_writing
from nas.archive.snapshots import UNFINISHED, SnapshotFile, snapshots_of
from nas.archive.transactions import Transactions
from nas.archive.worth import Weights, all_weights, dispensable
from nas.errors import ArchiveError

EMPTY = 0.05
"""Share of pages without content from which on the file is written anew."""


@dataclass(frozen=True)
class Files:
    """So many files, of so many bytes together."""

    files: int
    bytes: int


@dataclass(frozen=True)
class Freed:
    """What was given back, or would be.

    Args:
        weights: of these trials, in the order in which they were chosen.
        weight_files: that have gone with them; trials may share one.
        left: weights that are kept; more than the quota only if ``keep`` says so.
        snapshots: of evaluations that will not go on.
        unreferenced: weights that no trial refers to, and files that were never finished.
        database: bytes by which the SQLite file has become smaller.
        note: why the file was not written anew, if it should have been.
    """

    weights: tuple[Weights, ...]
    weight_files: Files
    left: Files
    snapshots: Files
    unreferenced: Files
    database: int
    note: str = ""

    @property
    def bytes(self) -> int:
        """All of it."""
        files = (self.weight_files, self.snapshots, self.unreferenced)
        return self.database + sum(one.bytes for one in files)


def vacuum(
    archive: str | Path,
    *,
    weights: int | None = None,
    keep: Collection[int] = (),
    dry_run: bool = False,
) -> Freed:
    """Give back the disk space that an archive does not need.

    Rows go before the files that they refer to: a process that is killed in between leaves files
    that nobody refers to, which the next one removes. What is not the archive's is left alone.

    Args:
        archive: path of the archive.
        weights: bytes that trained weights may take; by default all are kept. Which ones go first
            says ``nas.archive.worth``. Numbers, curves and fronts stay.
        keep: ids of trials whose weights stay in any case.
        dry_run: only tell what would be done.

    Raises:
        ArchiveError: a search runs on it, it cannot be written, or a trial to keep has no weights.
    """
    path = Path(archive)
    if dry_run:
        connection, _ = open_for_reading(path)
        with errors_of(path), content_of(path):
            try:
                connection.execute("BEGIN")
                return _plan(path, connection, weights, keep)
            finally:
                connection.close()
    if not path.exists():
        raise ArchiveError(f"there is no archive {str(path)!r}")
    connection = open_for_writing(path)
    try:
        return _prune(path, connection, weights, keep)
    finally:
        connection.close()


def _plan(
    path: Path, connection: sqlite3.Connection, quota: int | None, keep: Collection[int]
) -> Freed:
    """Return what can be given back. Holds one state of the archive."""
    kept = all_weights(connection)
    gone = tuple(_to_drop(connection, kept, quota, keep))
    rows = {one.trial for one in gone}
    left = {one.sha256: one.bytes for one in kept if one.trial not in rows}
    dropped = {one.sha256: one.bytes for one in gone if one.sha256 not in left}
    unused = orphans(path, connection)
    snapshots = [one.bytes for one in useless(path, connection)]
    return Freed(
        gone,
        Files(len(dropped), sum(dropped.values())),
        Files(len(left), sum(left.values())),
        Files(len(snapshots), sum(snapshots)),
        Files(len(unused), sum(map(_size, unused))),
        _empty(connection),
    )


def _to_drop(
    connection: sqlite3.Connection,
    kept: Sequence[Weights],
    quota: int | None,
    keep: Collection[int],
) -> Iterator[Weights]:
    having = {one.trial for one in kept}
    for trial in keep:
        if trial not in having:
            raise ArchiveError(f"trial {trial}, whose weights are to stay, has none")
    sharing: dict[str, int] = {}
    for one in kept:
        sharing[one.sha256] = sharing.get(one.sha256, 0) + 1
    size = sum({one.sha256: one.bytes for one in kept}.values())
    if quota is None or size <= quota:
        return
    pinned = {one.sha256 for one in kept if one.trial in keep}
    for one in dispensable(connection, kept):
        if one.sha256 in pinned:
            continue
        yield one
        sharing[one.sha256] -= 1
        if not sharing[one.sha256]:
            size -= one.bytes
        if size <= quota:
            return


def orphans(path: Path, connection: sqlite3.Connection) -> list[Path]:
    """Return the files of ours that no row refers to, or that were never finished."""
    known = {sha256 for (sha256,) in connection.execute("SELECT sha256 FROM artifacts")}
    files = Artifacts(path).files()
    return sorted(f for f in files if f.suffix == UNFINISHED or f.stem not in known)


def useless(path: Path, connection: sqlite3.Connection) -> list[SnapshotFile]:
    """Return the snapshots that no search will go on from."""
    statuses = dict(connection.execute("SELECT id, status FROM studies").fetchall())
    sql = """SELECT study, number FROM trials
        WHERE status IN ('complete', 'failed', 'infeasible', 'stopped')"""
    found = list(snapshots_of(path))
    ended = set(connection.execute(sql).fetchall()) if found else set()
    return [
        one
        for one in found
        if one.unfinished
        or statuses.get(one.study, "finished") == "finished"
        or (one.study, one.number) in ended
    ]


def _prune(
    path: Path, connection: sqlite3.Connection, quota: int | None, keep: Collection[int]
) -> Freed:
    transactions = Transactions(path, connection)
    with content_of(path), transactions.begin():
        refuse_if_running(path, connection)
        planned = _plan(path, connection, quota, keep)
        connection.executemany(
            "DELETE FROM artifacts WHERE trial = ? AND kind = ?",
            [(one.trial, WEIGHTS) for one in planned.weights],
        )
    with transactions.begin():  # no search may begin to use one of the files meanwhile
        refuse_if_running(path, connection)
        artifacts = Artifacts(path)
        artifacts.remove_unused(connection, list(artifacts.files()))
        for one in useless(path, connection):
            _remove(one.path)
        _remove_empty(artifacts.folder)
    with errors_of(path):
        database, note = _shrink(path, connection)
    return Freed(
        planned.weights,
        planned.weight_files,
        planned.left,
        planned.snapshots,
        planned.unreferenced,
        database,
        note,
    )


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise ArchiveError(f"{str(path)!r} cannot be removed: {error.strerror}") from None


def _remove_empty(folder: Path) -> None:
    for one in [*folder.glob("??"), folder / "checkpoints", folder]:
        if not one.is_symlink():
            with suppress(OSError):  # not empty, or not there
                one.rmdir()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _empty(connection: sqlite3.Connection) -> int:
    """Return the bytes of pages without content, if it is worth the effort."""
    page, free, pages = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_size", "freelist_count", "page_count")
    )
    return int(page * free) if free >= EMPTY * pages else 0


def _shrink(path: Path, connection: sqlite3.Connection) -> tuple[int, str]:
    """Write the file anew where that helps; returns by how much it is smaller, and why not."""
    if not _empty(connection):
        return 0, ""
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = os.path.getsize(path)
    if shutil.disk_usage(path.absolute().parent).free < 2 * before:
        return 0, "the SQLite file was not written anew: the disk has no room for a copy of it"
    connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return max(0, before - os.path.getsize(path)), ""
