"""Trials from a table: a row is a trial of a new study."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.architecture import Architecture, Value
from nas.archive.csv_table import (
    Row,
    content_of,
    not_negative,
    number_of,
    read_number,
    table_of,
    whole,
)
from nas.archive.importing import Home, Imported, Source, add_study, goals_of, home_of, problems
from nas.archive.record import Record
from nas.errors import ConfigError, SpaceError
from nas.goals import Goal, losses
from nas.suggest import did_you_mean, listed
from nas.trial import CurvePoint, Failure, Status, Trial

if TYPE_CHECKING:
    from nas.plugins import Plugins

ARCHITECTURE = "architecture"
"""The column of architectures, unless another one is named."""
PREFIX = "decision_"
"""May begin the name of a decision's column, as in ``Archive.to_pandas``."""

_KINDS, _MESSAGES = ("failure_kind",), ("failure_message", "message")
_NUMBERS = ("seed", "budget", "seconds", "violation")
_KNOWN = {"status", *_KINDS, *_MESSAGES, *_NUMBERS}
_CURVE = re.compile(r"(.+)@(\d+)")
_UNENDED = (Status.CANCELLED, Status.PAUSED)


def import_csv(
    archive: str | Path,
    file: str | Path,
    *,
    objectives: Sequence[str],
    space: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    like: str | None = None,
    study: str | None = None,
    architecture: str | None = None,
    metrics: Sequence[str] = (),
    all_metrics: bool = False,
    plugins: Plugins | None = None,
) -> Imported:
    """Import the rows of a CSV file as a new study: all of them, or none.

    The separator is a comma, a semicolon or a tab. A row has its architecture in one column, in
    the space's own string form, or a column for each decision that is active. Columns ``status``
    (``complete`` where it is empty), ``failure_kind``, ``failure_message``, ``seed``, ``budget``,
    ``seconds`` and ``violation`` are read if they are there; ``error@3`` is the learning curve of
    ``error`` at step 3. Rows of trials that are cancelled or paused are left out.

    Args:
        archive: path of the archive; it is created if it is not there.
        file: path of the CSV file, UTF-8.
        objectives: columns such as ``error:min``; without a direction, as plugins know it.
        space: name of the space.
        parameters: of the space.
        like: name of a study of the archive, instead of ``space``: theirs is the same.
        study: what to call it; by default, as the file is called.
        architecture: column of the architectures.
        metrics: further columns to keep.
        all_metrics: keep every other column of numbers.
        plugins: those that offer the space; by default, the installed ones.

    Raises:
        ArchiveError: a row cannot be imported, or there is a study of that name.
        ComponentError: there is no such space, or not with these parameters.
        ConfigError: the options do not fit each other, or the columns.
    """
    home = home_of(archive, space, parameters, like, plugins)
    goals = goals_of(objectives, home.plugins)
    path = Path(file)
    content = content_of(path)
    columns, rows = table_of(content, path)
    layout = _layout(home, goals, columns, rows, architecture, metrics, all_metrics)
    records, skipped = _records(layout, rows, str(path))
    sha256 = hashlib.sha256(content).hexdigest()
    source = Source("csv", f"{path.name} (sha256 {sha256})", {"file": path.name, "sha256": sha256})
    made, front = add_study(archive, study or path.stem, home, goals, source, records)
    counts = Counter(record.trial.status for record in records)
    return Imported(made, dict(counts), front, skipped, layout.unused)


@dataclass(frozen=True)
class _Layout:
    """What stands in which column.

    Args:
        text: of architectures; empty if each decision has a column.
        decisions: decision and column.
        metrics: columns that are kept.
        curves: column, with metric and step.
        unused: the others.
    """

    home: Home
    goals: tuple[Goal, ...]
    text: str
    decisions: Mapping[str, str]
    metrics: tuple[str, ...]
    curves: Mapping[str, tuple[str, int]]
    unused: tuple[str, ...]


