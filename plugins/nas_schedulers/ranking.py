"""Which of the trials on a rung are the best."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Set
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.abstract.scheduler import Course, Level
from nas_schedulers.criterion import Criterion

Floats = NDArray[np.float64]


class Entry(NamedTuple):
    """What one trial had achieved on a rung: ``losses`` is ``(objectives,)``."""

    number: int
    losses: Floats
    violation: float


class Place(NamedTuple):
    """Where a trial stands on a rung.

    Args:
        ahead: how many others are better.
        ties: how many others are exactly as good.
        words: the same for people.
    """

    ahead: int
    ties: int
    words: str


class Ranking(ABC):
    """An order of trials on a rung. One without a finite loss comes after all others, uncounted."""

    @abstractmethod
    def finite(self, reached: Level, entry: Entry) -> bool:
        """Tell whether a trial's losses can be compared with those of others on its rung."""

    @abstractmethod
    def best(self, reached: Level, count: int) -> list[int]:
        """Return the numbers of the best, the best one first; of equals, the lower number."""

    def first(self, reached: Level, count: int, among: Set[int]) -> tuple[int, int] | None:
        """Return rank, from 1, and number of the first of ``among`` in ``best``, if any."""
        ranked = enumerate(self.best(reached, count), 1)
        return next(((rank, number) for rank, number in ranked if number in among), None)

    @abstractmethod
    def place(self, reached: Level, entry: Entry, go_on: int) -> Place:
        """Return how many are better than a finite trial, which is not among ``reached``.

        Args:
            reached: the others.
            entry: the trial.
            go_on: how many are to go on; that the count is below it or not is certain, the rest of
                the count may be a bound.
        """

    @abstractmethod
    def words(self, entry: Entry) -> str:
        """Return what a trial has achieved, for people."""


@dataclass(frozen=True)
class ByLoss(Ranking):
    """Feasible before infeasible, less violation before more, then the lower loss."""

    criterion: Criterion

    def finite(self, reached: Level, entry: Entry) -> bool:
        """Tell whether its loss is finite."""
        return bool(np.isfinite(entry.losses[self.criterion.column]))

    def best(self, reached: Level, count: int) -> list[int]:
        """Return the numbers of the best."""
        losses = reached.losses[:, self.criterion.column]
        kept = np.flatnonzero(np.isfinite(losses))
        order = np.lexsort((reached.numbers[kept], losses[kept], reached.violations[kept]))
        return [int(number) for number in reached.numbers[kept[order[:count]]]]

    def place(self, reached: Level, entry: Entry, go_on: int) -> Place:
        """Return how many are strictly better, exactly."""
        losses = reached.losses[:, self.criterion.column]
        lower = losses < entry.losses[self.criterion.column]
        as_feasible = reached.violations == entry.violation
        better = (reached.violations < entry.violation) | (lower & as_feasible)
        ahead = int(np.count_nonzero(better & np.isfinite(losses)))
        ties = int(np.count_nonzero((losses == entry.losses[self.criterion.column]) & as_feasible))
        return Place(ahead, ties, f"{ordinal(ahead + 1)} of {len(losses) + 1}")

    def words(self, entry: Entry) -> str:
        """Return the loss and by how much bounds are broken."""
        return self.criterion.words(entry.losses[self.criterion.column]) + broken(entry)


def entry_at(course: Course, rung: int) -> Entry:
    """Return what a trial that has come to a rung had achieved there."""
    index = course.index_at(rung)
    if index is None:
        raise ValueError(f"trial {course.number} is at step {course.step}, below rung {rung}")
    return Entry(course.number, course.losses[index], float(course.violations[index]))


def entry_of(reached: Level, number: int) -> Entry:
    """Return what one of the trials on a rung had achieved there."""
    position = int(np.flatnonzero(reached.numbers == number)[0])
    return Entry(number, reached.losses[position], float(reached.violations[position]))


def joined(reached: Level, entry: Entry) -> Level:
    """Return a rung with one more trial on it."""
    return Level(
        np.append(reached.numbers, entry.number),
        np.vstack([reached.losses, entry.losses]),
        np.append(reached.violations, entry.violation),
    )


def only(reached: Level, mask: NDArray[np.bool_]) -> Level:
    """Return those of a rung that a mask of ``(trials,)`` selects."""
    return Level(reached.numbers[mask], reached.losses[mask], reached.violations[mask])


def broken(entry: Entry) -> str:
    """Say by how much a trial breaks its bounds, if it does."""
    return f" (bounds broken by {entry.violation:.2g})" if entry.violation > 0 else ""


def ordinal(number: int) -> str:
    """Return ``1st``, ``2nd``, ``11th`` and so on."""
    teens = number % 100 in (11, 12, 13)
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def going_on(count: int, of: int | None = None) -> str:
    """Say how many go on, of how many if that is not plain yet."""
    among = f" of {of}" if of is not None else ""
    if count == 0:
        return "too few for one to go on"
    return f"the best {count}{among} go on" if count > 1 else f"the best one{among} goes on"
