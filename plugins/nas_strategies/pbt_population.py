"""The population of population based training: its members, and which of them are the best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from nas.abstract.scheduler import Standing
from nas.goals import Goal, losses, violation
from nas.trial import CurvePoint, Status, Trial
from nas_strategies.reports import metrics_at
from nas_strategies.selection import Standing as Rank
from nas_strategies.selection import standings


@dataclass(eq=False)
class Member:
    """A place in a population; its trial changes when another one takes over.

    Args:
        trial: number of the trial that has it; None if there is none.
        standing: of that trial; ``FAILED`` without one.
        step: at which it paused last, or up to which it has inherited.
        since: up to which it has inherited; results up to there are of who had the place before.
        results: what was achieved in this place, as complete trials whose ``budget`` is the step.
    """

    trial: int | None = None
    standing: Standing = Standing.FAILED
    step: int = 0
    since: int = 0
    results: list[Trial] = field(default_factory=list)

    def begin(self, trial: int, since: int) -> None:
        """Let a trial take the place, with what another one has left at step ``since``."""
        self.trial, self.standing = trial, Standing.RUNNING
        self.step = self.since = since

    def told(self, trial: Trial, goals: Sequence[Goal]) -> None:
        """Take note of how a run of the trial has ended."""
        since = self.step
        if trial.status is Status.PAUSED:
            self.standing, self.step = Standing.PAUSED, trial.curve[-1].step
        elif trial.status is Status.COMPLETE:
            self.standing = Standing.COMPLETE
        else:
            self.standing, self.trial = Standing.FAILED, None
        for point in trial.curve:
            if point.step > since:
                self.results.append(_result(trial, point, goals))

    def at(self, step: int, interval: int) -> Trial | None:
        """Return the last result of the interval that ends at a step; None without one."""
        past = (r for r in reversed(self.results) if step - interval < (r.budget or 0) <= step)
        return next(past, None)


def _result(trial: Trial, point: CurvePoint, goals: Sequence[Goal]) -> Trial:
    known = metrics_at(trial, point, goals, "pbt")
    worth = losses(goals, known), violation(goals, known)
    return Trial(trial.number, trial.architecture, Status.COMPLETE, *worth, budget=point.step)


class Turn(NamedTuple):
    """What is next in a population.

    Args:
        member: whose turn it is.
        donors: one of them is copied; none if the member goes on, or begins anew.
        words: where the member stands.
    """

    member: Member
    donors: Sequence[Member] = ()
    words: str = ""


@dataclass(eq=False)
class Population:
    """Members that are trained side by side.

    They are compared at the same step, so nobody is ahead for having been trained longer. Of ``n``
    that have come there, ``ceil(n * quantile)`` are the best, and so many the worst, at most half
    of them.

    Args:
        size: how many members.
        interval: units of budget between two pauses.
        quantile: share that is replaced.
        goals: the objectives in order.
    """

    size: int
    interval: int
    quantile: float
    goals: Sequence[Goal]
    members: Sequence[Member] = field(init=False)

    def __post_init__(self) -> None:
        self.members = [Member() for _ in range(self.size)]

    @property
    def over(self) -> bool:
        """Whether all members are complete."""
        return all(member.standing is Standing.COMPLETE for member in self.members)

    @property
    def vacancy(self) -> Member | None:
        """The first place without a trial, if any."""
        return next((member for member in self.members if member.trial is None), None)

    def turn(self, begins: bool) -> Turn | None:
        """Return what is next; None if all that can run does.

        A place without a trial comes first, then the members who have come least far: of these
        those who lose, while the best still wait and can be copied.

        Args:
            begins: whether a new trial can begin.
        """
        waiting = [m for m in self.members if m.standing is Standing.PAUSED]
        step = min((member.step for member in waiting), default=0)
        ranked = self._ranked(step)
        share = min(math.ceil(self.quantile * len(ranked)), len(ranked) // 2)
        best = [(m, r) for m, r in ranked[: max(1, share)] if m.standing is Standing.PAUSED]
        vacancy = self.vacancy
        if begins and vacancy is not None:
            return Turn(vacancy, [m for m, _ in best] if vacancy.results else ())
        for member, rank in ranked[len(ranked) - share :] if begins else ():
            donors = [m for m, better in best if better < rank and m.since < step]
            if donors and member.standing is Standing.PAUSED and member.step == step:
                return Turn(member, donors, self._words(ranked, member, step))
        last = next((member for member in waiting if member.step == step), None)
        return Turn(last, (), self._words(ranked, last, step)) if last else None

    def _ranked(self, step: int) -> list[tuple[Member, Rank]]:
        """Return who has a trial and a result at a step, the best first."""
        there = [member for member in self.members if member.trial is not None]
        found = [(m, r) for m in there if (r := m.at(step, self.interval)) is not None]
        ranks = standings([result for _, result in found])
        order = sorted(range(len(found)), key=ranks.__getitem__)
        return [(found[i][0], ranks[i]) for i in order]

    def _words(self, ranked: Sequence[tuple[Member, Rank]], member: Member, step: int) -> str:
        place = next(place for place, (m, _) in enumerate(ranked, 1) if m is member)
        result = member.at(step, self.interval)
        words = f"number {place} of {len(ranked)} at step {step}"
        if len(self.goals) > 1 or result is None:
            return words
        goal = self.goals[0]
        return f"{goal.metric} {goal.loss(result.losses[0]):.4g} is {words}"
