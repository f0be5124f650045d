"""Several archives into one: every study with all that belongs to it, or nothing at all."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from nas.archive.copying import Change, Copier, Row
from nas.archive.lease import refuse_if_running
from nas.archive.merged_files import Files
from nas.archive.merged_lineage import bring_along
from nas.archive.opening import content_of, errors_of, open_for_reading, open_for_writing
from nas.archive.rows import STUDY, study_of, to_json
from nas.archive.same_study import is_same, what_differs
from nas.archive.tables import STUDIES
from nas.archive.transactions import Transactions
from nas.archive.views import add_metrics
from nas.errors import ArchiveError
from nas.study import Study

LONGEST = 200
"""Characters of a study's name."""

_RAN = "was running, or had been killed, when it was merged"


@dataclass(frozen=True)
class Merged:
    """What became of one study.

    Args:
        source: path of the archive that it was in.
        name: what it is called there.
        study: what it is called in the target.
        trials: how many it has.
        copied: whether it has been copied; False if the target had it already.
    """

    source: str
    name: str
    study: str
    trials: int
    copied: bool


def merge(
    target: str | Path,
    sources: Sequence[str | Path],
    *,
    rename: bool = False,
    weights: bool = True,
) -> list[Merged]:
    """Copy all studies of some archives into another one, in one transaction.

    Networks that several have evaluated are one architecture then. Ids of trials change, their
    numbers do not. A study that the target has already, with all the trials that the source has, is
    left as it is, so merging twice is merging once. A source is read as it is at one moment, while
    a search may go on with it; what runs there is copied as an interrupted study.

    Args:
        target: path of the archive; it is created if it is not there.
        sources: paths of the others, which stay as they are.
        rename: call a study ``NAME (SOURCE)`` if the target has another one of its name.
        weights: copy the trained weights too.

    Returns:
        What became of each study of each source.

    Raises:
        ArchiveError: a search runs on the target, the target has another study of that name, or a
            file cannot be read or written; the target is as it was then.
    """
    path = Path(target)
    _check_paths(path, [Path(source) for source in sources])
    with ExitStack() as stack:
        opened = [stack.enter_context(_opened(Path(source))) for source in sources]
        connection = open_for_writing(path)
        stack.callback(connection.close)
        transactions, files = Transactions(path, connection), Files(path, weights=weights)
        try:
            with transactions.begin():
                refuse_if_running(path, connection)
                connection.execute("PRAGMA defer_foreign_keys = ON")
                done = [
                    one
                    for source, theirs in zip(map(Path, sources), opened, strict=True)
                    for one in _merge(connection, theirs, source, files, rename=rename)
                ]
        except BaseException:
            files.undo()
            raise
    return done


def _check_paths(target: Path, sources: Sequence[Path]) -> None:
    if not sources:
        raise ArchiveError("there is nothing to merge: name at least one source")
    for source in sources:
        if source.exists() and target.exists() and source.samefile(target):
            raise ArchiveError(f"{str(source)!r} is the target itself")


@contextmanager
def _opened(source: Path) -> Iterator[sqlite3.Connection]:
    """Hold one state of an archive."""
    connection, _ = open_for_reading(source)
    try:
        with errors_of(source), content_of(source):
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM studies").fetchone()  # here it begins
        yield connection
    finally:
        connection.close()


def _merge(
    target: sqlite3.Connection,
    theirs: sqlite3.Connection,
    source: Path,
    files: Files,
    *,
    rename: bool,
) -> list[Merged]:
    with errors_of(source), content_of(source):
        found = [study_of(row, str(source)) for row in theirs.execute(f"{STUDY} ORDER BY id")]
        names, known = _names(target, theirs, found, source, rename=rename)
        order = "SELECT name FROM metric_names ORDER BY position"
        metrics = [name for (name,) in theirs.execute(order)]
    with content_of(source):
        add_metrics(target, metrics)
        files.begin(source)
        changes = {"studies": _called(names), "sessions": _session, "artifacts": files.artifact}
        copier = Copier(source, theirs, target, known, changes)
        copier.copy()
        new = {old: id_ for old, id_ in copier.ids[STUDIES].items() if old not in known}
        bring_along(target, theirs, copier, new, names, source)
        files.snapshots(new)
    sql = "SELECT count(*) FROM trials WHERE study = ?"
    return [
        Merged(
            str(source),
            s.name,
            names[s.name],
            theirs.execute(sql, (s.id,)).fetchone()[0],
            s.id in new,
        )
        for s in found
    ]


def _called(names: Mapping[str, str]) -> Change:
    """Return what gives studies their new names."""

    def change(row: Row) -> Row:
        row["config"] = to_json({**json.loads(row["config"]), "study": names[row["name"]]})
        row["name"] = names[row["name"]]
        if row["status"] == "running":
            row |= {"status": "interrupted", "reason": _RAN}
        return row

    return change


def _session(row: Row) -> Row:
    """Nobody runs the copy."""
    if row["ended"] is None:
        row |= {"ended": row["heartbeat"], "status": "killed", "reason": _RAN}
    return row


def _names(
    target: sqlite3.Connection,
    theirs: sqlite3.Connection,
    found: Sequence[Study],
    source: Path,
    *,
    rename: bool,
) -> tuple[dict[str, str], dict[int, int]]:
    """Return what each study is to be called, and the ids of those that are there already."""
    there = {row[1]: study_of(row, "") for row in target.execute(STUDY)}
    names: dict[str, str] = {}
    known: dict[int, int] = {}
    own = {study.name for study in found}
    for study in found:
        for name in _candidates(study.name, source.stem):
            other = there.get(name)
            if other is None and (name == study.name or name not in own):
                names[study.name] = name
                break
            if other is not None and is_same(theirs, study, target, other):
                names[study.name], known[study.id] = name, other.id
                break
            if not rename:
                assert other is not None
                raise ArchiveError(
                    f"study {study.name!r} of {str(source)!r}: the target has one of that name, "
                    f"{what_differs(theirs, study, target, other)}. --rename copies it as "
                    f"{next(_others(study.name, source.stem))!r}"
                )
        own.add(names[study.name])
    return names, known


def _candidates(name: str, stem: str) -> Iterator[str]:
    yield name
    yield from _others(name, stem)


def _others(name: str, stem: str) -> Iterator[str]:
    for number in range(1, 1_000_000):
        end = f" ({stem})" if number == 1 else f" ({stem} {number})"
        yield name[: max(1, LONGEST - len(end))] + end[-LONGEST + 1 :]
