"""Decisions of a search space, and what can be done with any list of them.

A decision has a finite, ordered tuple of values. It is active when each decision named in its
``when`` is active and set to one of the values given there; parents come earlier in the list.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import exp, isfinite
from math import log as ln

from nas.architecture import Value
from nas.counting import count_points
from nas.errors import SpaceError
from nas.seeds import Rng, below
from nas.suggest import did_you_mean, listed

When = Mapping[str, Collection[Value]]
_Conditions = list[tuple[str, frozenset[int]]]
"""A parent's name, and the positions of its values that activate a decision."""


@dataclass(frozen=True)
class Categorical:
    """One of several unordered values.

    Args:
        name: unique in its space.
        choices: the values, at least one, all different.
        when: active only if every named parent has one of the given values.
    """

    name: str
    choices: Sequence[Value]
    when: When = field(default_factory=dict)

    @cached_property
    def values(self) -> tuple[Value, ...]:
        """The values in order; a value's position is its integer encoding."""
        return tuple(self.choices)

    def adjacent(self, index: int) -> list[int]:
        """Return the positions one step away: all others, for there is no order."""
        return [i for i in range(len(self.values)) if i != index]


@dataclass(frozen=True)
class Integer:
    """An integer from ``low`` to ``high``, both included, in steps of ``step``."""

    name: str
    low: int
    high: int
    step: int = 1
    when: When = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.step < 1:
            raise SpaceError(f"decision {self.name!r}: step must be at least 1, not {self.step}")

    @cached_property
    def values(self) -> tuple[Value, ...]:
        """The values in order; a value's position is its integer encoding."""
        return tuple(range(self.low, self.high + 1, self.step))

    def adjacent(self, index: int) -> list[int]:
        """Return the positions one step away."""
        return [i for i in (index - 1, index + 1) if 0 <= i < len(self.values)]


@dataclass(frozen=True)
class Grid:
    """Numbers from ``low`` to ``high``, both included, in even steps: a range of real numbers.

    Values between the ends are rounded to 6 digits; if both ends are integers, to integers, and
    then there may be fewer.

    Args:
        name: unique in its space.
        low: the first value.
        high: the last value, above ``low``.
        points: how many values, at least 2.
        log: whether steps are even on a logarithmic scale; ``low`` is above 0 then.
        when: active only if every named parent has one of the given values.
    """

    name: str
    low: float
    high: float
    points: int = 32
    log: bool = False
    when: When = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (isfinite(self.low) and isfinite(self.high) and self.low < self.high):
            raise SpaceError(
                f"decision {self.name!r}: low must be below high, not {self.low} and {self.high}"
            )
        if self.points < 2:
            raise SpaceError(f"decision {self.name!r}: points must be at least 2: {self.points}")
        if self.log and self.low <= 0:
            raise SpaceError(
                f"decision {self.name!r}: low must be above 0 on a logarithmic scale: {self.low}"
            )

    @cached_property
    def values(self) -> tuple[Value, ...]:
        """The values in order; a value's position is its integer encoding."""
        whole = isinstance(self.low, int) and isinstance(self.high, int)
        between = (self._at(i / (self.points - 1)) for i in range(1, self.points - 1))
        rounded = (round(value) if whole else float(f"{value:.6g}") for value in between)
        return (self.low, *dict.fromkeys(v for v in rounded if self.low < v < self.high), self.high)

    def _at(self, share: float) -> float:
        """Return the number at a share of the way from low to high."""
        if self.log:
            return exp((1 - share) * ln(self.low) + share * ln(self.high))
        return (1 - share) * self.low + share * self.high

    def adjacent(self, index: int) -> list[int]:
        """Return the positions one step away."""
        return [i for i in (index - 1, index + 1) if 0 <= i < len(self.values)]


Decision = Categorical | Integer | Grid


def _is_plain(value: object) -> bool:
    """Tell whether JSON and SQLite hold it without loss."""
    return isinstance(value, bool | int | str) or (isinstance(value, float) and isfinite(value))


def _holds(when: _Conditions, point: Mapping[str, int]) -> bool:
    for parent, allowed in when:  # noqa: SIM110 - the hottest line of a search
        if point.get(parent, -1) not in allowed:
            return False
    return True


