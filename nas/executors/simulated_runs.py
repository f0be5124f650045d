"""Jobs on virtual workers: what they have reported at which virtual time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

from nas.executors.hearing import Listener, News, ended_by
from nas.executors.jobs import Job, Outcome
from nas.executors.mishaps import Fate
from nas.trial import CurvePoint


@dataclass(order=True)
class Task:
    """A job, by the order of submission.

    Args:
        outcome: what its evaluation gave; None before its first attempt.
        attempt: how often it was lost.
        done: steps that were done before it was paused.
    """

    place: int
    job: Job = field(compare=False)
    outcome: Outcome | None = field(default=None, compare=False)
    attempt: int = field(default=0, compare=False)
    done: int = field(default=0, compare=False)

    @property
    def share(self) -> float:
        """The share of the whole evaluation that is left."""
        return 1.0 if not self.job.budget else 1 - self.done / self.job.budget


@dataclass
class Run:
    """One attempt at a task.

    Args:
        task: what is done.
        worker: by whom.
        began: virtual time, later by what it has waited.
        fate: how it ends if no verdict ends it.
        length: virtual seconds that it takes if nothing goes wrong.
        points: what it has not reported yet.
        asking: the report that waits for a verdict.
        ended: how a verdict has ended it; empty if none has.
    """

    task: Task
    worker: int
    began: float
    fate: Fate
    length: float
    points: deque[CurvePoint] = field(default_factory=deque)
    asking: CurvePoint | None = None
    ended: str = ""

    @classmethod
    def of(cls, task: Task, worker: int, began: float, fate: Fate, length: float) -> Run:
        """Return a run that has just begun."""
        run = cls(task, worker, began, fate, length)
        job, outcome = task.job, task.outcome
        if job.asks is not None and job.budget and outcome and not outcome.failure:
            run.points.extend(p for p in outcome.curve if task.done < p.step < job.budget)
        return run

    @property
    def next_event(self) -> float:
        """The virtual time at which it reports next, or ends."""
        if not self.points:
            return self.began + self.fate.after
        return self.began + min(self._time_of(self.points[0]), self.fate.after)

    @property
    def worked(self) -> float:
        """The virtual seconds of work at its end, without those of waiting."""
        return self._time_of(self.asking) if self.ended and self.asking else self.fate.after

    @property
    def reports_next(self) -> bool:
        """Whether the next event is a report."""
        return bool(self.points) and self._time_of(self.points[0]) < self.fate.after

    def report(self, listener: Listener, now: float) -> bool:
        """Report what is due, or ask again; tell whether it goes on, or has been ended.

        Args:
            listener: to whom.
            now: virtual time; it has waited up to here.
        """
        number = self.task.job.number
        if self.asking is None:
            point = self.points.popleft()
            listener.heard(News(number, (point,)))
            if not self._is_level(point):
                return True
            self.asking = point
        verdict = listener.verdict(number, self.asking.step)
        if verdict is None:
            return False
        self.began = now - self._time_of(self.asking)
        self.ended = ended_by(verdict)
        if not self.ended:
            self.asking = None
        return True

    def outcome(self) -> Outcome:
        """Return the outcome that a verdict leaves."""
        assert self.asking is not None
        assert self.task.outcome is not None
        whole, step = self.task.outcome, self.asking.step
        curve = tuple(point for point in whole.curve if point.step <= step)
        return replace(whole, metrics=dict(self.asking.metrics), curve=curve, ended=self.ended)

    def _time_of(self, point: CurvePoint) -> float:
        budget = self.task.job.budget
        assert budget
        return self.length * (point.step - self.task.done) / (budget - self.task.done)

    def _is_level(self, point: CurvePoint) -> bool:
        outcome, asks = self.task.outcome, self.task.job.asks
        assert outcome is not None
        assert asks is not None
        before = max((p.step for p in outcome.curve if p.step < point.step), default=0)
        return any(max(before, self.task.done) < level <= point.step for level in asks)
