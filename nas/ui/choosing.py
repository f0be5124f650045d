"""Which trials of a study a page shows, by which axes: read from its address."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nas.study import Study
from nas.ui.reading import Pages

SHOW = {
    "all": ("all trials", "TRUE"),
    "complete": ("complete", "trials.status = 'complete'"),
    "feasible": ("within the bounds", "trials.status = 'complete' AND trials.violation = 0"),
    "front": ("on the front", "front.trial IS NOT NULL"),
    "outside": (
        "outside a bound",
        "(trials.status = 'infeasible' OR (trials.status = 'complete' AND trials.violation > 0))",
    ),
    "short": ("stopped or paused", "trials.status IN ('stopped', 'paused')"),
    "failed": ("failed", "trials.status = 'failed'"),
}
"""What can be shown: in words, and in SQL."""

COLUMNS = {
    "number": ("trial number", ""),
    "seconds": ("seconds", "s"),
    "budget": ("budget", ""),
    "choosing": ("seconds to choose it", "s"),
}
"""Axes that are no metrics: in words, and their unit."""

FROM = "FROM trials LEFT JOIN front ON front.trial = trials.id"


@dataclass(frozen=True)
class Axis:
    """What a plot shows along one of its axes, or a table is ordered by.

    Args:
        key: in an address: ``metric:error`` or ``trial:seconds``.
        label: in words.
        unit: if it is known.
        better: ``lower``, ``higher``, or empty where neither is.
    """

    key: str
    label: str
    unit: str = ""
    better: str = ""

    @property
    def title(self) -> str:
        """What stands at the axis: name, unit and direction."""
        arrow = {"lower": " ↓", "higher": " ↑", "": ""}[self.better]
        return f"{self.label}{arrow}{f' ({self.unit})' if self.unit else ''}"

    def joined(self, alias: str) -> tuple[str, str, list[str]]:
        """Return a JOIN, the value's SQL, and what the JOIN is given."""
        kind, _, name = self.key.partition(":")
        if kind == "trial":
            return "", f"trials.{name}", []
        join = f"LEFT JOIN metrics AS {alias} ON {alias}.trial = trials.id AND {alias}.name = ?"
        return join, f"{alias}.value", [name]


def axes_of(archive: Pages, study: Study) -> dict[str, Axis]:
    """Return what a study's plot can have as axes, by key."""
    goals = {goal.metric: goal for goal in study.goals}
    axes = []
    for name in archive.metrics(study):
        goal = goals.get(name)
        better = "" if goal is None else "lower" if goal.direction == "minimize" else "higher"
        axes.append(Axis(f"metric:{name}", name, goal.unit if goal else "", better))
    axes += [Axis(f"trial:{key}", words, unit) for key, (words, unit) in COLUMNS.items()]
    return {axis.key: axis for axis in axes}


@dataclass(frozen=True)
class Choice:
    """What somebody wants to see of a study; ``wrong`` says what of it was not understood."""

    x: Axis
    y: Axis
    show: str = "all"
    where: str = ""
    order: str = "front"
    page: int = 1
    logx: bool = False
    logy: bool = False
    wrong: str = ""

    def asked(self, **other: Any) -> dict[str, Any]:
        """Return it as an address has it, without what everybody begins with."""
        log = {name: "1" for name, on in (("logx", self.logx), ("logy", self.logy)) if on}
        values = {"x": self.x.key, "y": self.y.key, "where": self.where, **log}
        values |= {"show": self.show} if self.show != "all" else {}
        values |= {"order": self.order} if self.order != "front" else {}
        return {**values, **other}


def choice_of(study: Study, axes: Mapping[str, Axis], asked: Mapping[str, str]) -> Choice:
    """Read an address; what it names and is not there is replaced by what everybody begins with."""
    wrong = []

    def pick(name: str, known: Mapping[str, Any], default: str) -> str:
        value = asked.get(name) or default
        if value not in known:
            wrong.append(f"there is no {name} {value!r}")
            return default
        return value

    up, across = ([f"metric:{goal.metric}" for goal in study.goals] + ["trial:number"])[:2]
    page = asked.get("page", "1")
    return Choice(
        x=axes[pick("x", axes, across)],
        y=axes[pick("y", axes, up)],
        show=pick("show", SHOW, "all"),
        where=asked.get("where", "").strip(),
        order=pick("order", {"front": 0, "latest": 0, **axes}, "front"),
        page=max(1, min(int(page), 10**9)) if page.isdecimal() and len(page) < 10 else 1,
        logx=asked.get("logx") == "1",
        logy=asked.get("logy") == "1",
        wrong="; ".join(wrong),
    )


def condition(archive: Pages, study: Study, choice: Choice) -> tuple[str, list[Any]]:
    """Return what the trials have in common, in SQL, and its values.

    Raises:
        ArchiveError: the filter is no expression over the columns of ``trials_wide``.
    """
    sql, values = f"trials.study = ? AND {SHOW[choice.show][1]}", [study.id]
    if choice.where:
        ids = json.dumps(archive.matching(study, choice.where))
        return f"{sql} AND trials.id IN (SELECT value FROM json_each(?))", [*values, ids]
    return sql, list(values)


def ids_of(
    archive: Pages, study: Study, axes: Mapping[str, Axis], choice: Choice, most: int
) -> tuple[list[int], int]:
    """Return the trials of one page of the table, and how many there are in all."""
    sql, values = condition(archive, study, choice)
    join, order = "", "front.trial IS NULL, trials.number"
    names: list[str] = []
    if choice.order == "latest":
        order = "trials.number DESC"
    elif choice.order != "front":
        axis = axes[choice.order]
        join, value, names = axis.joined("ordering")
        way = "DESC" if axis.better == "higher" else "ASC"
        order = f"{value} IS NULL, {value} {way}, trials.number"
    with archive.asking() as connection:
        (total,) = connection.execute(f"SELECT count(*) {FROM} WHERE {sql}", values).fetchone()
        first = most * (min(choice.page, max(1, -(-total // most))) - 1)
        found = connection.execute(
            f"SELECT trials.id {FROM} {join} WHERE {sql} ORDER BY {order} LIMIT ? OFFSET ?",
            [*names, *values, most, first],
        )
        return [id_ for (id_,) in found], total