def _layout(
    home: Home,
    goals: tuple[Goal, ...],
    columns: Sequence[str],
    rows: Sequence[tuple[int, Row]],
    architecture: str | None,
    metrics: Sequence[str],
    all_metrics: bool,
) -> _Layout:
    names = [d.name for d in home.space.tree.decisions]
    found = {n: c for n in names for c in (PREFIX + n, n) if c in columns}
    text = architecture or (ARCHITECTURE if ARCHITECTURE in columns else "")
    if not text and not found:
        raise ConfigError(
            f"no column has architectures: name it with --architecture, or have a column for each "
            f"decision ({listed(names[:12])}{', ...' if len(names) > 12 else ''}). "
            f"Columns: {listed(columns)}"
        )
    curves = {c: (m[1], int(m[2])) for c in columns if (m := _CURVE.fullmatch(c))}
    wanted = [*(goal.metric for goal in goals), *metrics]
    for column in [*filter(None, [architecture]), *wanted]:
        if column not in columns:
            hint = did_you_mean(column, columns)
            raise ConfigError(f"there is no column {column!r}.{hint} Columns: {listed(columns)}")
    taken = {text, *found.values(), *curves, *wanted, *_KNOWN}
    others = [c for c in columns if c not in taken]
    kept = [c for c in others if all_metrics and _numeric(c, rows)]
    unused = tuple(c for c in others if c not in kept)
    metric_columns = tuple(dict.fromkeys([*wanted, *kept]))
    return _Layout(home, goals, text, {} if text else found, metric_columns, curves, unused)


def _numeric(column: str, rows: Sequence[tuple[int, Row]]) -> bool:
    values = [row[column] for _, row in rows if row[column]]
    return bool(values) and all(number_of(value) is not None for value in values)


def _records(
    layout: _Layout, rows: Sequence[tuple[int, Row]], path: str
) -> tuple[list[Record], int]:
    records: list[Record] = []
    wrong: list[str] = []
    skipped = 0
    for line, row in rows:
        try:
            status = _status(row)
            if status in _UNENDED:
                skipped += 1
                continue
            records.append(_record(layout, row, status, len(records)))
        except (SpaceError, ValueError) as error:
            wrong.append(f"line {line}: {error}")
    if wrong:
        raise problems(f"{path!r}", len(rows), "rows", wrong)
    return records, skipped


def _status(row: Row) -> Status:
    text = row.get("status", "").lower() or Status.COMPLETE
    if text not in list(Status):
        known = [str(status) for status in Status]
        raise ValueError(
            f"status {row['status']!r} is none.{did_you_mean(text, known)} It is one of "
            f"{', '.join(known)}, or empty, which is complete"
        )
    return Status(text)


def _record(layout: _Layout, row: Row, status: Status, number: int) -> Record:
    space = layout.home.space
    architecture = _architecture(layout, row)
    metrics = {c: value for c in layout.metrics if (value := read_number(row, c)) is not None}
    complete = status is Status.COMPLETE
    missing = [g.metric for g in layout.goals if g.metric not in metrics]
    if complete and missing:
        raise ValueError(
            f"{missing[0]} is empty; a complete trial has a number there, another one a status "
            "such as failed"
        )
    seed, budget, seconds, violation = (read_number(row, name) for name in _NUMBERS)
    trial = Trial(
        number,
        architecture,
        status,
        losses(layout.goals, metrics) if complete else (),
        not_negative("violation", violation),
        metrics,
        whole("seed", seed) or 0,
        whole("budget", budget),
        not_negative("seconds", seconds),
        failure=_failure(row) if status is Status.FAILED else None,
    )
    curve = tuple(_curve(layout.curves, row))
    return Record(trial, space.canonical_id(architecture), space.format(architecture), curve)


def _architecture(layout: _Layout, row: Row) -> Architecture:
    if layout.text:
        return layout.home.space.parse(row[layout.text])
    given = {name: row[column] for name, column in layout.decisions.items() if row[column]}
    return layout.home.decided(given, _value_of)


def _value_of(values: tuple[Value, ...], text: str) -> Value | None:
    """Return the value that is written as a text."""
    spelt = {str(value): value for value in values}
    if text in spelt:
        return spelt[text]
    if text.lower() in ("true", "false"):
        return next((v for v in values if v is (text.lower() == "true")), None)
    number = number_of(text)
    return next((v for v in values if not isinstance(v, str | bool) and v == number), None)


def _failure(row: Row) -> Failure:
    return Failure(_first(row, _KINDS) or "error", _first(row, _MESSAGES) or "failed")


def _first(row: Row, columns: Collection[str]) -> str:
    return next((row[c] for c in columns if row.get(c)), "")


def _curve(columns: Mapping[str, tuple[str, int]], row: Row) -> Iterator[CurvePoint]:
    points: dict[int, dict[str, float]] = {}
    for column, (metric, step) in columns.items():
        value = read_number(row, column)
        if value is not None:
            points.setdefault(step, {})[metric] = value
    for step in sorted(points):
        yield CurvePoint(step, points[step])
