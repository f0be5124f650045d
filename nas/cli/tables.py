"""Tables for people: as wide as their content, never wider than the terminal.

Rich lays tables out at 0.1 ms a cell; these take a hundredth of that, so thousands of trials are
shown at once.
"""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.cli.output import Column, Listing, stdout

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_GAP = 2
"""Characters between columns."""
_NARROWEST = 12
"""Characters that a shortened text column keeps at least."""
_WRAPPED = 24
"""Characters down to which wrapped text gives way before other text is cut."""


def print_table(listing: Listing, console: Console | None = None) -> None:
    """Print a table; where the terminal is too narrow for any, a block for each row.

    Columns that are left out are named below it.
    """
    console = console or stdout()
    fit = _fit(listing, console.width)
    if not fit.fits:
        _print_blocks(listing, console)
        return
    for line in _heading(fit):
        console.print(line, style="bold")
    console.file.writelines(f"{line}\n" for line in _body(fit))
    if fit.left_out:
        console.print(f"Not shown for want of room: {', '.join(fit.left_out)}.", style="dim")


def table(listing: Listing, width: int) -> Text:
    """Return a table of at most ``width`` characters if there is any."""
    from rich.text import Text

    fit = _fit(listing, width)
    heading = "\n".join(_heading(fit))
    return Text.assemble((heading, "bold"), "\n", "\n".join(_body(fit)))


@dataclass(frozen=True)
class _Fit:
    """Columns with headings and cells, how wide they are, and what was left out."""

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
    return max(map(_length, [*heading.split("\n"), *cells]), default=0)


def _heading(fit: _Fit) -> list[str]:
    """Return the headings, down on the rule, and the rule."""
    headings = [heading.split("\n") for _, heading, _ in fit.columns]
    height = max(map(len, headings), default=0)
    lifted = [[""] * (height - len(lines)) + lines for lines in headings]
    rule = sum(fit.widths.values()) + _GAP * (len(fit.columns) - 1)
    return [*(_line(fit, cells) for cells in zip(*lifted, strict=True)), "─" * rule]


def _body(fit: _Fit) -> Iterator[str]:
    for cells in zip(*(cells for _, _, cells in fit.columns), strict=True):
        wrapped = [
            _wrapped(cell, fit.widths[column.name]) if column.wrap else [cell]
            for (column, _, _), cell in zip(fit.columns, cells, strict=True)
        ]
        for parts in itertools.zip_longest(*wrapped, fillvalue=""):
            yield _line(fit, parts)


def _line(fit: _Fit, cells: Sequence[str]) -> str:
    shown = [
        _aligned(cell, fit.widths[column.name], right=column.number or column.right)
        for (column, _, _), cell in zip(fit.columns, cells, strict=True)
    ]
    return (" " * _GAP).join(shown).rstrip()


def _aligned(text: str, width: int, *, right: bool) -> str:
    """Return the text ``width`` columns wide; three dots say that something is missing."""
    length = _length(text)
    if length > width:
        from rich.cells import set_cell_size

        return set_cell_size(text, width - 1) + "…"
    blank = " " * (width - length)
    return blank + text if right else text + blank


def _wrapped(text: str, width: int) -> list[str]:
    """Return lines of at most ``width`` columns, at least one."""
    if _length(text) == len(text):
        return textwrap.wrap(text, width) or [""]
    from rich.cells import chop_cells

    return chop_cells(text, width)


def _length(text: str) -> int:
    """Return the columns that a text takes: two for each character of some scripts."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _print_blocks(listing: Listing, console: Console) -> None:
    from rich.text import Text

    shown = [column.texts(listing.rows) for column in listing.columns]
    names = [" ".join(heading.split()) for heading, _ in shown]
    indent = max(map(_length, names), default=0) + _GAP
    for i in range(len(listing.rows)):
        console.print(f"─ {i + 1} ─", style="dim")
        for name, (_, cells) in zip(names, shown, strict=True):
            width = max(console.width - indent, _NARROWEST)
            lines = [line.rstrip() for line in _wrapped(cells[i], width)]
            text = f"\n{' ' * indent}".join(lines).rstrip()
            padded = _aligned(name, indent, right=False) if text else name
            console.print(Text.assemble((padded, "bold"), text), soft_wrap=True)
