"""A slow job among quick ones holds nobody back: what is done is posted, what waits is returned.

A call brings back all its results at once, when its last job has ended. So a thread beside the
jobs (which stay on the main thread, as a candidate may expect) watches how long the current one
takes, and if others of its call are done by then, it posts them to a mailbox that the driver opens
once it wonders where a call has got to.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

import ray  # noqa: TID253 - only what runs on Ray imports this module
from ray.exceptions import RayError  # noqa: TID253 - as above
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: TID253 - as above

from nas.executors.jobs import Job, Outcome
from nas.executors.packing import pack_outcomes

SLOW = 0.25
"""Seconds after which the results of a call do not wait for its current job any more."""
LATE = 0.5
"""Seconds after which the driver opens its mailbox for a call of several jobs."""


@dataclass(frozen=True)
class Letter:
    """What a worker posts.

    Args:
        call: which call it belongs to.
        outcomes: of the jobs that are done, packed.
        weights: their trained weights, by trial number.
        untouched: numbers of the trials that another worker should take.
    """

    call: int
    outcomes: bytes
    weights: dict[int, bytes]
    untouched: tuple[int, ...]


@ray.remote(num_cpus=0, max_restarts=0, max_task_retries=0)
class _Mailbox:
    def __init__(self) -> None:
        self._letters: list[Letter] = []
        self._called_back: set[int] = set()

    def call_back(self, calls: list[int]) -> None:
        self._called_back.update(calls)

    def is_called_back(self, call: int) -> bool:
        return call in self._called_back

    def post(self, letter: Letter) -> None:
        self._letters.append(letter)

    def take(self) -> list[Letter]:
        letters, self._letters = self._letters, []
        return letters


class Mailbox:
    """The driver's side: opened when it is first needed.

    Args:
        name: by which workers find it.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._box: Any = None

    def open(self) -> None:
        """Start it on this machine, if it is not there yet."""
        if self._box is None:
            here = ray.get_runtime_context().get_node_id()
            strategy = NodeAffinitySchedulingStrategy(here, soft=False)
            options = {"name": self._name, "scheduling_strategy": strategy}
            self._box = _Mailbox.options(**options).remote()  # type: ignore[attr-defined]

    def call_back(self, calls: list[int]) -> None:
        """Let workers know what need not be done any more: others do it."""
        self._box.call_back.remote(calls)

    def take(self) -> list[Letter]:
        """Return what has come; nothing if it was never opened, or is lost with what was in it."""
        if self._box is None:
            return []
        try:
            letters: list[Letter] = ray.get(self._box.take.remote())
        except RayError:
            self._box = None
            return []
        return letters


class Batch:
    """The worker's side of one call: jobs to do, and results that have not been sent.

    Args:
        call: its number.
        jobs: in order.
    """

    def __init__(self, call: int, jobs: list[Job]) -> None:
        self._call, self._jobs = call, deque(jobs)
        self._outcomes: list[Outcome] = []
        self._weights: dict[int, bytes] = {}
        self._since = time.monotonic()
        self._lock = threading.Lock()

    def next(self) -> Job | None:
        """Return the next job, or None when there is no more."""
        with self._lock:
            self._since = time.monotonic()
            return self._jobs.popleft() if self._jobs else None

    def done(self, outcome: Outcome, weights: bytes | None) -> None:
        """Keep a result."""
        with self._lock:
            self._outcomes.append(outcome)
            if weights is not None:
                self._weights[outcome.number] = weights

    def rest(self) -> tuple[bytes, dict[int, bytes]]:
        """Return what has not been posted."""
        with self._lock:
            return pack_outcomes(self._outcomes), self._weights

    @property
    def slow(self) -> bool:
        """Tell whether the current job takes long."""
        return time.monotonic() - self._since > SLOW

    def post(self, name: str) -> None:
        """Post what is done, and give back what waits."""
        if not (self._outcomes or self._jobs):
            return
        try:
            box = ray.get_actor(name)
        except ValueError:  # the driver has not missed the call yet
            return
        with self._lock:  # the call must not return while its results are on their way
            untouched = tuple(job.number for job in self._jobs)
            letter = Letter(self._call, pack_outcomes(self._outcomes), self._weights, untouched)
            try:
                ray.get(box.post.remote(letter))
            except RayError:
                return
            self._outcomes, self._weights = [], {}
            self._jobs.clear()


class Watch:
    """Looks at the current batch now and then, from a thread beside it.

    Args:
        name: of the driver's mailbox.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._batch: Batch | None = None
        self._wake = threading.Event()
        self._was_slow = False
        threading.Thread(target=self._look, daemon=True, name="batch watch").start()

    def over(self, batch: Batch | None) -> None:
        """Watch over a batch from now on, or over none."""
        self._batch = batch
        if batch is not None:
            self._wake.set()

    def is_called_back(self, call: int) -> bool:
        """Tell whether others do the jobs of a call that has stood behind a slow one."""
        if not self._was_slow:
            return False
        try:
            box = ray.get_actor(self._name)
            called_back = bool(ray.get(box.is_called_back.remote(call)))
        except (ValueError, RayError):
            called_back = False
        self._was_slow = called_back
        return called_back

    def _look(self) -> None:
        while self._wake.wait():
            self._wake.clear()
            while (batch := self._batch) is not None:
                time.sleep(SLOW / 2)
                if batch.slow and batch is self._batch:
                    self._was_slow = True
                    batch.post(self._name)
