"""Trials as one table with flat columns, for pandas and Arrow."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from nas.archive import query
from nas.archive.opening import errors_of, open_for_reading
from nas.archive.views import ALL
from nas.errors import ArchiveError

PREFIX = "decision_"
"""Before the name of a decision, where it is a column."""

_SQL = f"""SELECT wide.*, architectures.decisions FROM json_each(?) AS wanted
JOIN {ALL} AS wide ON wide.id = wanted.value
JOIN trials ON trials.id = wide.id
JOIN architectures ON architectures.id = trials.architecture ORDER BY wanted.key"""

Columns = dict[str, list[Any]]


def columns_of_trials(path: Path, ids: Sequence[int]) -> Columns:
    """Return the columns of ``trials_wide``, and a column for every decision.

    A decision's column is called ``decision_NAME``; ``decision_decision_NAME`` if a metric is
    called so. What a trial does not have is None. A decision that is no plain value is JSON text.
    """
    with errors_of(path):
        names, rows = query.run(open_for_reading(path)[0], _SQL, [json.dumps(list(ids))])
        *names, _ = names
        *columns, texts = zip(*rows, strict=True) if ids else ([()] * (len(names) + 1))
    found: Columns = {name: list(column) for name, column in zip(names, columns, strict=True)}
    decided = [json.loads(text) for text in texts]
    for name in dict.fromkeys(name for decisions in decided for name in decisions):
        column = f"{PREFIX}{name}"
        while column in found:
            column = f"{PREFIX}{column}"
        found[column] = _uniform([decisions.get(name) for decisions in decided])
    found["on_front"] = [bool(value) for value in found["on_front"]]
    return found


def to_pandas(columns: Columns) -> Any:
    """Return a ``pandas.DataFrame``. Raises ``ArchiveError`` without pandas."""
    frames = _module("pandas", "pandas")
    return frames.DataFrame(
        {name: frames.Series(values, dtype=_dtype(values)) for name, values in columns.items()}
    )


def to_arrow(columns: Columns) -> Any:
    """Return a ``pyarrow.Table``. Raises ``ArchiveError`` without pyarrow."""
    arrow = _module("pyarrow", "parquet")
    return arrow.table(
        {
            name: arrow.array(values, type=arrow.float64() if _nothing(values) else None)
            for name, values in columns.items()
        }
    )


def _module(name: str, extra: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise ArchiveError(
            f"{name} is needed for this: pip install 'plugnas[{extra}]' ({error})"
        ) from None


def _nothing(values: Sequence[Any]) -> bool:
    return all(value is None for value in values)


def _dtype(values: Sequence[Any]) -> str | None:
    """Return a type that keeps whole numbers whole although some are missing."""
    known = [value for value in values if value is not None]
    if known and all(type(value) is int for value in known):
        return "int64" if len(known) == len(values) else "Int64"
    numbers = all(type(value) in (int, float) for value in known)
    return "float64" if numbers and values else None


def _uniform(values: list[Any]) -> list[Any]:
    """Return values of one type: as they are, as floats, or as JSON text."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} and len(kinds) == 2:
        return [None if value is None else float(value) for value in values]
    if len(kinds) <= 1 and not kinds & {list, dict}:
        return values
    return [None if value is None else json.dumps(value) for value in values]
