"""What a plot of a study shows: columns of numbers, as plotly takes them."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import numpy.typing as npt

from nas.pictures.trials import far_out
from nas.study import Study
from nas.ui.choosing import FROM, Axis, Choice, condition
from nas.ui.reading import Pages

GROUPS = ("front", "feasible", "outside", "short", "failed")
"""What is told apart in a plot, by shape and colour."""

ROOM = 0.06
"""Share of an axis that is left free at its ends."""

_GROUP = """CASE WHEN front.trial IS NOT NULL THEN 0
    WHEN trials.status = 'complete' AND trials.violation = 0 THEN 1
    WHEN trials.status IN ('complete', 'infeasible') THEN 2
    WHEN trials.status IN ('stopped', 'paused') THEN 3 ELSE 4 END"""


def points_of(archive: Pages, study: Study, choice: Choice) -> dict[str, Any]:
    """Return the chosen trials of a study by group, none left out that has both values.

    Values are rounded to 32 bits, which is seven digits; a trial's page has all of them.
    """
    sql, values = condition(archive, study, choice)
    (join_x, x, names_x), (join_y, y, names_y) = choice.x.joined("mx"), choice.y.joined("my")
    with archive.asking() as connection:
        found = connection.execute(
            f"SELECT trials.id, {_GROUP}, {x}, {y} {FROM} {join_x} {join_y} WHERE {sql}",
            [*names_x, *names_y, *values],
        ).fetchall()
    table = np.array(found, dtype=np.float64).reshape(-1, 4)
    known = table[np.isfinite(table).all(axis=1)]
    x_axis, y_axis = (
        axis_of(axis, log, known[:, column], known[known[:, 1] == 0, column])
        for axis, log, column in ((choice.x, choice.logx, 2), (choice.y, choice.logy, 3))
    )
    return {
        "x": x_axis,
        "y": y_axis,
        "beyond": int((_beyond(x_axis, known[:, 2]) | _beyond(y_axis, known[:, 3])).sum()),
        "total": len(table),
        "without": len(table) - len(known),
        "line": [choice.x.key, choice.y.key] in _pairs(study),
        "groups": {name: _group(known[known[:, 1] == i]) for i, name in enumerate(GROUPS)},
    }


def _pairs(study: Study) -> list[list[str]]:
    """Return the axes between which a line through the front means something."""
    keys = [f"metric:{goal.metric}" for goal in study.goals]
    return [keys, keys[::-1]] if len(keys) == 2 else []


def axis_of(
    axis: Axis, log: bool, values: npt.NDArray[np.float64], front: npt.NDArray[np.float64]
) -> dict[str, Any]:
    """Return an axis; a few values far worse than all others, and than the front, are beyond it."""
    shown = {"title": axis.title, "log": log}
    sign = {"lower": 1.0, "higher": -1.0}.get(axis.better)
    limit = None if log or sign is None else far_out(sign * values)
    if sign is None or limit is None:
        return shown
    limit = max([limit, *(sign * front)])
    inside = values[sign * values <= limit]
    low, high = float(inside.min()), float(inside.max())
    room = ROOM * (high - low) or ROOM * abs(high) or 1.0
    return {**shown, "range": [low - room, high + room]}


def _beyond(axis: dict[str, Any], values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    low, high = axis.get("range", (-np.inf, np.inf))
    return np.asarray((values < low) | (values > high))


def _group(table: npt.NDArray[np.float64]) -> dict[str, Any]:
    """Return ids and values; by x, so that a line through them does not go to and fro."""
    table = table[np.lexsort((table[:, 3], table[:, 2]))]
    return {
        "n": len(table),
        "id": _column(table[:, 0], "i4" if table[:, 0].max(initial=0) < 2**31 else "f8"),
        "x": _column(table[:, 2], "f4"),
        "y": _column(table[:, 3], "f4"),
    }


def _column(values: npt.NDArray[np.float64], kind: str) -> dict[str, str]:
    """Return numbers in base 64, little-endian."""
    with np.errstate(over="ignore"):  # beyond 32 bits it is infinite, and not drawn
        raw = values.astype(f"<{kind}").tobytes()
    return {"dtype": kind, "bdata": base64.b64encode(raw).decode()}
