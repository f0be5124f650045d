"""Comparing trials by any objectives, of one study or of several: fronts that nobody has stored."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nas.archive.objectives import reference_losses
from nas.archive.rows import by_first_objective, trials_by_id
from nas.errors import ArchiveError
from nas.goals import Goal
from nas.study import Study
from nas.trial import Trial

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

MOST = 30
"""Objectives that can be compared at once: SQLite joins 64 tables."""


@dataclass(frozen=True)
class Volume:
    """What a front is worth: how much of the space of objectives it dominates.

    Args:
        value: dominated hypervolume, in the product of the objectives' units.
        share: of the box between the ideal and the reference, 0 to 1.
        reference: up to which it is taken, by metric, in the metric's own unit.
        ideal: the best value of each objective on the front; empty for an empty front.
    """

    value: float
    share: float
    reference: Mapping[str, float]
    ideal: Mapping[str, float]


@dataclass(frozen=True)
class Compared:
    """Trials that can be compared: complete, within the bounds, with a finite value of everything.

    Args:
        studies: whose trials they are.
        goals: what they are compared by.
        ids: ``(n,)`` of the trials, in the order of the studies and numbers.
        losses: ``(n, goals)``, lower is better.
        without: how many complete, feasible trials have no finite value, by metric.
        same: whether all of the studies evaluate in the same way.
    """

    studies: tuple[Study, ...]
    goals: tuple[Goal, ...]
    ids: Integers
    losses: Floats
    without: Mapping[str, int]
    same: bool

    @cached_property
    def front(self) -> list[int]:
        """Positions of those that no other dominates."""
        from nas.pareto import front

        return front(self.losses)

    @property
    def front_ids(self) -> list[int]:
        """Ids of the trials on the front."""
        return [int(id_) for id_ in self.ids[self.front]]

    @property
    def knees(self) -> list[int]:
        """Ids of the trials at the front's knee, see ``nas.pareto.knees``; there may be none."""
        from nas.pareto import knees

        on_front = self.front
        return [int(self.ids[on_front[i]]) for i in knees(self.losses[on_front].tolist())]

    def volume(self, reference: Mapping[str, float] | None = None) -> Volume:
        """Return what the front is worth; see ``volume_of``."""
        return volume_of(self.goals, self.losses[self.front], reference)

    def reference(self, named: Mapping[str, float] | None = None) -> tuple[float, ...]:
        """Return the losses of a reference; see ``volume_of``."""
        return _reference(self.goals, self.losses[self.front], named)


def volume_of(
    goals: Sequence[Goal], of_front: Floats, reference: Mapping[str, float] | None = None
) -> Volume:
    """Return what a front is worth.

    Args:
        goals: the objectives.
        of_front: ``(n, goals)`` losses of the points on the front.
        reference: a value of each objective, in its own unit; by default a tenth of the front's
            extent beyond its worst values.

    Raises:
        ArchiveError: the front is empty and there is no reference, or it is not of exactly these
            objectives.
    """
    import numpy as np

    from nas.pareto import hypervolume

    limits = _reference(goals, of_front, reference)
    value = hypervolume(of_front, limits)
    ideal = of_front.min(axis=0) if len(of_front) else np.empty(0)
    box = float(np.prod(np.asarray(limits) - ideal)) if value > 0 else 1.0
    own = in_own_units(goals, limits)
    return Volume(value, value / box, own, in_own_units(goals, ideal.tolist()))


def in_own_units(goals: Sequence[Goal], losses: Sequence[float]) -> dict[str, float]:
    """Return the values of losses, by metric."""
    # a loss is the value or minus it, so the same function leads back
    return {g.metric: g.loss(loss) for g, loss in zip(goals, losses, strict=False)}


def _reference(
    goals: Sequence[Goal], of_front: Floats, named: Mapping[str, float] | None
) -> tuple[float, ...]:
    from nas.pareto import reference_of

    if named is not None:
        return reference_losses(goals, named)
    if not len(of_front):
        raise ArchiveError("the front is empty, so there is no reference: name one")
    return tuple(reference_of(of_front).tolist())


