"""Which trials of some studies somebody means, by SQL expressions over the view ``trials_wide``.

An expression is checked by itself before it becomes part of a statement: brackets and quotes must
be closed, and SQLite must understand it alone. ``nas.archive.query`` sees to what the whole can do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nas.archive import query
from nas.archive.opening import errors_of, open_for_reading
from nas.archive.views import ALL
from nas.errors import ArchiveError
from nas.study import Study
from nas.suggest import did_you_mean

SECONDS = 30.0
"""How long an expression may take."""

_SHOWN = 30
"""Columns that an error names."""

_TOKEN = re.compile(
    r"""(?P<text>'(?:[^']|'')*')
    | (?P<name>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])
    | (?P<comment>--[^\n]*|/\*(?s:.*?)\*/)
    | (?P<open>['"`\[]|/\*)
    | (?P<sign>[();])
    | (?P<rest>[^'"`\[();/-]+|.)""",
    re.VERBOSE | re.DOTALL,
)
_NULLS = re.compile(r"\bNULLS\s+(FIRST|LAST)\s*$", re.IGNORECASE)
_NO_COLUMN = re.compile(r"no such column: (.*)", re.DOTALL)


@dataclass(frozen=True)
class Filter:
    """Which trials, and in which order.

    Args:
        where: an SQL expression over the columns of ``trials_wide``; None takes all.
        order_by: SQL terms such as ``latency DESC, error``; None sorts by study and number. Trials
            without a value come last, unless a term says ``NULLS FIRST``.
        limit: at most so many.
        seconds: how long that may take.
    """

    where: str | None = None
    order_by: str | None = None
    limit: int | None = None
    seconds: float = SECONDS

    def __bool__(self) -> bool:
        return self.where is not None or self.order_by is not None

    def ids(self, path: Path, studies: Sequence[Study], status: str | None = None) -> list[int]:
        """Return the ids of the trials of some studies that are meant, in order.

        Raises:
            ArchiveError: an expression is none, names what is no column, or takes too long.
        """
        self._check(path)
        conditions = ["study IN (SELECT value FROM json_each(?))"]
        values: list[object] = [json.dumps([study.name for study in studies])]
        if status is not None:
            conditions.append("status = ?")
            values.append(status)
        if self.where is not None:
            conditions.append(f"(\n{self.where}\n)")
        sql = f"SELECT id FROM {ALL} WHERE {' AND '.join(conditions)} ORDER BY "
        sql += ", ".join([*_terms(self.order_by or ""), "study", "number"])
        if self.limit is not None:
            sql += f" LIMIT {int(self.limit)}"
        with errors_of(path):
            connection = open_for_reading(path)[0]
            return [id_ for (id_,) in query.run(connection, sql, values, seconds=self.seconds)[1]]

    def _check(self, path: Path) -> None:
        for name, text in (("where", self.where), ("order by", self.order_by)):
            if text is not None:
                columns = columns_of(path)
                what = f"{name} {text!r}"
                _check_shape(what, text, columns)
                _check_meaning(what, name, text, path, columns)


def columns_of(path: Path) -> list[str]:
    """Return the columns of ``trials_wide``."""
    with errors_of(path):
        connection = open_for_reading(path)[0]
        return query.run(connection, f"SELECT * FROM {ALL} LIMIT 0")[0]


def _check_shape(what: str, text: str, columns: Sequence[str]) -> None:
    """Refuse what would reach beyond itself: brackets, quotes and comments are closed in it."""
    depth, empty = 0, True
    for token in _TOKEN.finditer(text):
        kind, found = token.lastgroup, token[0]
        if kind == "open":
            raise ArchiveError(f"{what}: {found} is never closed")
        if found == ";":
            raise ArchiveError(f"{what}: only one expression, without ';'")
        depth += {"(": 1, ")": -1}.get(found, 0)
        if depth < 0:
            raise ArchiveError(f"{what}: a ')' without its '('")
        empty = empty and (kind == "comment" or found.isspace())
        if found.startswith('"'):
            _check_name(what, found, columns)
    if depth:
        raise ArchiveError(f"{what}: a '(' is never closed")
    if empty:
        raise ArchiveError(f"{what}: there is nothing in it")


def _terms(text: str) -> list[str]:
    """Return what to sort by, each with what is not known last."""
    terms, depth = [""], 0
    for token in _TOKEN.finditer(text):
        kind, found = token.lastgroup, token[0]
        depth += {"(": 1, ")": -1}.get(found, 0)
        first, *others = found.split(",") if kind == "rest" and depth == 0 else [found]
        terms[-1] += " " if kind == "comment" else first
        terms += others
    stripped = [term.strip() for term in terms if term.strip()]
    return [term if _NULLS.search(term) else f"{term} NULLS LAST" for term in stripped]


def _check_name(what: str, quoted: str, columns: Sequence[str]) -> None:
    # SQLite takes a quoted name that it does not know for a text
    name = quoted[1:-1].replace('""', '"')
    if name.casefold() not in {column.casefold() for column in columns}:
        said = f" (if it is a text, write '{name}')"
        raise ArchiveError(f"{what}: {_unknown(name, columns, said)}")


def _check_meaning(what: str, clause: str, text: str, path: Path, columns: Sequence[str]) -> None:
    """Have SQLite read it alone, over no rows."""
    sql = f"SELECT 1 FROM (SELECT * FROM {ALL} LIMIT 0) {clause.upper()} {text}\n"
    try:
        with errors_of(path):
            list(query.run(open_for_reading(path)[0], sql)[1])
    except ArchiveError as error:
        message = str(error).removeprefix("SQL: ")
        if match := _NO_COLUMN.match(message):
            message = _unknown(match[1], columns)
        elif "binding" in message:
            message = "a place holder such as ? has no value here: write the value"
        raise ArchiveError(f"{what}: {message}") from None


def _unknown(name: str, columns: Sequence[str], said: str = "") -> str:
    more = f" and {len(columns) - _SHOWN} more" if len(columns) > _SHOWN else ""
    hint = did_you_mean(name, columns)
    return f"no column {name!r}{said}.{hint} Columns: {', '.join(columns[:_SHOWN])}{more}."
