"""In this process, one job after the other: for debugging and tests. No Ray."""

from __future__ import annotations

from collections import deque

from nas.abstract.dataset import SearchData
from nas.executors.jobs import Finished, Job, Setup
from nas.executors.worker import Worker


class InlineExecutor:
    """Runs a job when it is waited for."""

    description = "inline: this process"
    workers = 1

    def __init__(self, setup: Setup, data: SearchData | None) -> None:
        self._worker = Worker(setup, data)
        self._waiting: deque[Job] = deque()

    def submit(self, job: Job) -> None:
        """Accept a job."""
        self._waiting.append(job)

    def wait(self, timeout: float) -> list[Finished]:
        """Run the oldest job to its end, however long it takes."""
        if not self._waiting:
            return []
        outcome, weights = self._worker.run(self._waiting.popleft())
        return [Finished(outcome, (lambda: weights) if weights is not None else None)]

    def stop(self) -> None:
        """Forget what waits."""
        self._waiting.clear()