def compared(
    connection: sqlite3.Connection,
    studies: Sequence[Study],
    goals: Sequence[Goal],
    only: Collection[int] | None = None,
) -> Compared:
    """Read the trials of some studies that can be compared.

    Args:
        connection: to an archive.
        studies: at least one.
        goals: the objectives.
        only: ids of those that count; None for all.

    Raises:
        ArchiveError: the studies are in different spaces, or values were measured in different
            ways, so that they cannot be compared.
    """
    import numpy as np

    _check_spaces(connection, studies)
    if len(goals) > MOST:
        raise ArchiveError(f"at most {MOST} objectives can be compared, not {len(goals)}")
    ids: list[int] = []
    values: list[tuple[float | None, ...]] = []
    protocols = _Protocols(goals)
    for study in studies:
        found = connection.execute(_sql(goals), _values(study, goals, only)).fetchall()
        ids += [row[0] for row in found]
        values += [row[1::2] for row in found]
        protocols.add(study, found)
    signs = [goal.loss(1.0) for goal in goals]
    table = np.array(values, dtype=np.float64).reshape(-1, len(goals))
    known = np.isfinite(table)
    able = known.all(axis=1) & _within(table, goals)
    without = {g.metric: int(n) for g, n in zip(goals, (~known).sum(axis=0), strict=True) if n}
    same = len({study.evaluation for study in studies}) == 1
    numbers = np.array(ids, dtype=np.int64)[able]
    return Compared(tuple(studies), tuple(goals), numbers, table[able] * signs, without, same)


def trials_on_front(connection: sqlite3.Connection, found: Compared) -> list[Trial]:
    """Return the trials on a front by first objective; their losses are in its objectives."""
    goals = {study.id: found.goals for study in found.studies}
    return by_first_objective(trials_by_id(connection, goals, found.front_ids))


def _sql(goals: Sequence[Goal]) -> str:
    columns = ", ".join(f"m{i}.value, m{i}.protocol" for i in range(len(goals)))
    joins = "\n".join(
        f"LEFT JOIN metrics AS m{i} ON m{i}.trial = trials.id AND m{i}.name = :name{i}"
        for i in range(len(goals))
    )
    return f"""SELECT trials.id, {columns} FROM trials {joins}
        WHERE trials.study = :study AND trials.status = 'complete' AND trials.violation = 0
        AND (:only IS NULL OR trials.id IN (SELECT value FROM json_each(:only)))
        ORDER BY trials.number"""


def _values(study: Study, goals: Sequence[Goal], only: Collection[int] | None) -> dict[str, Any]:
    names = {f"name{i}": goal.metric for i, goal in enumerate(goals)}
    wanted = None if only is None else json.dumps(sorted(only))
    return {"study": study.id, "only": wanted, **names}


def _within(table: Floats, goals: Sequence[Goal]) -> NDArray[np.bool_]:
    """Tell which rows are within the goals' bounds."""
    import numpy as np

    low = np.array([-np.inf if goal.low is None else goal.low for goal in goals])
    high = np.array([np.inf if goal.high is None else goal.high for goal in goals])
    return np.asarray(np.all((table >= low) & (table <= high), axis=1))


def _check_spaces(connection: sqlite3.Connection, studies: Sequence[Study]) -> None:
    sql = """SELECT spaces.name, spaces.parameters FROM studies
        JOIN spaces ON spaces.id = studies.space WHERE studies.id = ?"""
    spaces = [connection.execute(sql, (study.id,)).fetchone() for study in studies]
    for study, space in zip(studies, spaces, strict=True):
        if space != spaces[0]:
            raise ArchiveError(
                f"studies {studies[0].name!r} and {study.name!r} are in different spaces, "
                f"{_space(*spaces[0])} and {_space(*space)}: name studies of one space"
            )


def _space(name: str, parameters: str) -> str:
    return f"{name} {parameters}" if parameters != "{}" else name


class _Protocols:
    """Refuses to compare what was measured in different ways."""

    def __init__(self, goals: Sequence[Goal]) -> None:
        self._goals = goals
        self._first: dict[int, tuple[int, str]] = {}

    def add(self, study: Study, rows: Sequence[Sequence[Any]]) -> None:
        """Look at rows of ``_sql``."""
        for i, goal in enumerate(self._goals):
            for protocol in sorted({row[2 + 2 * i] for row in rows} - {None}):
                known, of = self._first.setdefault(i, (protocol, study.name))
                if known != protocol:
                    raise ArchiveError(
                        f"{goal.metric!r} was measured in different ways in study {of!r} and in "
                        f"{study.name!r} (table protocols, {known} and {protocol}), so its values "
                        "cannot be compared"
                    )
