"""What refers to what in an archive, read from its schema: tables that are added are known too."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

STUDIES, TRIALS = "studies", "trials"

_OTHERS = {"metric_names"}
"""Tables that follow from the others."""


@dataclass(frozen=True)
class Table:
    """One table.

    Args:
        name: of the table.
        columns: in order.
        references: columns that hold ids, with the table that these are of.
        owners: those of them whose row takes this one with it when it is deleted.
        key: columns by which a row without an owner is known again; its id is not one of them.
        has_id: whether it has a column ``id``.
        shared: whether rows belong to no study.
    """

    name: str
    columns: tuple[str, ...]
    references: Mapping[str, str]
    owners: tuple[str, ...]
    key: tuple[str, ...]
    has_id: bool
    shared: bool


def tables_of(connection: sqlite3.Connection) -> list[Table]:
    """Return all tables of an archive, those that others refer to first."""
    sql = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid"
    names = [n for (n,) in connection.execute(sql) if not n.startswith(("sqlite_", "_"))]
    links = {name: _references(connection, name) for name in names if name not in _OTHERS}
    ordered: dict[str, None] = {}
    while len(ordered) < len(links):
        ready = [
            name
            for name, references in links.items()
            if name not in ordered
            and all(other in ordered or other == name for other, _ in references.values())
        ]
        assert ready, f"tables that refer to each other: {set(links) - set(ordered)}"
        ordered.update(dict.fromkeys(ready))
    of_studies = {STUDIES}
    for name in ordered:
        if any(other in of_studies for other, _ in links[name].values()):
            of_studies.add(name)
    return [_table(connection, n, links[n], shared=n not in of_studies) for n in ordered]


def _references(connection: sqlite3.Connection, name: str) -> dict[str, tuple[str, bool]]:
    """Return the columns that hold ids: of which table, and whether that owns the row."""
    rows = connection.execute(f'PRAGMA foreign_key_list("{name}")')
    return {column: (other, action == "CASCADE") for _, _, other, column, _, _, action, _ in rows}


def _table(
    connection: sqlite3.Connection,
    name: str,
    references: Mapping[str, tuple[str, bool]],
    *,
    shared: bool,
) -> Table:
    columns = tuple(row[1] for row in connection.execute(f'PRAGMA table_info("{name}")'))
    return Table(
        name,
        columns,
        {column: other for column, (other, _) in references.items()},
        tuple(column for column, (_, owner) in references.items() if owner),
        _key(connection, name),
        "id" in columns,
        shared,
    )


def _key(connection: sqlite3.Connection, name: str) -> tuple[str, ...]:
    for _, index, unique, origin, _ in connection.execute(f'PRAGMA index_list("{name}")'):
        if unique and origin == "u":
            return tuple(row[2] for row in connection.execute(f'PRAGMA index_info("{index}")'))
    return ()
