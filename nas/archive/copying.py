"""Rows of one archive into another: ids change, what they refer to does not."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from nas.archive.insert import insert_architectures
from nas.archive.opening import errors_of
from nas.archive.tables import STUDIES, TRIALS, Table, tables_of
from nas.errors import ArchiveError

CHUNK = 5_000
"""Rows that are held in memory at once."""

Row = dict[str, Any]
Change = Callable[[Row], Row | None]
"""Returns a row as it is to be written, or None if it is not."""


class Copier:
    """Copies all rows of an archive, those of studies that the other one has already left out.

    Args:
        path: of the source.
        source: in a transaction, which holds one state of it.
        target: in a transaction that writes, with its foreign keys deferred.
        known: ids of the studies that are left out, and of those that they are there.
        changes: what is different about the rows of some tables.
    """

    def __init__(
        self,
        path: Path,
        source: sqlite3.Connection,
        target: sqlite3.Connection,
        known: Mapping[int, int],
        changes: Mapping[str, Change],
    ) -> None:
        self._path, self._source, self._target, self._changes = path, source, target, changes
        self._left_out: dict[str, Collection[int]] = {STUDIES: set(known)}
        self.ids: dict[str, dict[int, int]] = {STUDIES: dict(known)}
        """From ids of the source to those of the target, by table."""

    def copy(self) -> None:
        """Copy everything. Raises ``ArchiveError`` if a row refers to one that is not there."""
        for table in tables_of(self._source):
            if not table.shared:
                self._copy_owned(table)
            elif table.name == "architectures":
                self._copy_architectures(table)
            else:
                self._copy_shared(table)

    def _rows(self, table: Table) -> Iterator[Row]:
        columns = ", ".join(table.columns)
        order = "ORDER BY id" if table.has_id else ""
        with errors_of(self._path):
            for values in self._source.execute(f"SELECT {columns} FROM {table.name} {order}"):
                yield dict(zip(table.columns, values, strict=True))

    def _referring(self, table: Table, row: Row) -> Row:
        """Return a row with the target's ids."""
        for column, other in table.references.items():
            old = row[column]
            if old is None:
                continue
            if old not in self.ids[other]:
                raise ArchiveError(
                    f"{str(self._path)!r} is damaged: {table.name}.{column} refers to row {old} of "
                    f"{other}, which is not there; nas doctor says more"
                )
            row[column] = self.ids[other][old]
        return row

    def _copy_architectures(self, table: Table) -> None:
        """Those that were scored there and tried here get their text."""
        ids = self.ids.setdefault(table.name, {})
        for rows in chunks(self._rows(table)):
            old = [row["id"] for row in rows]
            new = insert_architectures(
                self._target,
                [
                    (r["canonical_id"], r["space"], r["decisions"], r["text"])
                    for r in (self._referring(table, row) for row in rows)
                ],
            )
            ids.update(zip(old, new, strict=True))

    def _copy_shared(self, table: Table) -> None:
        ids = self.ids.setdefault(table.name, {})
        columns = [column for column in table.columns if column != "id"]
        insert = f"{_insert(table.name, columns)} ON CONFLICT DO NOTHING"
        find = (
            f"SELECT id FROM {table.name} WHERE ({', '.join(table.key)}) = ({_places(table.key)})"
        )
        for row in self._rows(table):
            row = self._referring(table, row)
            self._target.execute(insert, [row[column] for column in columns])
            if table.has_id:
                (found,) = self._target.execute(find, [row[c] for c in table.key]).fetchone()
                ids[row["id"]] = found

    def _copy_owned(self, table: Table) -> None:
        if table.has_id:
            self._number(table)
        change = self._changes.get(table.name, _unchanged)
        insert = _insert(table.name, table.columns)
        for rows in chunks(self._rows(table)):
            new = (
                change(self._renumbered(table, r)) for r in rows if not self._is_left_out(table, r)
            )
            self._target.executemany(insert, [tuple(row.values()) for row in new if row])

    def _is_left_out(self, table: Table, row: Row) -> bool:
        if table.name == STUDIES:
            return row["id"] in self._left_out[STUDIES]
        return any(
            row[column] in self._left_out.get(table.references[column], ())
            for column in table.owners
        )

    def _number(self, table: Table) -> None:
        """Give every row that is copied an id, in their order."""
        ids = self.ids.setdefault(table.name, {})
        (last,) = self._target.execute(f"SELECT coalesce(max(id), 0) FROM {table.name}").fetchone()
        left_out = set()
        for row in self._rows(table):
            if self._is_left_out(table, row):
                left_out.add(row["id"])
            else:
                last += 1
                ids[row["id"]] = last
        self._left_out[table.name] = left_out
        if table.name == TRIALS:
            ids.update(self._known_trials())

    def _known_trials(self) -> Iterator[tuple[int, int]]:
        """Yield the ids of the trials of studies that are there already."""
        sql = "SELECT number, id FROM trials WHERE study = ?"
        for old, new in self.ids[STUDIES].items():
            if old in self._left_out[STUDIES]:
                there = dict(self._target.execute(sql, (new,)).fetchall())
                for number, id_ in self._source.execute(sql, (old,)):
                    if number in there:
                        yield id_, there[number]

    def _renumbered(self, table: Table, row: Row) -> Row:
        if table.has_id:
            row["id"] = self.ids[table.name][row["id"]]
        return self._referring(table, row)


def _unchanged(row: Row) -> Row:
    return row


def chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Yield rows some at a time."""
    left = iter(rows)
    while chunk := list(itertools.islice(left, CHUNK)):
        yield chunk


def _insert(table: str, columns: Collection[str]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({_places(columns)})"


def _places(columns: Collection[str]) -> str:
    return ", ".join("?" * len(columns))
