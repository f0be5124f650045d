"""Virtual workers on a virtual clock: what a search would do on a cluster that nobody has yet.

Evaluations take place in this process, when a virtual worker begins with them; how long they take
there is the metric ``train_seconds`` that the evaluator reports.
"""

from __future__ import annotations

import heapq
import itertools
import time
from dataclasses import replace

from nas.abstract.evaluator import Evaluator
from nas.config import SimulationConfig
from nas.errors import ConfigError, StudyError
from nas.executors.blame import LOSSES
from nas.executors.hearing import PAUSED, Listener, News
from nas.executors.jobs import Finished, Job, Outcome
from nas.executors.limits import over_time
from nas.executors.mishaps import HOUR, Fate, Mishaps
from nas.executors.protocol import ExecutorState, Running
from nas.executors.simulated_runs import Run, Task
from nas.executors.worker import Worker
from nas.incident import Incident
from nas.suggest import listed
from nas.trial import Failure

SECONDS = "train_seconds"
"""The metric that says how long the real training took."""
SHOWN = 100
"""Running trials that are listed for people."""


def check_simulation(evaluator: Evaluator) -> None:
    """Raise ``ConfigError`` unless the evaluator knows how long training took."""
    if SECONDS not in evaluator.metrics:
        raise ConfigError(
            f"executor simulated needs the metric {SECONDS}, the seconds that real training took; "
            f"this evaluator reports {listed(evaluator.metrics)}. With the evaluator tabular, "
            'add seconds = "COLUMN"'
        )
    if evaluator.needs_data:
        raise ConfigError(
            "executor simulated replays what was trained before, and this evaluator trains now: "
            'take the evaluator tabular with a table of results and seconds = "COLUMN"'
        )


