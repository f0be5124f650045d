"""What became of a study's trials, in columns: to compare thousands of studies."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nas.archive.rows import number_or_nan, to_json
from nas.study import Study
from nas.trial import Status


@dataclass(frozen=True)
class Trace:
    """A study's trials by number, without those that were cancelled.

    Args:
        status: of each.
        feasible: whether it is complete and within every bound.
        choosing: seconds that it took to choose it; NaN if nobody measured.
        metrics: of each name, the values; NaN where there is none.
    """

    status: Sequence[Status]
    feasible: Sequence[bool]
    choosing: Sequence[float]
    metrics: Mapping[str, Sequence[float]]


def trace_of(connection: sqlite3.Connection, study: Study, metrics: Sequence[str]) -> Trace:
    """Read a study's trials, and of each the metrics that are asked for."""
    found = connection.execute(
        """SELECT id, status, violation, choosing FROM trials
        WHERE study = ? AND status <> 'cancelled' ORDER BY number""",
        (study.id,),
    ).fetchall()
    position = {id_: i for i, (id_, *_) in enumerate(found)}
    values = {name: [math.nan] * len(found) for name in metrics}
    sql = """SELECT trial, name, value FROM trials JOIN metrics ON metrics.trial = trials.id
        WHERE study = ? AND status <> 'cancelled' AND name IN (SELECT value FROM json_each(?))"""
    for trial, name, value in connection.execute(sql, (study.id, to_json(list(metrics)))):
        values[name][position[trial]] = number_or_nan(value)
    return Trace(
        [Status(status) for _, status, _, _ in found],
        [status == Status.COMPLETE and violation == 0 for _, status, violation, _ in found],
        [number_or_nan(choosing) for *_, choosing in found],
        values,
    )