class DecisionTree:
    """An ordered list of decisions, checked once; points are ``{name: position}`` of the active.

    Raises:
        SpaceError: two decisions share a name, one has no value, a value twice or one that JSON
            cannot hold, or a condition names something that is no earlier decision or none of its
            values.
    """

    def __init__(self, decisions: Sequence[Decision]) -> None:
        self.decisions = tuple(decisions)
        self._index: dict[str, dict[Value, int]] = {}
        self._when: list[_Conditions] = []
        for decision in self.decisions:
            self._add(decision)
        self._drawn = [
            (d.name, len(d.values), w) for d, w in zip(self.decisions, self._when, strict=True)
        ]

    def _add(self, decision: Decision) -> None:
        if decision.name in self._index:
            raise SpaceError(f"two decisions are named {decision.name!r}")
        for value in decision.values:
            if not _is_plain(value):
                raise SpaceError(
                    f"decision {decision.name!r} cannot offer {value!r}: "
                    "a value is a bool, an integer, a finite float or a text"
                )
        index = {value: i for i, value in enumerate(decision.values)}
        if not index or len(index) < len(decision.values):
            raise SpaceError(
                f"decision {decision.name!r}: its values must be one or more, distinct"
            )
        conditions = []
        for parent, values in decision.when.items():
            known = self._index.get(parent)
            if known is None:
                raise SpaceError(
                    f"decision {decision.name!r} depends on {parent!r}, no earlier decision"
                )
            if isinstance(values, str) or not isinstance(values, Collection):
                raise SpaceError(
                    f"decision {decision.name!r}: the values of {parent!r} that activate it must "
                    f"be a list, such as {[values]}"
                )
            if not values or any(value not in known for value in values):
                raise SpaceError(
                    f"decision {decision.name!r}: {parent!r} is never one of {list(values)}"
                )
            conditions.append((parent, frozenset(known[value] for value in values)))
        self._index[decision.name] = index
        self._when.append(conditions)

    def active(self, position: int, point: Mapping[str, int]) -> bool:
        """Tell whether decision number ``position`` is active, given the earlier ones."""
        return _holds(self._when[position], point)

    def complete(self, wanted: Mapping[str, int], rng: Rng | None = None) -> dict[str, int]:
        """Keep what is active of ``wanted``; draw what is missing, or take its first value."""
        point: dict[str, int] = {}
        for name, count, when in self._drawn:
            if when and not _holds(when, point):
                continue
            index = wanted.get(name)
            if index is None:
                index = below(count, rng) if rng is not None else 0
            point[name] = index
        return point

    def read(self, values: Mapping[str, Value]) -> dict[str, int]:
        """Return the point that has exactly these values.

        Raises:
            SpaceError: a value, a missing or an inactive decision, with what would have worked.
        """
        point: dict[str, int] = {}
        for i, decision in enumerate(self.decisions):
            if not self.active(i, point):
                continue
            if decision.name not in values:
                raise SpaceError(f"decision {decision.name!r} is missing")
            value = values[decision.name]
            index = self._index[decision.name].get(value) if isinstance(value, Value) else None
            if index is None:
                shown = listed(map(repr, decision.values[:12]))
                raise SpaceError(
                    f"decision {decision.name!r} cannot be {value!r}; "
                    f"it is one of {shown}{', ...' if len(decision.values) > 12 else ''}"
                )
            point[decision.name] = index
        for name in values:
            if name not in point:
                why = "is not active here" if name in self._index else "is no decision"
                hint = "" if name in self._index else did_you_mean(name, self._index)
                raise SpaceError(f"{name!r} {why}.{hint}")
        return point

    def points(self) -> Iterator[dict[str, int]]:
        """Yield every point once, in lexicographic order, without keeping any."""
        yield from self._points_from(0, {})

    def _points_from(self, i: int, point: dict[str, int]) -> Iterator[dict[str, int]]:
        if i == len(self.decisions):
            yield dict(point)
        elif not self.active(i, point):
            yield from self._points_from(i + 1, point)
        else:
            name = self.decisions[i].name
            for index in range(len(self.decisions[i].values)):
                point[name] = index
                yield from self._points_from(i + 1, point)
            del point[name]

    @cached_property
    def size(self) -> int:
        """The exact number of points, however large."""
        number = {decision.name: i for i, decision in enumerate(self.decisions)}
        return count_points(
            [len(decision.values) for decision in self.decisions],
            [{number[parent]: allowed for parent, allowed in when} for when in self._when],
        )

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """Where each decision's columns start in a one-hot row; the last is the row's length."""
        lengths = (len(decision.values) for decision in self.decisions)
        return tuple(itertools.accumulate(lengths, initial=0))