class SimulatedExecutor:
    """Any number of virtual workers that take jobs in the order of their submission.

    Its clock stands still while the search thinks, and jumps to the next end of a job when the
    search waits. It begins at 0.

    Args:
        evaluating: what all virtual workers evaluate with.
        workers: how many there are.
        simulation: what goes wrong; None for nothing.
        timeout: virtual seconds that a trial may take, or None.
    """

    def __init__(
        self,
        evaluating: Worker,
        workers: int,
        simulation: SimulationConfig | None = None,
        timeout: float | None = None,
    ) -> None:
        self._evaluating, self._timeout = evaluating, timeout
        self._simulation = simulation or SimulationConfig()
        self._mishaps = Mishaps(self._simulation, timeout)
        self._incidents: list[Incident] = []
        self._listener: Listener | None = None
        self._now = self._used = self._capacity = 0.0
        self._free = list(range(workers))
        self._workers, self._alive = workers, workers
        self._places = itertools.count()
        self._waiting: list[Task] = []
        self._running: dict[int, Run] = {}
        self._paused: dict[int, tuple[Outcome | None, int]] = {}
        self._events: list[tuple[float, int, int]] = []
        """Virtual time, what settles ties, and the worker: one that ends a run, or comes back."""
        self._ties = itertools.count()

    @property
    def description(self) -> str:
        """How many virtual workers, for people."""
        return f"simulated: {self._workers:,} worker{'s' * (self._workers != 1)}"

    def now(self) -> float:
        """Return the virtual seconds since the beginning."""
        return self._now

    def listen(self, listener: Listener) -> None:
        """Let it hear what jobs report, and answer what they ask."""
        self._listener = listener

    def submit(self, job: Job) -> None:
        """Accept a job."""
        if job.inherits is not None:
            raise StudyError("a simulation has no weights that a trial could inherit")
        outcome, done = self._paused.pop(job.number, (None, 0))
        heapq.heappush(self._waiting, Task(next(self._places), job, outcome, done=done))

    def wait(self, timeout: float) -> list[Finished]:
        """Let virtual time pass until something finishes; return all that finishes at that instant.

        Args:
            timeout: real seconds after which nothing is returned, and no virtual time is lost.

        Raises:
            StudyError: a trial was lost too often with its worker.
        """
        deadline = time.monotonic() + timeout
        finished = self._ask_again()
        while not finished and self._dispatch(deadline) and self._events:
            if not self._running and not self._waiting:
                break
            self._advance(self._events[0][0])
            while self._events and self._events[0][0] == self._now:
                finished += self._happen(heapq.heappop(self._events)[2])
            finished += self._ask_again()
        return finished

    def poll(self) -> list[Finished]:
        """Virtual time passes when it is waited for."""
        return []

    def incidents(self) -> list[Incident]:
        """Return which workers were lost since the last call; times are virtual."""
        new = list(self._incidents)
        self._incidents.clear()
        return new

    def state(self) -> ExecutorState:
        """Return what runs where, in virtual time."""
        first = itertools.islice(self._running.values(), SHOWN)
        running = tuple(Running(r.task.job.number, _name(r.worker), r.began) for r in first)
        stuck = "" if self._alive else f"all {self._workers:,} virtual workers are lost for now"
        idle = 1 - self._used / self._capacity if self._capacity else None
        return ExecutorState(self._alive, running, len(self._waiting), stuck, idle)

    def stop(self) -> None:
        """Forget everything that runs or waits."""
        self._waiting.clear()
        self._running.clear()
        self._events.clear()

    def _dispatch(self, deadline: float) -> bool:
        """Give what waits to who is free; return False if real time has run out before that."""
        while self._free and self._waiting:
            if time.monotonic() > deadline:
                return False
            self._start(heapq.heappop(self._waiting), heapq.heappop(self._free))
        return True

    def _start(self, task: Task, worker: int) -> None:
        job = task.job
        if task.outcome is None:
            task.outcome = self._evaluate(job)
        seconds = task.outcome.metrics.get(SECONDS)
        if task.outcome.failure is None and seconds is not None:
            left = (job.number, task.attempt, seconds * task.share)
            length, fate = self._mishaps.length(*left), self._mishaps.fate(*left)
        else:  # of what was never trained nobody knows how long it would have taken
            length, fate = 0.0, Fate("done", 0.0)
        run = self._running[worker] = Run.of(task, worker, self._now, fate, length)
        self._plan(run.next_event - self._now, worker)

    def _evaluate(self, job: Job) -> Outcome:
        outcome, _ = self._evaluating.run(job)
        if outcome.failure is not None:
            return outcome
        seconds = outcome.metrics.get(SECONDS)
        if seconds is None:
            why = outcome.unknown[SECONDS]
            why = replace(why, message=f"{SECONDS}: {why.message}")
        elif seconds < 0:
            why = Failure("error", f"{SECONDS} is {seconds:g}; a duration is at least 0")
        else:
            return outcome
        return Outcome(job.number, failure=why)

    def _plan(self, seconds: float, worker: int) -> None:
        heapq.heappush(self._events, (self._now + seconds, next(self._ties), worker))

    def _advance(self, now: float) -> None:
        passed = now - self._now
        self._used += passed * len(self._running)
        self._capacity += passed * self._alive
        self._now = now

    def _happen(self, worker: int) -> list[Finished]:
        """Let a worker report or end what it runs; or let one that was lost come back."""
        run = self._running.get(worker)
        if run is not None and run.reports_next:
            return self._report(run)
        if run is None:
            self._alive += 1
            heapq.heappush(self._free, worker)
            return []
        if run.fate.end == "lost":
            del self._running[worker]
            self._lose(run)
            return []
        return [self._end(run, self._outcome(run))]

    def _report(self, run: Run) -> list[Finished]:
        """Let a run report, or ask once more; it goes on, ends or waits."""
        assert self._listener is not None
        if not run.report(self._listener, self._now):
            return []
        if not run.ended:
            self._plan(run.next_event - self._now, run.worker)
            return []
        if run.ended == PAUSED and run.asking is not None:
            self._paused[run.task.job.number] = (run.task.outcome, run.asking.step)
        return [self._end(run, run.outcome())]

    def _ask_again(self) -> list[Finished]:
        asking = [run for run in self._running.values() if run.asking is not None]
        return [finished for run in asking for finished in self._report(run)]

    def _end(self, run: Run, outcome: Outcome) -> Finished:
        del self._running[run.worker]
        heapq.heappush(self._free, run.worker)
        if self._listener is not None and run.task.job.asks is not None:
            self._listener.heard(News(run.task.job.number, outcome.curve))
        where = _name(run.worker)
        return Finished(replace(outcome, started=run.began, seconds=run.worked, worker=where))

    def _lose(self, run: Run) -> None:
        number, where = run.task.job.number, _name(run.worker)
        after = f"the simulation lost it after {run.fate.after:g} seconds of work"
        self._incidents.append(Incident(self._now, "worker", after, number, where))
        self._alive -= 1
        self._plan(self._simulation.repair, run.worker)
        run.task.attempt += 1
        heapq.heappush(self._waiting, run.task)
        if run.task.attempt > LOSSES:
            raise StudyError(
                f"trial {number} was lost {LOSSES + 1} times with its worker: workers live for "
                f"{HOUR / self._simulation.lost:g} seconds of work on average (run.simulation.lost "
                "in an hour), which is too short for such trials; on Ray a search ends there too"
            )

    def _outcome(self, run: Run) -> Outcome:
        known = run.task.outcome
        assert known is not None
        if run.fate.end != "done":
            known = Outcome(known.number, failure=self._failure(run.fate))
        return known

    def _failure(self, fate: Fate) -> Failure:
        if fate.end == "timeout":
            assert self._timeout is not None
            return Failure("timeout", over_time(self._timeout))
        return Failure("injected", f"the simulation let it fail after {fate.after:g} seconds")


def _name(worker: int) -> str:
    return f"virtual worker {worker}"
