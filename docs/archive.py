"""Write the schema of archive.md, from a new archive: what its tables say of themselves.

Descriptions are the comments in the CREATE TABLE statements of the migrations. Columns that a later
migration added have none in the file, so theirs stand here.
"""

from __future__ import annotations

import re
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from nas.archive.opening import open_for_writing
from nas.archive.views import ALL, FRONT

PAGE = Path(__file__).with_suffix(".md")
BEGIN, END = "<!-- written by `python docs/archive.py` -->", "<!-- end of what is written -->"

ADDED = {
    ("studies", "evaluation"): "digest of everything an evaluation depends on but the architecture",
    ("trials", "choosing"): "seconds of the driver that choosing it took; NULL: not measured",
    ("trials", "reused"): "the trial whose evaluation answered this one; NULL if it ran",
    (
        "trials",
        "told",
    ): "trials the strategy had been told of when it was proposed; NULL: order of numbers",
}
WIDE = {
    "id": "of the trial: what other commands take",
    "study": "name of its study",
    "number": "position in the study, from 0",
    "status": "how it ended",
    "on_front": "1 if no other trial of its study dominates it",
    "violation": "sum of relative bound violations; 0 is feasible",
    "budget": "spent, in epochs unless the evaluator says otherwise",
    "seconds": "wall time on the worker",
    "choosing": "seconds of the driver that choosing it took",
    "started": "Unix time at which the worker began",
    "seed": "what training was seeded with",
    "architecture": "the architecture in the space's own string form",
    "canonical_id": "the same for the same network",
    "failure_kind": "error, non-finite, timeout, ...; NULL if it did not fail",
    "failure_message": "one line",
    "worker": "which machine and device it ran on",
}
"""Columns of the views beside the metrics."""


def render() -> str:
    """Return the page as it should be."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n{schema()}\n{END}{after}"


def schema() -> str:
    """Return what a new archive has, in Markdown."""
    with tempfile.TemporaryDirectory() as folder:
        connection = open_for_writing(Path(folder) / "new.db")
        try:
            found = connection.execute(
                """SELECT name, sql FROM sqlite_master WHERE type = 'table'
                AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '\\_%' ESCAPE '\\' ORDER BY rowid"""
            ).fetchall()
            parts = [_views(connection), *(_table(connection, *row) for row in found)]
        finally:
            connection.close()
    return "\n".join(parts)


def _views(connection: sqlite3.Connection) -> str:
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({ALL})")]
    lines = [
        f"### `{ALL}` and `{FRONT}`",
        "",
        f"Views. `{ALL}` has every trial of every study, `{FRONT}` those on their study's front.",
        "",
        "| column | what |",
        "|---|---|",
    ]
    for column in columns:
        lines.append(f"| `{column}` | {WIDE[column]} |")
        if column == "on_front":
            lines.append(
                "| one a metric | its value; NULL is NaN or none. Called `metric_NAME` if the name "
                "is one of these |"
            )
    return "\n".join([*lines, ""])


def _table(connection: sqlite3.Connection, table: str, sql: str) -> str:
    leads = {row[3]: row[2] for row in connection.execute(f"PRAGMA foreign_key_list({table})")}
    head = re.match(r"CREATE TABLE \w+ \( -- (.*)", sql)
    if head is None:
        raise ValueError(f"table {table!r} has no comment beside its name")
    lines = [f"### `{table}`", "", f"{_sentence(head[1])}", "", "| column | type | what |"]
    lines.append("|---|---|---|")
    for _, name, kind, required, _, key in connection.execute(f"PRAGMA table_info({table})"):
        what = "; ".join(_told(table, name, sql, leads.get(name), key))
        null = "" if required or key else ", or NULL"
        lines.append(f"| `{name}` | {kind}{null} | {what} |".replace("|  |", "| |"))
    return "\n".join([*lines, ""])


def _told(table: str, name: str, sql: str, leads: str | None, key: int) -> Iterator[str]:
    """Yield what there is to say of a column."""
    if key:
        yield "key"
    if leads:
        yield f"id in `{leads}`"
    place = re.search(rf"^\s+{name} [A-Z].*?(?=^\s+[a-zA-Z_]+ [A-Z]|\Z)", sql, re.M | re.S)
    text = place[0] if place else ""
    if comment := re.search(r"-- (.*)", text):
        yield comment[1].strip()
    elif (table, name) in ADDED:
        yield ADDED[table, name]
    if values := re.search(r"CHECK \(\w+ IN \(([^)]*)\)\)", text):
        yield f"one of {', '.join(values[1].replace(chr(39), '`').split(', '))}"


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
