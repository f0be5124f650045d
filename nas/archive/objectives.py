"""What trials are compared by: objectives of their studies, or any other metric there is."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from nas.errors import ArchiveError
from nas.goals import Direction, Goal
from nas.study import Study
from nas.suggest import did_you_mean, listed

if TYPE_CHECKING:
    from nas.plugins import Plugins

DIRECTIONS: Mapping[str, Direction] = {
    "min": "minimize",
    "minimize": "minimize",
    "max": "maximize",
    "maximize": "maximize",
}


_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def common_goals(studies: Sequence[Study]) -> tuple[Goal, ...]:
    """Return the objectives of all of some studies; bounds only where they share them.

    Raises:
        ArchiveError: two of them have other objectives, with both named.
    """
    first = studies[0]
    wanted = [(goal.metric, goal.direction) for goal in first.goals]
    for other in studies[1:]:
        if [(goal.metric, goal.direction) for goal in other.goals] != wanted:
            raise ArchiveError(
                f"studies {first.name!r} ({_words(first.goals)}) and {other.name!r} "
                f"({_words(other.goals)}) have other objectives: name those to compare them by, "
                f"such as {','.join(goal.metric for goal in first.goals)}"
            )
    shared = all(study.goals == first.goals for study in studies)
    return first.goals if shared else tuple(map(_unbounded, first.goals))


def goals_of(
    objectives: Sequence[str | Goal],
    studies: Sequence[Study],
    others: Iterable[Study],
    metrics: Sequence[str],
    offered: Callable[[], Mapping[str, Goal]],
) -> tuple[Goal, ...]:
    """Return the objectives that somebody names.

    Args:
        objectives: names of metrics, or ``name:min`` and ``name:max``, or whole goals.
        studies: what is compared; their directions and units count first.
        others: further studies that may know a metric.
        metrics: all that have a name in the archive.
        offered: returns the objectives that plugins offer, by metric.

    Raises:
        ArchiveError: no such metric, with the nearest, or nobody knows which way it is better.
    """
    if not objectives:
        raise ArchiveError(f"no objective is named; metrics: {listed(metrics)}")
    found: list[Goal] = []
    for wanted in objectives:
        if isinstance(wanted, Goal):
            name, direction = wanted.metric, None
        else:
            name, direction = _parsed(wanted, metrics)
        if name not in metrics:
            hint = did_you_mean(name, metrics)
            raise ArchiveError(f"no trial has a metric {name!r}.{hint} Metrics: {listed(metrics)}.")
        if name in {other.metric for other in found}:
            raise ArchiveError(f"objective {name!r} is named twice")
        if isinstance(wanted, Goal):
            found.append(wanted)
        else:
            found.append(_known(name, direction, studies, others, offered))
    return tuple(found)


def offered_goals(plugins: Plugins | None) -> dict[str, Goal]:
    """Return the objectives that plugins offer without parameters, by metric."""
    from nas.abstract.objective import Objective
    from nas.plugins import Plugins

    found: dict[str, Goal] = {}
    for item in (plugins or Plugins()).registry("objective"):
        needs = inspect.signature(item.component.build).parameters.values()
        if any(p.default is p.empty and p.kind not in _VARIADIC for p in needs):
            continue
        built = item.component.build()
        if isinstance(built, Objective):
            goal = Goal(built.metric, built.direction, built.unit)
            found.setdefault(built.metric, goal)
    return found


def reference_losses(goals: Sequence[Goal], reference: Mapping[str, float]) -> tuple[float, ...]:
    """Return the losses of a reference that is given by metric, in its own unit.

    Raises:
        ArchiveError: it is not of exactly these objectives.
    """
    names = [goal.metric for goal in goals]
    if missing := [name for name in names if name not in reference]:
        raise ArchiveError(
            f"the reference has no {', '.join(map(repr, missing))}: it needs a value of each "
            f"objective ({', '.join(names)})"
        )
    if unknown := [name for name in reference if name not in names]:
        hint = did_you_mean(unknown[0], names)
        raise ArchiveError(
            f"the reference has {unknown[0]!r}, which is no objective here.{hint} "
            f"Objectives: {', '.join(names)}."
        )
    return tuple(goal.loss(float(reference[goal.metric])) for goal in goals)


def _parsed(text: str, metrics: Sequence[str]) -> tuple[str, Direction | None]:
    name, separator, ending = text.strip().rpartition(":")
    if not separator or text.strip() in metrics:
        return text.strip(), None
    if ending in DIRECTIONS:
        return name, DIRECTIONS[ending]
    hint = did_you_mean(ending, DIRECTIONS)
    raise ArchiveError(f"objective {text!r}: write {name}:min or {name}:max.{hint}")


def _known(
    name: str,
    direction: Direction | None,
    studies: Sequence[Study],
    others: Iterable[Study],
    offered: Callable[[], Mapping[str, Goal]],
) -> Goal:
    """Return the goal of a metric as the first knows it: these studies, others, plugins."""
    own = {goal.direction: goal for s in studies for goal in s.goals if goal.metric == name}
    if direction is None and len(own) > 1:
        raise ArchiveError(
            f"these studies do not agree which way {name!r} is better: write {name}:min or "
            f"{name}:max"
        )
    of_others = (goal for study in others for goal in study.goals if goal.metric == name)
    goal = next(iter(own.values()), None) or next(of_others, None)
    if direction is None:
        goal = goal or offered().get(name)
        if goal is None:
            raise ArchiveError(
                f"no study here has the objective {name!r}, and no plugin offers it, so nobody "
                f"knows which way it is better: write {name}:min or {name}:max"
            )
        direction = goal.direction
    if goal is None:
        return Goal(name, direction)
    alone = len(studies) == 1 and goal in studies[0].goals and goal.direction == direction
    return goal if alone else replace(_unbounded(goal), direction=direction)


def _unbounded(goal: Goal) -> Goal:
    return replace(goal, low=None, high=None)


def _words(goals: Sequence[Goal]) -> str:
    return ", ".join(f"{goal.metric}:{goal.direction[:3]}" for goal in goals)
