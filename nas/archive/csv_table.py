"""Tables of text: what a CSV file holds, and the numbers in it."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from nas.archive.importing import problems
from nas.errors import ArchiveError
from nas.suggest import listed

Row = Mapping[str, str]
"""The texts of a row, by column."""


def content_of(path: Path) -> bytes:
    """Return what is in a file. Raises ``ArchiveError``."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ArchiveError(f"{str(path)!r} cannot be read: {error.strerror}") from None


def table_of(content: bytes, path: Path) -> tuple[list[str], list[tuple[int, Row]]]:
    """Return the columns, and the rows with their lines; blank rows are left out.

    Args:
        content: a heading and rows, UTF-8; separated by commas, semicolons or tabs.
        path: what it was read from, for messages.

    Raises:
        ArchiveError: it is no such table.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ArchiveError(f"{str(path)!r} is no UTF-8 text: {error}") from None
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
    try:
        columns = [name.strip() for name in next(reader, [])]
        rows = [(reader.line_num, row) for row in reader if any(map(str.strip, row))]
    except csv.Error as error:
        raise ArchiveError(f"{str(path)!r}, line {reader.line_num}: {error}") from None
    twice = [name for name, n in Counter(columns).items() if n > 1]
    if twice:
        raise ArchiveError(f"{str(path)!r}: several columns are called {listed(map(repr, twice))}")
    if not columns or not rows:
        raise ArchiveError(f"{str(path)!r} has no rows; its first line names the columns")
    wrong = [f"line {n} has {len(row)} values" for n, row in rows if len(row) != len(columns)]
    if wrong:
        raise problems(f"{str(path)!r} ({len(columns)} columns)", len(rows), "rows", wrong)
    return columns, [(n, dict(zip(columns, map(str.strip, row), strict=True))) for n, row in rows]


def number_of(text: str) -> float | None:
    """Return the finite number that a text is, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def read_number(row: Row, column: str) -> float | None:
    """Return the number in a column; None if it is empty, or not there. Raises ``ValueError``."""
    text = row.get(column, "")
    if not text:
        return None
    value = number_of(text)
    if value is None:
        raise ValueError(f"{column} is {text!r}, which is no finite number; leave it empty")
    return value


def whole(name: str, value: float | None) -> int | None:
    """Return a number as an integer. Raises ``ValueError`` if it is none, or negative."""
    if value is not None and (value < 0 or not value.is_integer()):
        raise ValueError(f"{name} is {value:g}; expected a whole number, at least 0")
    return None if value is None else int(value)


def not_negative(name: str, value: float | None) -> float:
    """Return a number, or 0 where there is none. Raises ``ValueError`` if it is negative."""
    if value is not None and value < 0:
        raise ValueError(f"{name} is {value:g}; expected at least 0")
    return value or 0.0
