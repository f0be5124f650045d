"""Schedulers: stop, pause or promote trials by their learning curves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.abstract.use import Use
from nas.goals import Goal


class Verdict(StrEnum):
    """What becomes of a trial that has reached a level."""

    CONTINUE = "continue"
    STOP = "stop"
    """It ends here, for good."""
    PAUSE = "pause"
    """It makes room for others; ``Scheduler.promote`` may let it go on, on any worker."""


class Standing(StrEnum):
    """Where a trial stands, as far as a decision knows."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    COMPLETE = "complete"
    FAILED = "failed"


@dataclass(frozen=True)
class Decision:
    """A verdict and why, in words with the numbers that led to it; it is archived."""

    verdict: Verdict
    reason: str


@dataclass(frozen=True)
class Promotion:
    """A paused trial that goes on.

    Args:
        number: of the trial.
        reason: why, in words; it is archived.
        until: step at which it pauses again at the latest; None lets the levels decide.
    """

    number: int
    reason: str
    until: int | None = None


@dataclass(frozen=True)
class Contest:
    """What a scheduler works on.

    Args:
        goals: the objectives in order; losses have the same order.
        budget: of a complete trial, in the evaluator's unit (epochs).
        seed: for whatever a scheduler draws.
    """

    goals: tuple[Goal, ...]
    budget: int
    seed: int = 0


@dataclass(frozen=True)
class Course:
    """One trial, as far as a decision knows it.

    Args:
        number: of the trial; lower ones began earlier.
        steps: units of budget after which it has reported, increasing.
        losses: ``(reports, objectives)``, lower is better; NaN for an objective that has no value
            yet.
        violations: ``(reports,)`` sums of relative bound violations; 0 is feasible.
        standing: whether it runs, is paused or has ended.
    """

    number: int
    steps: tuple[int, ...]
    losses: NDArray[np.float64]
    violations: NDArray[np.float64]
    standing: Standing = Standing.RUNNING

    @property
    def step(self) -> int:
        """The last step that it has reported; 0 before the first."""
        return self.steps[-1] if self.steps else 0

    def index_at(self, level: int) -> int | None:
        """Return the position of the first report at or after ``level``; None before that."""
        index = bisect_left(self.steps, level)
        return index if index < len(self.steps) else None

    @cached_property
    def best(self) -> NDArray[np.float64]:
        """``(objectives,)``: the lowest loss so far in each; NaN before the first report."""
        if not self.steps:
            return np.full(self.losses.shape[1:], np.nan)
        return np.asarray(np.fmin.reduce(self.losses, axis=0))


@dataclass(frozen=True)
class Level:
    """What trials had achieved at one level.

    Args:
        numbers: ``(trials,)``, increasing.
        losses: ``(trials, objectives)`` at the first report at or after the level.
        violations: ``(trials,)``.
    """

    numbers: NDArray[np.int64]
    losses: NDArray[np.float64]
    violations: NDArray[np.float64]


class Peers:
    """The trials that a decision may compare with, by number; its own trial is not among them.

    Args:
        courses: what is known of each.
        objectives: how many there are.
        at_start: each as it was when the trial began; None if they were as they are now.
    """

    def __init__(
        self,
        courses: Iterable[Course],
        objectives: int,
        at_start: Iterable[Course] | None = None,
    ) -> None:
        self._courses = tuple(courses)
        self._objectives = objectives
        self._at_start = self._courses if at_start is None else tuple(at_start)

    @property
    def courses(self) -> Sequence[Course]:
        """What is known of each.

        Whoever asks for it waits for what slower trials have yet to report. ``at``, ``course_to``
        and ``complete`` cost less and seldom wait, ``at_start`` never.
        """
        return self._courses

    @property
    def at_start(self) -> Sequence[Course]:
        """Each as it was when the latest run of the trial that is decided on began.

        Where none is decided on, as in ``promote``, each as it is now.
        """
        return self._at_start

    def at(self, level: int) -> Level:
        """Return what all that have reached a level had achieved there."""
        there = [(c, i) for c in self.courses if (i := c.index_at(level)) is not None]
        losses = np.array([c.losses[i] for c, i in there], dtype=np.float64)
        return Level(
            np.array([c.number for c, _ in there], dtype=np.int64),
            losses.reshape(len(there), self._objectives),
            np.array([c.violations[i] for c, i in there], dtype=np.float64),
        )

    def course_to(self, number: int, level: int) -> Course:
        """Return one of the trials of ``at(level)``, up to its first report at or after the level.

        Raises:
            KeyError: the trial has not come as far, as far as a decision knows.
        """
        numbers = self.at(level).numbers
        place = int(np.searchsorted(numbers, number))
        if place == len(numbers) or numbers[place] != number:
            raise KeyError(f"trial {number} has not reached step {level}")
        return self._course_to(number, level)

    def _course_to(self, number: int, level: int) -> Course:
        course = self.courses[bisect_left(self.courses, number, key=lambda course: course.number)]
        count = bisect_left(course.steps, level) + 1
        curve = course.losses[:count], course.violations[:count]
        return Course(number, course.steps[:count], *curve)

    @cached_property
    def complete(self) -> Level:
        """The results of complete trials."""
        ended = [c for c in self.courses if c.standing is Standing.COMPLETE and c.steps]
        losses = np.array([c.losses[-1] for c in ended], dtype=np.float64)
        return Level(
            np.array([c.number for c in ended], dtype=np.int64),
            losses.reshape(len(ended), self._objectives),
            np.array([c.violations[-1] for c in ended], dtype=np.float64),
        )


class Scheduler(ABC):
    """Decides how much of its budget a trial is given.

    ``start`` comes first, once. A decision follows from its arguments alone: it depends on no
    earlier call, no clock and no global state (what it keeps is a memory of what it has computed).
    The engine asks in whatever order trials report, and what ``peers`` knows is settled by trial
    numbers and steps in ``order = "number"``, by what has been reported in ``"completion"``.

    Attributes:
        used: the components of ``uses``, built, in that order. Who builds a scheduler sets it.
    """

    used: Sequence[Any] = ()

    @property
    def uses(self) -> Sequence[Use]:
        """Components that it works with; a config names them among its parameters."""
        return ()

    @property
    def pauses(self) -> bool:
        """Whether it may pause trials; the evaluator must be able to go on with them then."""
        return False

    def decides_by(self, goals: Sequence[Goal]) -> Sequence[str]:
        """Return the metrics that it needs at its levels; by default those of all objectives.

        An evaluator that does not report one of them in training is an error.
        """
        return [goal.metric for goal in goals]

    @abstractmethod
    def start(self, contest: Contest) -> None:
        """Begin a study; forget any earlier one. Raises ``ConfigError`` on one it cannot do."""

    @abstractmethod
    def levels(self) -> Sequence[int]:
        """Return the steps at which it wants to decide, increasing, below the full budget."""

    @abstractmethod
    def judge(self, course: Course, peers: Peers) -> Decision:
        """Decide on a running trial whose last report is the first at or after a level."""

    def promote(self, peers: Peers) -> Promotion | None:
        """Return the paused trial that should have the next free worker, or None for a new one."""
        return None


def geometric_levels(first: int, factor: float, budget: int) -> tuple[int, ...]:
    """Return ``first``, ``first * factor``, ... rounded, without repeats, below ``budget``."""
    found: list[int] = []
    exact = float(first)
    while (step := round(exact)) < budget:
        if not found or step > found[-1]:
            found.append(step)
        exact *= factor
    return tuple(found)
