"""A cluster on paper: runs any scheduler on given learning curves, as simply as can be.

Independent of the engine and slow on purpose. Time is counted in units of budget; events at the
same time are handled in the order in which their runs began.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

import nas
from nas import Course, Decision, Peers, Promotion, Standing, Verdict


@dataclass
class Curve:
    """What a trial would report if it were never stopped.

    Args:
        losses: ``(reports, objectives)``.
        steps: of the reports; 1, 2, ... by default.
        violations: ``(reports,)``; 0 by default.
        fails_after: reports after which it fails, or None.
    """

    losses: np.ndarray
    steps: Sequence[int] = ()
    violations: np.ndarray | None = None
    fails_after: int | None = None

    def __post_init__(self) -> None:
        self.losses = np.asarray(self.losses, dtype=np.float64)
        if self.losses.ndim == 1:
            self.losses = self.losses[:, None]
        self.steps = tuple(self.steps) or tuple(range(1, len(self.losses) + 1))
        if self.violations is None:
            self.violations = np.zeros(len(self.losses))

    def course(self, number: int, reports: int, standing: Standing = Standing.RUNNING) -> Course:
        """Return what is known after so many reports."""
        assert self.violations is not None
        return Course(
            number,
            tuple(self.steps[:reports]),
            self.losses[:reports].copy(),
            self.violations[:reports].copy(),
            standing,
        )


@dataclass
class Ruled:
    """A decision with all that it followed from."""

    course: Course
    peers: Peers
    decision: Decision


@dataclass
class Promoted:
    """A promotion with all that it followed from; None where a new trial was preferred."""

    peers: Peers
    promotion: Promotion | None


@dataclass
class Trial:
    """A trial in the simulation.

    ``ends`` holds index and outcome of its earlier runs, ``others`` is what they had achieved when
    its latest run began.
    """

    number: int
    curve: Curve
    pace: float
    reports: int = 0
    standing: Standing = Standing.RUNNING
    run: int = 0
    until: int | None = None
    ends: list[tuple[int, Course]] = field(default_factory=list)
    others: Sequence[Course] = ()

    @property
    def course(self) -> Course:
        return self.curve.course(self.number, self.reports, self.standing)


@dataclass
class Outcome:
    """All that has happened."""

    trials: list[Trial]
    ruled: list[Ruled] = field(default_factory=list)
    promoted: list[Promoted] = field(default_factory=list)

    @property
    def spent(self) -> dict[int, int]:
        """Units of budget by trial number."""
        return {trial.number: trial.course.step for trial in self.trials}

    @property
    def standings(self) -> dict[int, Standing]:
        return {trial.number: trial.standing for trial in self.trials}

    def log(self) -> list[tuple[object, ...]]:
        """Everything that was said, comparable."""
        return [
            *((r.course.number, r.course.step, r.decision) for r in self.ruled),
            *((p.promotion,) for p in self.promoted),
        ]


def simulate(
    scheduler: nas.Scheduler,
    curves: Sequence[Curve],
    *,
    budget: int,
    goals: Sequence[nas.Goal] | None = None,
    workers: int = 1,
    ordered: bool = True,
    paces: Mapping[int, float] | None = None,
    seed: int = 0,
) -> Outcome:
    """Start a scheduler and let it decide until nothing is left to run.

    Args:
        scheduler: under test.
        curves: one a trial; trials begin in this order.
        budget: of a complete trial.
        goals: one objective called ``error`` by default.
        workers: how many trials run at a time.
        ordered: a decision knows what runs that began before it have reported by the same time;
            else everything that has been reported.
        paces: time that a unit of budget takes, by trial number; 1 by default.
        seed: of the contest.
    """
    goals = tuple(goals or [nas.Goal("error")])
    scheduler.start(nas.Contest(goals, budget, seed))
    return _Simulation(scheduler, curves, budget, goals, workers, ordered, paces or {}).run()


@dataclass
class _Simulation:
    """The state of a simulated cluster; the fields are what ``simulate`` was given."""

    scheduler: nas.Scheduler
    curves: Sequence[Curve]
    budget: int
    goals: tuple[nas.Goal, ...]
    workers: int
    ordered: bool
    paces: Mapping[int, float]
    outcome: Outcome = field(default_factory=lambda: Outcome([]))
    events: list[tuple[float, int, int]] = field(default_factory=list)
    runs: int = 0
    now: float = 0.0

    def run(self) -> Outcome:
        self.levels = list(self.scheduler.levels())
        while True:
            while self._running() < self.workers and self._employ():
                pass
            if not self.events:
                return self.outcome
            self.now = self.events[0][0]
            while self.events and self.events[0][0] == self.now:
                self._report(self.outcome.trials[heapq.heappop(self.events)[2]])

    def _running(self) -> int:
        return sum(trial.standing is Standing.RUNNING for trial in self.outcome.trials)

    def _employ(self) -> bool:
        """Give work to a free worker; False if there is none."""
        peers = self._visible(None, self.runs)
        promotion = self.scheduler.promote(peers)
        trials = self.outcome.trials
        self.outcome.promoted.append(Promoted(peers, promotion))
        if promotion is not None:
            trial = trials[promotion.number]
            trial.standing, trial.until = Standing.RUNNING, promotion.until
        elif len(trials) < len(self.curves):
            number = len(trials)
            trial = Trial(number, self.curves[number], self.paces.get(number, 1.0))
            trials.append(trial)
        else:
            return False
        trial.others = [course for course in peers.courses if course.number != trial.number]
        trial.run, self.runs = self.runs, self.runs + 1
        self._advance(trial)
        return True

    def _visible(self, but: Trial | None, before: int) -> Peers:
        found = []
        for trial in self.outcome.trials:
            if trial is but:
                continue
            if trial.run < before:
                found.append(trial.course)
            else:
                found += [course for run, course in trial.ends if run < before][-1:]
        return Peers(found, len(self.goals), but.others if but and self.ordered else None)

    def _advance(self, trial: Trial) -> None:
        curve, at = trial.curve, trial.reports
        if curve.fails_after == at:
            self._leave(trial, Standing.FAILED)
            return
        done = curve.steps[at - 1] if at else 0
        due = self.now + trial.pace * (curve.steps[at] - done)
        heapq.heappush(self.events, (due, trial.run, trial.number))

    def _leave(self, trial: Trial, standing: Standing) -> None:
        trial.standing = standing
        trial.ends.append((trial.run, trial.course))

    def _report(self, trial: Trial) -> None:
        before = trial.course.step
        trial.reports += 1
        step = trial.course.step
        if step >= self.budget:
            self._leave(trial, Standing.COMPLETE)
            return
        verdict = Verdict.CONTINUE
        if any(before < level <= step for level in self.levels):
            verdict = self._judged(trial)
        if trial.until is not None and step >= trial.until and verdict is Verdict.CONTINUE:
            verdict = Verdict.PAUSE
        if verdict is Verdict.CONTINUE:
            self._advance(trial)
        else:
            self._leave(trial, _ENDED.get(verdict, Standing.RUNNING))

    def _judged(self, trial: Trial) -> Verdict:
        peers = self._visible(trial, trial.run if self.ordered else self.runs)
        decision = self.scheduler.judge(trial.course, peers)
        self.outcome.ruled.append(Ruled(trial.course, peers, decision))
        return decision.verdict


_ENDED = {Verdict.STOP: Standing.STOPPED, Verdict.PAUSE: Standing.PAUSED}


def falling(offsets: Sequence[float], budget: int) -> list[Curve]:
    """Return curves that fall all the time, and never cross: the lower the offset, the better."""
    steps = np.arange(1, budget + 1)
    return [Curve(offset + 1 / steps) for offset in offsets]
