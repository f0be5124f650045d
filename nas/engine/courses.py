"""How far trials have come, and what of it a decision may know."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from nas.abstract.scheduler import Course, Standing, Verdict
from nas.goals import Goal
from nas.goals import violation as total_violation
from nas.trial import CurvePoint, Ruling

PROMOTE = "promote"
"""The verdict that lets a paused trial go on."""
AUDIT = "audit"
"""The verdict on a trial that was to stop, and goes on to see what would have been lost."""
INHERIT = "inherit"
"""What is noted of a trial that begins with the state of a paused one."""
GO_ON = (Verdict.CONTINUE.value, AUDIT)


@dataclass
class Run:
    """One stretch of a trial on a worker, from its beginning or from a pause.

    Args:
        index: in the order in which runs are submitted.
        began: virtual time; infinite as long as no virtual worker was free.
        first: steps that were done before.
        over: whether it has ended.
        last: steps that are done when it ends.
        standing: of the trial when it has ended.
    """

    index: int
    began: float
    first: int
    over: bool = False
    last: int = 0
    standing: Standing = Standing.RUNNING

    def time_of(self, step: int) -> float:
        """Return the virtual time at which it has done a step: each takes one unit."""
        return self.began + step - self.first

    @property
    def ended(self) -> float | None:
        """The virtual time at which it ended; None while it runs."""
        return self.time_of(self.last) if self.over else None

    def steps_by(self, at: float) -> int:
        """Return the steps that it has done by a virtual time, if it does not end before."""
        return int(at - self.began) if at > self.began else 0


@dataclass
class Track:
    """What is known of one trial.

    Args:
        number: of the trial.
        goals: the objectives in order.
        budget: of a complete trial.
        metrics: what does not change in training: analytic and measured ones.
    """

    number: int
    goals: Sequence[Goal]
    budget: int
    metrics: dict[str, float]
    points: list[CurvePoint] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    rulings: list[Ruling] = field(default_factory=list)
    asks: Sequence[int] = ()
    """Levels of the latest run."""
    inherited: int = 0
    """Steps that another trial has done."""
    audited: int | None = None
    """Step at which it would have been stopped: decisions on others know no more of it."""
    until: int | None = None
    """Step at which the latest run pauses at the latest."""
    told: Callable[[Track, int], None] = field(default=lambda track, since: None, repr=False)
    """Is called when reports after a step have been taken note of."""
    _undecided: int | None = None
    """The last step, if it is at a level and waits for a decision."""
    _ahead: list[CurvePoint] = field(default_factory=list)
    """Reports of a run that a snapshot has carried beyond it: not known before the decision."""
    _losses: list[tuple[float, ...]] = field(default_factory=list)
    _violations: list[float] = field(default_factory=list)
    _courses: dict[tuple[int, Standing], Course] = field(default_factory=dict)

    @property
    def step(self) -> int:
        """The last step that was reported."""
        return self.points[-1].step if self.points else 0

    @property
    def run(self) -> Run:
        """The latest run."""
        return self.runs[-1]

    @property
    def done(self) -> int:
        """Steps that a next run need not do."""
        return self.runs[-1].last if self.runs else self.inherited

    @property
    def alive_until(self) -> float:
        """The virtual time up to which the latest run is known to go on."""
        step = self.step if self._undecided is None else self._undecided - 1
        return self.run.time_of(min(step, self.budget - 1))

    def inherit(self, other: Track) -> None:
        """Begin where another trial has paused."""
        self.inherited = other.done
        self.rule(Ruling(other.done, INHERIT, f"begins with the state of trial {other.number}"))
        self.heard((point for point in other.points if point.step <= other.done), other.metrics)

    def begin(self, run: Run, asks: Sequence[int]) -> None:
        """Let a run begin that asks at some levels."""
        self.runs.append(run)
        self.asks = asks
        self._undecided = None
        self._ahead.clear()

    def end(self, standing: Standing) -> None:
        """Let the latest run end."""
        if standing in (Standing.STOPPED, Standing.PAUSED):
            last = self.rulings[-1].step
        elif standing is Standing.COMPLETE:
            self._take(self._ahead)
            last = self.budget
        else:  # it was at work on the step after the last
            last = min(self.step + 1, self.budget)
        self.run.last, self.run.standing, self.run.over = last, standing, True
        self._undecided = None
        self._ahead.clear()

    def rule(self, ruling: Ruling) -> None:
        """Take note of a decision."""
        self.rulings.append(ruling)
        if ruling.verdict == AUDIT and self.audited is None:
            self.audited = ruling.step
        if self._undecided == ruling.step and ruling.verdict in GO_ON:
            self._undecided = None
            self._advance()

    def heard(self, points: Iterable[CurvePoint], metrics: Mapping[str, float]) -> None:
        """Take note of a report; what is known already is passed over."""
        self.metrics.update(metrics)
        known = self._ahead[-1].step if self._ahead else self.step
        self._ahead.extend(point for point in points if point.step > known)
        self._advance()

    def _advance(self) -> None:
        """Take note of reports up to the first one that waits for a decision."""
        count = 0
        while count < len(self._ahead) and self._undecided is None:
            before = self._ahead[count - 1].step if count else self.step
            step = self._ahead[count].step
            if bisect_right(self.asks, before) < bisect_right(self.asks, step):
                self._undecided = step
            count += 1
        taken, self._ahead = self._ahead[:count], self._ahead[count:]
        self._take(taken)

    def _take(self, points: Sequence[CurvePoint]) -> None:
        since = self.step
        for point in points:
            self.points.append(point)
            known = {**self.metrics, **point.metrics}
            self._losses.append(_losses(self.goals, known))
            self._violations.append(total_violation(self.goals, known))
        if points:
            self.told(self, since)

    def ruled(self, step: int) -> Ruling | None:
        """Return what was decided after a step in the latest run, if anything was."""
        for ruling in reversed(self.rulings):
            if ruling.verdict == PROMOTE:
                return None
            if ruling.step == step:
                return ruling
        return None

    def first_at(self, level: int) -> tuple[int, float, tuple[float, ...], float] | None:
        """Return the first report at or after a level; None before that.

        Returns:
            The run, its virtual time then, the losses and the violation.
        """
        index = bisect_left(self.points, level, key=lambda point: point.step)
        if index == len(self.points) or not self.runs:
            return None
        step = self.points[index].step
        if self.audited is not None and step > self.audited:
            return None
        run = next((r for r in reversed(self.runs) if r.first < step), self.runs[0])
        time = run.time_of(max(step, run.first))
        return run.index, time, self._losses[index], self._violations[index]

    @property
    def latest(self) -> Course:
        """The trial as it is now."""
        return (
            self.course(self.run.last, self.run.standing)
            if self.run.over
            else self.course(self.step, Standing.RUNNING)
        )

    def course(self, step: int, standing: Standing, *, own: bool = False) -> Course:
        """Return the trial as it was after a step; an audited one as if it had stopped."""
        if self.audited is not None and step >= self.audited and not own:
            step, standing = self.audited, Standing.STOPPED
        count = bisect_right(self.points, step, key=lambda point: point.step)
        key = (count, standing)
        if key not in self._courses:
            if len(self._courses) > 2 * len(self.points) + 8:
                self._courses.clear()
            self._courses[key] = Course(
                self.number,
                tuple(point.step for point in self.points[:count]),
                np.array(self._losses[:count], dtype=np.float64).reshape(count, len(self.goals)),
                np.array(self._violations[:count], dtype=np.float64),
                standing,
            )
        return self._courses[key]


def _losses(goals: Sequence[Goal], known: Mapping[str, float]) -> tuple[float, ...]:
    return tuple(
        goal.loss(known[goal.metric]) if goal.metric in known else math.nan for goal in goals
    )
