"""A table of evaluated architectures, from a CSV or Parquet file."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas import Architecture, ConfigError, Space, SpaceError
from nas.suggest import did_you_mean, listed
from nas_evaluators.tables import NAMED

_FIDELITY = re.compile(r"(.+)@(\d+)")
_GZIP = b"\x1f\x8b"
_PARQUET = (".parquet", ".pq")


class Column(NamedTuple):
    """A column of numbers: a metric, and the budget after which it was taken, if one is named."""

    metric: str
    budget: int | None
    values: NDArray[np.float64]


class Table:
    """Rows by architecture; ``metric`` or ``metric@budget`` columns.

    Args:
        path: of the file, ``.csv``, ``.csv.gz`` or ``.parquet``.
        texts: each row's architecture, in the space's own string form or as JSON.
        columns: those that hold numbers; an empty cell is NaN.
    """

    def __init__(self, path: str, texts: Sequence[str], columns: Sequence[Column]) -> None:
        self._path, self.columns = path, tuple(columns)
        self._rows = {text: i for i, text in enumerate(texts)}
        if len(self._rows) < len(texts):
            seen: set[str] = set()
            twice = next(text for text in texts if text in seen or seen.add(text))  # type: ignore[func-returns-value]
            raise ConfigError(f"table {path!r} has {twice!r} in two rows; each architecture once")
        self._parsed: dict[Architecture, int] | None = None

    def row(self, space: Space, architecture: Architecture) -> int | None:
        """Return the row of an architecture; None if the table does not have it.

        Raises:
            ConfigError: a row's text is no member of the space.
        """
        for text in (space.format(architecture), architecture.to_json()):
            if text in self._rows:
                return self._rows[text]
        # rows may be spelt in another way than the space spells them
        return self._by_architecture(space).get(architecture)

    def architectures(self, space: Space) -> list[Architecture]:
        """Return the architectures of all rows. Raises ``ConfigError``, as ``row`` does."""
        return list(self._by_architecture(space))

    def _by_architecture(self, space: Space) -> Mapping[Architecture, int]:
        if self._parsed is None:
            self._parsed = {self._read(space, text): i for text, i in self._rows.items()}
        return self._parsed

    def _read(self, space: Space, text: str) -> Architecture:
        try:
            return space.parse(text)
        except SpaceError:
            pass
        try:
            return space.architecture(Architecture.from_json(text))
        except (SpaceError, ValueError):
            raise ConfigError(
                f"table {self._path!r}: {text!r} is no architecture of {type(space).__name__}; "
                f"expected one such as {space.format(next(space.architectures()))!r}"
            ) from None


@lru_cache(maxsize=4)
def read_table(path: str, architecture: str | None) -> Table:
    """Read a file, once a process.

    Args:
        path: of the file, relative to the working directory, ``~`` is the home directory; or the
            name of a table that comes with the package, which wins over a file of that name.
        architecture: the column that holds architectures; by default the first one of text.

    Raises:
        ConfigError: the file cannot be read, or has no such column, or no numbers.
    """
    file = _located(path)
    try:
        raw = _parquet(file) if file.suffix in _PARQUET else _csv(file)
    except (OSError, UnicodeDecodeError, EOFError, zlib.error, csv.Error) as error:
        raise ConfigError(f"table {path!r} cannot be read: {error}") from None
    if not raw or not next(iter(raw.values())):
        raise ConfigError(f"table {path!r} is empty: it needs a header and a row an architecture")
    numbers = {name: of for name, values in raw.items() if (of := _numbers(values)) is not None}
    texts = [name for name in raw if name not in numbers]
    if architecture is not None and architecture not in raw:
        hint = did_you_mean(architecture, raw)
        raise ConfigError(
            f"table {path!r} has no column {architecture!r}.{hint} It has {listed(raw)}"
        )
    if architecture is None and not texts:
        raise ConfigError(f"table {path!r} has no column of architectures, only numbers")
    chosen = architecture or texts[0]
    columns = [_column(name, of) for name, of in numbers.items() if name != chosen]
    if not columns:
        raise ConfigError(f"table {path!r} has no column of numbers beside {chosen!r}")
    return Table(path, raw[chosen], columns)


def _located(path: str) -> Path:
    if path in NAMED:
        return NAMED[path].path
    file = Path(path).expanduser()
    if not file.exists() and path == file.name and not file.suffix:
        raise ConfigError(
            f"there is no table {path!r}.{did_you_mean(path, NAMED)} Expected a file (.csv, "
            f".csv.gz or .parquet) or a table that comes with the package: {listed(NAMED)}"
        )
    return file


def _csv(file: Path) -> Mapping[str, list[str]]:
    content = file.read_bytes()
    if content[:2] == _GZIP:
        content = gzip.decompress(content)
    header, *rows = [*csv.reader(io.StringIO(content.decode(), newline=""))] or [[]]
    if len(set(header)) < len(header):
        raise csv.Error("two columns have the same name")
    rows = list(filter(None, rows))
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise csv.Error(f"row {number} has {len(row)} fields, the header {len(header)}")
    return {name: [row[i] for row in rows] for i, name in enumerate(header)}


def _parquet(file: Path) -> Mapping[str, list[str]]:
    try:
        from pyarrow import parquet
    except ImportError:
        raise ConfigError(
            f"{str(file)!r} needs pyarrow: pip install 'plugnas[parquet]', or save it as CSV"
        ) from None
    table = parquet.read_table(file)
    return {
        name: ["" if value is None else str(value) for value in table.column(name).to_pylist()]
        for name in table.column_names
    }


def _numbers(values: Sequence[str]) -> NDArray[np.float64] | None:
    """Return numbers, NaN for nothing; None if something else is among them."""
    try:
        return np.array([float(value) if value else np.nan for value in values])
    except ValueError:
        return None


def _column(name: str, values: NDArray[np.float64]) -> Column:
    match = _FIDELITY.fullmatch(name)
    return Column(match[1], int(match[2]), values) if match else Column(name, None, values)


def fidelities(columns: Sequence[Column]) -> Iterator[int]:
    """Yield each budget that a column names, in order."""
    yield from sorted({c.budget for c in columns if c.budget is not None})
