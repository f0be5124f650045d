"""How a session gets on, in numbers: for people and for the archive's heartbeat."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nas.engine.progress import Plan, Progress
from nas.executors.protocol import ExecutorState
from nas.incident import Incident
from nas.trial import Status, Trial

RECENT = 10.0
"""Seconds over which the rate is taken."""


class Meter:
    """Counts what ends, and how much of the workers' time it took.

    Args:
        plan: what is about to run.
        spent: seconds of all earlier sessions; a simulation begins anew, so of none.
        now: the executor's clock.
    """

    def __init__(self, plan: Plan, spent: float, now: Callable[[], float]) -> None:
        self._plan, self._now = plan, now
        self._spent = 0.0 if plan.simulated else spent
        self._began = self._looked = now()
        self._state = ExecutorState(0)
        self._capacity = 0.0
        self._used = 0.0
        self._ends: deque[tuple[float, int]] = deque()
        self._fresh = 0
        self.done, self.reused = 0, 0
        self.doing = ""
        self.failed: Counter[str] = Counter()
        self.incidents: Counter[str] = Counter()
        self._met: list[Incident] = []

    @property
    def seconds(self) -> float:
        """Time of this session, by the executor's clock."""
        return self._now() - self._began

    @property
    def out_of_time(self) -> bool:
        """Tell whether all sessions together have used up the study's seconds."""
        limit = self._plan.stop_seconds
        return limit is not None and self._spent + self.seconds >= limit

    def answered(self, trial: Trial) -> None:
        """Count a trial of an earlier session."""
        self.done += trial.status in (Status.COMPLETE, Status.FAILED, Status.STOPPED)
        if trial.failure:
            self.failed[trial.failure.kind] += 1

    def ended(self, trials: Sequence[Trial]) -> None:
        """Count trials of this session."""
        before = self.done
        for trial in trials:
            self.answered(trial)
            self._used += trial.seconds
        self._fresh += self.done - before
        self._ends.append((self._now(), self.done - before))

    def met(self, incidents: Sequence[Incident]) -> None:
        """Count failures of the infrastructure."""
        self.incidents.update(incident.kind for incident in incidents)
        self._met += incidents

    def look(self, state: ExecutorState) -> None:
        """Take note of what runs now; call it often enough to see workers come and go."""
        now = self._now()
        self._capacity += state.workers * (now - self._looked)
        self._looked, self._state = now, state

    def progress(
        self,
        new: Sequence[Trial],
        workers: Sequence[str],
        turned_away: Mapping[str, int],
        running: int,
        front: list[Trial],
        budget: int | None,
    ) -> Progress:
        """Return all of it for whoever watches, once."""
        met, self._met = self._met, []
        return Progress(
            new=new,
            done=self.done,
            failed=dict(self.failed),
            turned_away=turned_away,
            running=running,
            seconds=self.seconds,
            seconds_left=self._seconds_left(),
            front=front,
            budget=budget,
            rate=self._rate(),
            idle=self._idle(),
            incidents=dict(self.incidents),
            reused=self.reused,
            stuck=self._state.stuck,
            doing=self.doing,
            simulated=self._plan.simulated,
            workers=workers,
            met=met,
        )

    def state(self) -> dict[str, Any]:
        """Return what is kept in the archive with a heartbeat, as plain JSON values."""
        state = self._state
        return {
            "workers": state.workers,
            "running": [vars(running) for running in state.running],
            "waiting": state.waiting,
            "stuck": state.stuck,
            "doing": self.doing,
            "rate": self._rate(),
            "idle": self._idle(),
            "simulated": self.seconds if self._plan.simulated else None,
        }

    def _rate(self) -> float | None:
        if self._plan.simulated:  # the last seconds are none of a training that takes hours
            return self._slow_rate()
        now = self._now()
        while self._ends and self._ends[0][0] < now - RECENT:
            self._ends.popleft()
        ended = sum(count for _, count in self._ends)
        return ended / max(min(RECENT, now - self._began), 1e-6) if ended else self._slow_rate()

    def _slow_rate(self) -> float | None:
        return self._fresh / self.seconds if self._fresh and self.seconds else None

    def _idle(self) -> float | None:
        if self._state.idle is not None:
            return self._state.idle
        if not self._fresh or self._capacity <= 0:
            return None
        now = self._now()
        in_flight = sum(max(0.0, now - running.since) for running in self._state.running)
        return min(1.0, max(0.0, 1 - (self._used + in_flight) / self._capacity))

    def _seconds_left(self) -> float | None:
        left = []
        if self._plan.stop_trials and self._fresh:
            left.append((self._plan.stop_trials - self.done) * self.seconds / self._fresh)
        if self._plan.stop_seconds:
            left.append(self._plan.stop_seconds - self._spent - self.seconds)
        return max(0.0, min(left)) if left else None
