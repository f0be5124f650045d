"""In this process, one job after the other: for debugging and tests. No Ray."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from nas.abstract.dataset import SearchData
from nas.executors.checkpoints import Checkpoints
from nas.executors.clock import unix_time
from nas.executors.hearing import Listener, News
from nas.executors.jobs import Finished, Job, Setup
from nas.executors.limits import Limits, check_limits
from nas.executors.protocol import ExecutorState
from nas.executors.worker import Worker
from nas.incident import Incident

TOGETHER_SECONDS = 0.02
"""Jobs quicker than this are handed over together."""


class InlineExecutor:
    """Runs a job when it is waited for.

    A job that is over its time is interrupted as soon as Python code runs: what never comes back
    from native code is not. For that there is Ray, where a process is ended.
    """

    description = "inline: this process"

    def __init__(
        self,
        setup: Setup,
        data: SearchData | None,
        limits: Limits | None = None,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        limits = limits or Limits()
        check_limits(limits, inline=True)
        self._worker = Worker(setup, data, limits.memory, checkpoints)
        self._timeout = limits.timeout
        self._waiting: deque[Job] = deque()
        self._listener: Listener | None = None

    def now(self) -> float:
        """Return the Unix time."""
        return unix_time()

    def listen(self, listener: Listener) -> None:
        """Let it hear what jobs report, and answer what they ask."""
        self._listener = listener

    def submit(self, job: Job) -> None:
        """Accept a job."""
        self._waiting.append(job)

    def wait(self, timeout: float) -> list[Finished]:
        """Run the oldest job to its end, and quick ones after it: one commit takes them all."""
        finished: list[Finished] = []
        deadline = time.monotonic() + TOGETHER_SECONDS
        while self._waiting and (not finished or time.monotonic() < deadline):
            job = self._waiting.popleft()
            line = _Direct(self._listener) if job.asks is not None and self._listener else None
            if line is not None:  # what it asks may depend on how the one before has ended
                deadline = 0.0
            outcome, weights = self._worker.run(job, self._timeout, line)
            finished.append(Finished(outcome, _keeping(weights)))
        return finished

    def poll(self) -> list[Finished]:
        """Jobs run when they are waited for."""
        return []

    def incidents(self) -> list[Incident]:
        """Nothing can be lost but this process itself."""
        return []

    def state(self) -> ExecutorState:
        """Nothing runs unless it is waited for."""
        return ExecutorState(1, waiting=len(self._waiting))

    def stop(self) -> None:
        """Forget what waits."""
        self._waiting.clear()


class _Direct:
    """From worker to driver, which are one process."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def tell(self, news: News) -> None:
        self._listener.heard(news)

    def ask(self, news: News, step: int) -> str:
        self._listener.heard(news)
        verdict = self._listener.verdict(news.number, step)
        assert verdict is not None, "jobs run one after the other: there is nothing to wait for"
        return verdict


def _keeping(weights: bytes | None) -> Callable[[], bytes | None] | None:
    return None if weights is None else lambda: weights
