"""Successive halving on whatever trials have reached a rung, without waiting for others."""

from __future__ import annotations

from abc import abstractmethod
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas import checks
from nas.abstract.scheduler import (
    Contest,
    Course,
    Decision,
    Level,
    Peers,
    Promotion,
    Scheduler,
    Standing,
    Verdict,
    geometric_levels,
)
from nas.errors import ConfigError
from nas_schedulers.brackets import above, beginners, interleaved, kept
from nas_schedulers.ranking import (
    Ranking,
    entry_at,
    entry_of,
    going_on,
    only,
    ordinal,
)
from nas_schedulers.started import started

STOPPING, PROMOTION = "stopping", "promotion"


class _Plan(NamedTuple):
    """What follows from parameters and contest."""

    ranking: Ranking
    rungs: tuple[int, ...]
    turns: NDArray[np.int64]
    """Brackets, in the order in which they are given to trials, over and over."""
    budget: int


@dataclass(eq=False)
class SuccessiveHalving(Scheduler):
    """Asynchronous successive halving; which trials are better is the subclass's to say.

    Rungs are at ``grace``, ``grace * factor``, ``grace * factor**2`` ... units of budget. Of ``n``
    trials that have reached a rung, the best ``n / factor``, rounded down, go on:

    - ``type = "promotion"``, as in the paper: a trial pauses on each rung unless it is among the
      best there, and a free worker takes the best paused one that has come to be among them,
      highest rung first. With fewer than ``factor`` trials on a rung none goes on.
    - ``type = "stopping"``, as in Ray Tune and Syne Tune: a trial that is not among the best of
      those that came before it, and itself, ends. With fewer than ``factor`` on the rung the best
      so far goes on, so the first trial always runs to its end. Ties go on.

    A loss that is NaN or infinite ends a trial on its next rung.

    Args:
        type: ``stopping`` or ``promotion``; promotion needs an evaluator that can go on later.
        factor: one in so many goes on, above 1; eta in the paper.
        grace: the first rung, in units of budget.
        brackets: with ``b`` brackets, trials begin in turn on the first, second, ... ``b``-th rung
            and compare with those of their bracket only, in Hyperband's shares.
    """

    type: str = STOPPING
    factor: float = 3
    grace: int = 1
    brackets: int = 1
    _plan: _Plan | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        checks.one_of("type", self.type, [STOPPING, PROMOTION])
        above("factor", self.factor, 1)
        checks.whole("grace", self.grace, 1)
        checks.whole("brackets", self.brackets, 1)

    @abstractmethod
    def ranking(self, contest: Contest) -> Ranking:
        """Return the order of trials. Raises ``ConfigError`` if the study does not allow it."""

    @property
    def pauses(self) -> bool:
        """Whether trials pause on rungs."""
        return self.type == PROMOTION

    def start(self, contest: Contest) -> None:
        """Lay the rungs. Raises ``ConfigError`` if there is none below the budget."""
        rungs = geometric_levels(self.grace, self.factor, contest.budget)
        if not rungs:
            raise ConfigError(
                f"grace must be below the budget of a trial, which is {contest.budget}, "
                f"not {self.grace}"
            )
        if self.brackets > len(rungs):
            raise ConfigError(
                f"brackets must be at most {len(rungs)}, the number of rungs "
                f"({', '.join(map(str, rungs))}), not {self.brackets}"
            )
        most = len(rungs)
        counts = [beginners(most - b, most, self.factor) for b in range(self.brackets)]
        turns = np.array(interleaved(counts) if self.brackets > 1 else (0,), dtype=np.int64)
        self._plan = _Plan(self.ranking(contest), rungs, turns, contest.budget)

    def levels(self) -> Sequence[int]:
        """Return the rungs."""
        return started(self._plan).rungs

    def judge(self, course: Course, peers: Peers) -> Decision:
        """Let a trial go on, pause or stop by its place on the rung."""
        ranking = started(self._plan).ranking
        bracket = self._bracket(course.number)
        rung = self._rung(course, bracket)
        if rung is None:
            return Decision(Verdict.CONTINUE, f"no rung{self._of(bracket)} at step {course.step}")
        entry = entry_at(course, rung)
        reached = self._entrants(peers.at(rung), bracket)
        where = f"rung {rung}{self._of(bracket)}: {ranking.words(entry)}"
        if not ranking.finite(reached, entry):
            return Decision(Verdict.STOP, where)
        go_on = kept(len(reached.numbers) + 1, self.factor)
        if not self.pauses:
            go_on = max(1, go_on)
        place = ranking.place(reached, entry, go_on)
        # What pauses may be promoted later, so of equals only the first go on at once.
        ahead = place.ahead + place.ties if self.pauses else place.ahead
        loser = Verdict.PAUSE if self.pauses else Verdict.STOP
        verdict = Verdict.CONTINUE if ahead < go_on else loser
        return Decision(verdict, f"{where} is {place.words}, {going_on(go_on)}")

    def promote(self, peers: Peers) -> Promotion | None:
        """Return the best paused trial of the highest rung on which one is among the best."""
        if not self.pauses:
            return None
        plan = started(self._plan)
        waiting: list[set[int]] = [set() for _ in range(len(plan.rungs) + 1)]  # the last: below all
        paused = Standing.PAUSED
        for course in peers.courses:
            if course.standing is paused:
                waiting[bisect_right(plan.rungs, course.step) - 1].add(course.number)
        for position in reversed(range(len(plan.rungs))):
            for bracket in range(min(self.brackets, position + 1) if waiting[position] else 0):
                promotion = self._promotion(position, bracket, waiting[position], peers)
                if promotion is not None:
                    return promotion
        return None

    def _promotion(
        self, position: int, bracket: int, waiting: set[int], peers: Peers
    ) -> Promotion | None:
        """Return the best of those that wait on a rung, if it is among the best there."""
        ranking, rungs, _, _ = started(self._plan)
        reached = self._entrants(peers.at(rungs[position]), bracket)
        go_on = kept(len(reached.numbers), self.factor)
        found = ranking.first(reached, go_on, waiting) if go_on else None
        if found is None:
            return None
        rank, number = found
        words = ranking.words(entry_of(reached, number))
        return Promotion(
            number,
            f"rung {rungs[position]}{self._of(bracket)}: {words} is {ordinal(rank)} of "
            f"{len(reached.numbers)}, {going_on(go_on)}",
        )

    def _bracket(self, number: int) -> int:
        if self.brackets == 1:
            return 0
        turns = started(self._plan).turns
        return int(turns[number % len(turns)])

    def _rung(self, course: Course, bracket: int) -> int | None:
        """Return the rung that a trial stands on, or stood on last; None below the first."""
        plan = started(self._plan)
        rungs = plan.rungs[bracket:]
        position = bisect_right(rungs, course.step)
        return rungs[position - 1] if position and course.step < plan.budget else None

    def _entrants(self, reached: Level, bracket: int) -> Level:
        """Return the trials of a bracket only."""
        turns = started(self._plan).turns
        if self.brackets == 1:
            return reached
        return only(reached, turns[reached.numbers % len(turns)] == bracket)

    def _of(self, bracket: int) -> str:
        return f" of bracket {bracket + 1}" if self.brackets > 1 else ""
