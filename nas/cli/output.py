"""One description of rows, three ways out: a table for people, JSON and CSV for machines.

Results go to stdout, everything else to stderr. What strangers wrote is never markup.
"""

from __future__ import annotations

import json
import math
import os
import sys
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nas.errors import ConfigError
from nas.text import numbers, plain

if TYPE_CHECKING:
    from rich.console import Console

    from nas.goals import Goal

_UNLIMITED = 10_000

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """One column.

    Args:
        name: the key of its values, and what machines call it.
        title: what people read; by default the name.
        unit: of numbers.
        number: whether it holds numbers, which stand to the right.
        right: whether its texts do.
        optional: left out, from the right, where a terminal is too narrow.
        wrap: text that goes on in the next line instead of being cut.
        show: makes the text of a value, where the usual one does not do.
    """

    name: str
    title: str = ""
    unit: str = ""
    number: bool = False
    right: bool = False
    optional: bool = False
    wrap: bool = False
    show: Callable[[Any], str] | None = None

    def texts(self, rows: Sequence[Row]) -> tuple[str, list[str]]:
        """Return heading and cells."""
        heading = self.title or self.name
        values = [row.get(self.name) for row in rows]
        if self.show is not None:
            return heading, ["" if v is None else self.show(v) for v in values]
        if self.number:
            unit, cells = numbers(values, self.unit)
            return (f"{heading}\n{unit}" if unit else heading), cells
        return heading, [_cell(v) for v in values]


def objective_column(goal: Goal, name: str = "") -> Column:
    """Return the column of an objective; the arrow points to where it is better."""
    arrow = "↓" if goal.direction == "minimize" else "↑"
    return Column(
        name or goal.metric, f"{plain(goal.metric)} {arrow}", plain(goal.unit), number=True
    )


@dataclass(frozen=True)
class Listing:
    """Rows and their columns; ``also`` are keys that only machines get."""

    columns: Sequence[Column]
    rows: Sequence[Row]
    also: Sequence[str] = field(default=())

    @property
    def keys(self) -> list[str]:
        """What machines get of each row."""
        return [*(column.name for column in self.columns), *self.also]

    def records(self) -> list[dict[str, Any]]:
        """Return the rows as plain JSON values."""
        return [{key: _plain_json(row.get(key)) for key in self.keys} for row in self.rows]


def check_formats(as_json: bool, as_csv: bool) -> None:
    """Refuse two formats at once."""
    if as_json and as_csv:
        raise ConfigError("--json and --csv exclude each other")


def stdout() -> Console:
    """Return where results go. Without a terminal, lines are as long as they are."""
    return _console(sys.stdout.isatty(), stderr=False)


def stderr() -> Console:
    """Return where everything else goes."""
    return _console(sys.stderr.isatty(), stderr=True)


def _console(terminal: bool, *, stderr: bool) -> Console:
    from rich.console import Console

    free = not terminal and "COLUMNS" not in os.environ and "FORCE_COLOR" not in os.environ
    return Console(
        stderr=stderr,
        markup=False,
        emoji=False,
        highlight=False,
        width=_UNLIMITED if free else None,
    )


def print_json(document: Any) -> None:
    """Write one JSON document to stdout, in ASCII: a terminal can show it safely."""
    text = json.dumps(_plain_json(document), indent=2, ensure_ascii=True, allow_nan=False)
    sys.stdout.write(text.replace("\x7f", "\\u007f") + "\n")


def print_csv(keys: Sequence[str], rows: Iterable[Row]) -> None:
    """Write a heading and the rows as CSV, one by one; what is no plain value is JSON."""
    import csv

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([plain(key) for key in keys])
    for row in rows:
        writer.writerow([_cell(_plain_json(row.get(key)), exact=True) for key in keys])


def _cell(value: Any, *, exact: bool = False) -> str:
    """Return a value as text; ``exact`` for machines."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower() if exact else "yes" if value else "no"
    if isinstance(value, float):
        return repr(value) if exact else f"{value:.6g}"
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value)
    return plain(value)


def _plain_json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain_json(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_json(inner) for inner in value]
    if isinstance(value, bytes):
        return {"base64": b64encode(value).decode()}
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
