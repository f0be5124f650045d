"""Where jobs run. One small protocol; the engine knows no more."""

from __future__ import annotations

from typing import Protocol

from nas.executors.jobs import Finished, Job


class Executor(Protocol):
    """Runs jobs, in any order, each at most once to its end.

    Attributes:
        description: for people, such as ``ray: 2 workers``.
        workers: how many jobs can run at once.
    """

    description: str
    workers: int

    def submit(self, job: Job) -> None:
        """Accept a job; it runs when there is room."""
        ...

    def wait(self, timeout: float) -> list[Finished]:
        """Return what has finished, as soon as anything has; nothing after ``timeout`` seconds."""
        ...

    def stop(self) -> None:
        """Cancel what runs, forget what waits, free everything. May be called twice."""
        ...
