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

from nas.cli.text import numbers, plain
from nas.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from nas.goals import Goal

_UNLIMITED = 10_000
_GAP = 2
"""Characters between columns."""
_NARROWEST = 12
"""Characters that a shortened text column keeps at least."""
_WRAPPED = 24
"""Characters down to which wrapped text gives way before other text is cut."""

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


def print_table(listing: Listing, console: Console | None = None) -> None:
    """Print a table; where the terminal is too narrow for any, a block for each row.

    Columns that are left out are named below it.
    """
    console = console or stdout()
    fit = _fit(listing, console.width)
    if not fit.fits:
        _print_blocks(listing, console)
        return
    console.print(_grid(fit))
    if fit.left_out:
        console.print(f"Not shown for want of room: {', '.join(fit.left_out)}.", style="dim")


def table(listing: Listing, width: int) -> Table:
    """Return a table of at most ``width`` characters if there is any."""
    return _grid(_fit(listing, width))


def _grid(fit: _Fit) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    grid = Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, _GAP - 1, 0, 0),
        header_style="bold",
    )
    for column, heading, _ in fit.columns:
        grid.add_column(
            Text(heading),
            justify="right" if column.number or column.right else "left",
            no_wrap=not column.wrap,
            overflow="fold" if column.wrap else "ellipsis",
            max_width=fit.widths[column.name],
        )
    for cells in zip(*(cells for _, _, cells in fit.columns), strict=True):
        grid.add_row(*(Text(cell) for cell in cells))
    return grid


def _print_blocks(listing: Listing, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    shown = [column.texts(listing.rows) for column in listing.columns]
    for i in range(len(listing.rows)):
        block = Table.grid(padding=(0, _GAP, 0, 0))
        block.add_column(no_wrap=True, style="bold")
        block.add_column(overflow="fold")
        for heading, cells in shown:
            block.add_row(Text(" ".join(heading.split())), Text(cells[i]))
        console.print(Text(f"─ {i + 1} ─", style="dim"), block, sep="\n")


@dataclass(frozen=True)
class _Fit:
    """Columns with headings and cells, how wide they may be, and what was left out."""

    columns: list[tuple[Column, str, list[str]]]
    widths: dict[str, int]
    left_out: list[str]
    fits: bool


def _fit(listing: Listing, width: int) -> _Fit:
    """Shorten text columns, the widest first; then leave out optional columns from the right."""
    columns = [(column, *column.texts(listing.rows)) for column in listing.columns]
    left_out: list[str] = []
    while True:
        widths = {column.name: _width(heading, cells) for column, heading, cells in columns}
        room = width - _GAP * (len(columns) - 1)
        _shrink([column for column, _, _ in columns], widths, room)
        fits = sum(widths.values()) <= room
        optional = [entry for entry in columns if entry[0].optional]
        if fits or not optional:
            return _Fit(columns, widths, left_out, fits)
        columns = [entry for entry in columns if entry is not optional[-1]]
        left_out.insert(0, optional[-1][0].name)


def _shrink(columns: Sequence[Column], widths: dict[str, int], room: int) -> None:
    texts = [column.name for column in columns if not column.number and not column.right]
    wrapped = {column.name for column in columns if column.wrap}
    while texts and sum(widths.values()) > room:
        # wrapping loses nothing, so it comes before cutting
        widest = max(texts, key=lambda n: (n in wrapped and widths[n] > _WRAPPED, widths[n]))
        if widths[widest] <= _NARROWEST:
            return
        widths[widest] -= 1


def _width(heading: str, cells: Sequence[str]) -> int:
    from rich.cells import cell_len

    return max(map(cell_len, [*heading.split("\n"), *cells]), default=0)


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
