"""Where jobs run. One small protocol; the engine knows no more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from nas.executors.hearing import Listener
from nas.executors.jobs import Finished, Job
from nas.incident import Incident


@dataclass(frozen=True)
class Running:
    """A trial that is being evaluated.

    Args:
        number: of the trial.
        worker: which machine and process.
        since: time at which it was given to the worker, by the executor's clock.
    """

    number: int
    worker: str
    since: float


@dataclass(frozen=True)
class ExecutorState:
    """What runs where, for people.

    Args:
        workers: how many jobs can run at once now.
        running: trials that workers have.
        waiting: how many jobs wait for a worker.
        stuck: why nothing can run, such as which resource no node has; empty if something can.
        idle: share of the workers' time so far in which they had nothing to do, in [0, 1]; None
            if the executor does not know it.
    """

    workers: int
    running: tuple[Running, ...] = ()
    waiting: int = 0
    stuck: str = ""
    idle: float | None = None


class Executor(Protocol):
    """Runs jobs, in any order, each at most once to its end."""

    @property
    def description(self) -> str:
        """For people, such as ``ray (local): 2 workers``."""
        ...

    def now(self) -> float:
        """Return the time in seconds: Unix time, or virtual time in a simulation."""
        ...

    def listen(self, listener: Listener) -> None:
        """Let it hear what jobs report and answer what they ask; comes before any of them."""
        ...

    def submit(self, job: Job) -> None:
        """Accept a job; it runs when there is room."""
        ...

    def wait(self, timeout: float) -> list[Finished]:
        """Return what has finished, as soon as anything has; nothing after ``timeout`` seconds."""
        ...

    def poll(self) -> list[Finished]:
        """Take in and give out what there is, at once; return what has finished by now.

        For a driver that is busy otherwise. Where this process runs the jobs it does nothing.
        """
        ...

    def incidents(self) -> list[Incident]:
        """Return what went wrong with the infrastructure since the last call."""
        ...

    def state(self) -> ExecutorState:
        """Return what runs where, and if nothing can run, why."""
        ...

    def stop(self) -> None:
        """Cancel what runs, forget what waits, free everything. May be called twice."""
        ...
